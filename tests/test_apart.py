"""Work in a process of its own: however it ends, that is told in a line."""

import pytest

from cniperf.apart import Died, apart


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Call a function that does what it is told."""
    (tmp_path / "odd.py").write_text("import os, sys\ndef do(code): exec(code)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    return lambda code: apart("odd:do", code)


@pytest.mark.parametrize(
    ("code", "says"),
    [("os.kill(os.getpid(), 11)", "SIGSEGV ended its process"),
     ("os.kill(os.getpid(), 35)", "signal 35 ended its process"),
     ("os._exit(3)", "exit code 3"), ("raise KeyError('x')", "KeyError: 'x'"),
     ("print('first'); sys.exit('last\x1b')", r"last\\x1b")],
)  # fmt: skip
def test_how_it_ended_is_told(odd, code, says):
    with pytest.raises(Died, match=f"^{says}$"):
        odd(code)


def test_work_that_is_done_is_nothing_to_tell(odd):
    odd("print('well')")

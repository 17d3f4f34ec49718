"""What was not foreseen: a line, and its traceback in a file or, where that is asked for, shown."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT
from typed import refused

FAULT = """
import sys
from importlib import import_module

main = import_module("cniperf.cli.main")

class Mute(Exception):
    def __str__(self):
        raise ValueError

def fail():
    if {signal}:
        import os, time
        os.kill(os.getpid(), 15)
    {code}

main._ended = fail
main.main()
"""


def fault(code, tmp_path, signal=0, **environ):
    """Meet an unforeseen error in the command line."""
    known = {name: value for name, value in os.environ.items() if name != "CNIPERF_DEBUG"}
    return subprocess.run(
        [sys.executable, "-c", FAULT.format(code=code, signal=signal)], text=True, cwd=ROOT,
        capture_output=True, env={**known, "TMPDIR": str(tmp_path), **environ},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "says"),
    [("{}['no such']", "KeyError: 'no such'"), ("raise RuntimeError('a\\nb')", "RuntimeError: a b"),
     ("raise RuntimeError('x' * 9999)", "RuntimeError: xxx"), ("fail()", "RecursionError: "),
     ("raise ExceptionGroup('g', [KeyError(1)])", "ExceptionGroup: g (1 sub-exception)"),
     ("raise ValueError('\\udcff')", "ValueError: \\udcff"), ("raise Mute", "Mute: <exception str()"),
     ("import no_such_module", "ModuleNotFoundError: ")],
)  # fmt: skip
def test_what_nobody_foresaw_is_a_line_too_and_its_traceback_is_kept(tmp_path, code, says):
    done = fault(code, tmp_path)
    (kept,) = tmp_path.iterdir()
    refused(done, f"cniperf: a fault of cniperf's own: {says}", 1)
    assert done.stderr.endswith(f"; please report it with {kept}\n") and len(done.stderr) < 500
    assert kept.read_text().startswith(("Traceback", "  + Exception Group Traceback"))
    assert kept.stat().st_mode & 0o077 == 0


def test_where_it_cannot_be_kept_the_line_tells_how_to_see_it(tmp_path):
    script = "import tempfile; tempfile.tempdir = '/nowhere'; raise KeyError(1)"
    refused(fault(script, tmp_path), "KeyError: 1; set CNIPERF_DEBUG=1 to see where", 1)


def test_who_looks_for_a_fault_sees_its_traceback(tmp_path):
    assert "CNIPERF_DEBUG" in os.environ  # as in all tests: none is content with a fault's line
    done = fault("raise KeyError(1)", tmp_path, CNIPERF_DEBUG="1")
    assert done.returncode == 1 and done.stderr.startswith("Traceback")
    assert not list(tmp_path.iterdir())


def test_a_fault_that_a_signal_led_to_is_not_hidden(tmp_path):
    done = fault("raise KeyError(1)", tmp_path, signal=1)
    refused(done, "stopped by SIGTERM; a fault of cniperf's own: KeyError: 1; please", 143)

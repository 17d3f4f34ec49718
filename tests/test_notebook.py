"""What running a notebook leaves in the process that ran it: nothing."""

import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT, ended, open_files
from jupyter_client.provisioning import LocalProvisioner

from cniperf import notebook
from cniperf.notebook import NotebookFailed, execute, warm_kernel
from cniperf.quick import import_jsonschema

pytestmark = pytest.mark.notebook


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A notebook that does what its parameter says, in place of the project's own."""
    import_jsonschema()
    import nbformat

    cells = [
        nbformat.v4.new_code_cell("do = 'pass'", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("exec(do)"),
    ]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spec), tmp_path / "small.ipynb")
    monkeypatch.setattr(notebook, "find", lambda name: tmp_path / f"{name}.ipynb")
    return lambda kernel=None, do="pass": execute(
        "small", tmp_path / "out.ipynb", {"do": do}, kernel
    )


def held():
    """The threads of this process, and how many files it has open."""
    gc.collect()
    return set(threading.enumerate()), len(open_files("self"))


def test_a_notebook_leaves_no_thread_and_no_file_open(small):
    """A suite runs hundreds: what each of them left would add up, and be met at the end."""
    with warm_kernel() as kernel:
        small(kernel)
        before = held()
        for _ in range(3):
            small(kernel)
        with pytest.raises(NotebookFailed, match="no such thing"):
            small(kernel, "raise LookupError('no such thing')")
        assert held() == before


def test_a_kernel_that_dies_in_a_notebook_leaves_none_either(small):
    small()
    before = held()
    with pytest.raises(Exception, match=r"[Kk]ernel died"):
        small(do="import os; os._exit(3)")
    assert held() == before


def test_a_kernel_does_not_hold_the_output_of_who_started_it(tmp_path, small):
    """Else who waits for the end of that output would wait for all that the kernel started."""
    told = tmp_path / "pid"
    mine = {str(Path(f"/proc/self/fd/{number}").readlink()) for number in (1, 2)} - {os.devnull}
    with warm_kernel() as kernel:
        small(kernel, f"import os; open({str(told)!r}, 'w').write(str(os.getpid()))")
        files = open_files(told.read_text())
    assert len(files) > 3 and not mine & set(files)


def test_a_kernel_can_be_ended_by_another_thread_than_the_one_that_waits(small):
    """So a signal ends those of a suite that measures several pairs of hosts at once."""
    before = held()
    with ThreadPoolExecutor(1) as thread:
        with warm_kernel() as kernel:
            waiting = thread.submit(small, kernel, "import time; time.sleep(60)")
            while not kernel.has_kernel or not kernel.ready.done():
                time.sleep(0.1)
            time.sleep(1)
        with pytest.raises(BaseException, match=r"KeyboardInterrupt|[Kk]ernel died"):
            waiting.result(timeout=20)
    assert held()[0] == before[0]


STOPPED_THERE = """
import os, signal, sys
from zmq._future import _AsyncSocket
from cniperf import stop
from cniperf.errors import Stopped
from cniperf.notebook import execute, warm_kernel

before = getattr(_AsyncSocket, sys.argv[1])

def stopped(*args):
    os.kill(os.getpid(), signal.SIGTERM)
    setattr(_AsyncSocket, sys.argv[1], before)
    return before(*args)

stop.listen()
try:
    with warm_kernel() as kernel:
        setattr(_AsyncSocket, sys.argv[1], stopped)
        execute("run_scheme", sys.argv[2], {"scheme": "nothing"}, kernel)
except Stopped:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("where", ["get", "_handle_events"])
def test_a_signal_is_heard_wherever_it_meets_the_sockets(tmp_path, where):
    """In a socket's making it left one that nobody closed, in a loop's callback it was lost."""
    words = [sys.executable, "-c", STOPPED_THERE, where, str(tmp_path / "out.ipynb")]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert ended(process, within=30) == ("stopped\n", "")


def test_a_kernel_that_is_still_starting_does_not_outlive_the_stop(small, monkeypatch):
    """The end waits for the start, and ends what it has started."""
    pids = []
    launch = LocalProvisioner.launch_kernel

    async def slow(self, *args, **options):
        await asyncio.sleep(1)
        connection = await launch(self, *args, **options)
        pids.append(self.pid)
        return connection

    monkeypatch.setattr(LocalProvisioner, "launch_kernel", slow)
    with ThreadPoolExecutor(1) as thread:
        with warm_kernel() as kernel:
            late = thread.submit(small, kernel, "import time; time.sleep(60)")
            time.sleep(0.5)
            assert not kernel.has_kernel
        assert not Path(f"/proc/{pids[0]}").exists()
        with pytest.raises(Exception, match=r"[Kk]ernel died"):
            late.result(timeout=20)


def test_after_the_stop_no_kernel_is_started_any_more(small):
    with warm_kernel() as kernel:
        kernel.over = True
        with pytest.raises(NotebookFailed, match="stopped before it began"):
            small(kernel)
    assert not kernel.has_kernel


SPEC = {"display_name": "P", "language": "python"}


@pytest.mark.parametrize(
    ("spec", "says"),
    [("{", "it is no JSON"), ("[]", "cannot be used"), (b"\xff", "it is no UTF-8"),
     ({**SPEC, "argv": 5}, "cannot be used"), ({**SPEC, "argv": []}, "did not start"),
     ({**SPEC, "argv": ["/nowhere/python"]}, "did not start: /nowhere/python: No such file"),
     ({**SPEC, "argv": ["a\0b"]}, "did not start: embedded null byte"),
     ({**SPEC, "argv": ["/bin/false"]}, "does not answer: Kernel died before")],
)  # fmt: skip
def test_a_kernel_that_is_broken_is_named_in_a_line(small, tmp_path, monkeypatch, spec, says):
    folder = tmp_path / "kernels/python3"
    folder.mkdir(parents=True)
    text = json.dumps(spec) if isinstance(spec, dict) else spec
    (folder / "kernel.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(NotebookFailed, match=re.escape(f"the kernel python3 ({folder}) ")) as told:
        small()
    assert says in str(told.value) and "jupyter kernelspec list" in str(told.value)


def test_without_a_loopback_nothing_is_waited_for(small, monkeypatch):
    def refuse(*_):
        raise OSError(101, "Network is unreachable")

    probe = SimpleNamespace(connect=refuse)
    monkeypatch.setattr(notebook, "socket", lambda *_: nullcontext(probe))
    with pytest.raises(NotebookFailed, match=r"127\.0\.0\.1: Network .* `ip link set lo up`"):
        small()


@pytest.mark.parametrize("name", ["a{b}", "{}", "{do}", "}{", "{{0}}"])
def test_braces_in_a_path_are_only_braces(small, tmp_path, name):
    (tmp_path / name).mkdir()
    with warm_kernel() as kernel:
        execute("small", tmp_path / name / "out.ipynb", {"do": "x = '{}'"}, kernel)
    assert [file.name for file in (tmp_path / name).iterdir()] == ["out.ipynb"]

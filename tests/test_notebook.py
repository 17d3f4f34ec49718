"""What running a notebook leaves in the process that ran it: nothing."""

import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from conftest import open_files

from cniperf import notebook
from cniperf.notebook import NotebookFailed, execute, open_sockets, warm_kernel

pytestmark = pytest.mark.notebook


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A notebook that does what its parameter says, in place of the project's own."""
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


def test_kernels_can_be_ended_by_another_thread_than_the_one_that_waits(small):
    """So a signal ends them: their sockets are closed by the thread that they belong to."""
    before = held()
    with open_sockets() as sockets, ThreadPoolExecutor(1) as thread:
        with warm_kernel(sockets) as kernel:
            waiting = thread.submit(small, kernel, "import time; time.sleep(60)")
            while not kernel.has_kernel or not kernel.ready.done():
                time.sleep(0.1)
            time.sleep(1)
        with pytest.raises(BaseException, match=r"KeyboardInterrupt|[Kk]ernel died"):
            waiting.result(timeout=20)
    assert held()[0] == before[0]  # a thread that ran a loop leaves that loop's three files

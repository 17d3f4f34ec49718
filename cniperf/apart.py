"""Work in a separate Python process, which may die without ending this one."""

import os
import subprocess
import sys
from importlib import import_module
from tempfile import TemporaryFile
from threading import Thread

from cniperf import stop
from cniperf.errors import CniperfError, one_line


class Died(CniperfError):
    """The process ended before its work did; the text gives the cause."""


def apart(work: str, *words: str) -> None:
    """Call a function in its own process, and wait for its end.

    Args:
        work: the function, as ``cniperf.formats:pdf``.
        words: its arguments.

    Raises:
        Died: it failed, or a signal ended it.
        Stopped: a signal came to this process; the other one has been ended.
    """
    argv = [sys.executable, "-m", "cniperf.apart", work, *words]
    ended, end = os.pipe()  # closed with the process
    with TemporaryFile() as said:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=said, stderr=said, pass_fds=[end],
            start_new_session=True,
        )  # fmt: skip
        try:
            os.close(end)
            stop.wait(ended)
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(ended)
            process.communicate()
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if process.returncode < 0:
        how = stop.how_ended(process.returncode).removeprefix("by ")
        raise Died(f"{how} ended its process")
    if process.returncode:
        raise Died(one_line(lines[-1]) if lines else f"exit code {process.returncode}")


def _end_with_parent() -> None:
    os.read(0, 1)  # not by sys.stdin: its lock would still be taken at the end of the interpreter
    os._exit(1)


def _main(work: str, *words: str) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    module, _, name = work.partition(":")
    getattr(import_module(module), name)(*words)


if __name__ == "__main__":
    _main(*sys.argv[1:])

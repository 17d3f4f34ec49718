"""The dead man's switch of a lab: ``python -m cniperf.beds.reaper JOURNAL``.

It waits on its standard input, whose other end the lab's owner holds. However the owner ends
(even by SIGKILL, as when a notebook's kernel is restarted), the pipe closes and the reaper
sweeps the lab's journal.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cniperf import stop
from cniperf.beds.journal import Journal


def start(journal: Journal) -> subprocess.Popen[bytes]:
    """Start the reaper of a journal; closing its ``stdin`` lets it sweep and end."""
    return start_as("cniperf.beds.reaper", str(journal.path))


@contextmanager
def swept(name: str) -> Iterator[Journal]:
    """Yield a journal that is swept after the block, and if this process is killed in it."""
    guard = start(Journal.of(name))  # before there is anything to sweep
    journal = Journal.open(name)
    try:
        yield journal
    finally:
        with stop.later():
            journal.sweep()
            dismiss(guard)


def start_as(module: str, *words: str, folder: str = "/") -> subprocess.Popen[bytes]:
    """Start a module as a reaper, with some words, in a folder; it begins by :func:`await_end`."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,  # a Ctrl-C meant for the owner must not end it
    )


def dismiss(reaper: subprocess.Popen[bytes]) -> None:
    """Let a reaper end, its work being done."""
    assert reaper.stdin is not None
    reaper.stdin.close()
    reaper.wait()


def main(journal: str) -> None:
    """Wait for the owner's end, then sweep."""
    await_end()
    Journal(Path(journal)).sweep()


def await_end() -> None:
    """Wait until the owner has ended; signals that were meant for it do not end this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(sys.argv[1])

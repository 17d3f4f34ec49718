"""The dead man's switch of a lab: ``python -m cniperf.beds.reaper JOURNAL``.

It waits on its standard input, whose other end the lab's owner holds. However the owner ends
(even by SIGKILL, as when a notebook's kernel is restarted), the pipe closes and the reaper
sweeps the lab's journal.
"""

import signal
import sys
from pathlib import Path

from cniperf.beds.journal import Journal


def main(journal: str) -> None:
    """Wait for the owner's end, then sweep."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    Journal(Path(journal)).sweep()


if __name__ == "__main__":
    main(sys.argv[1])

"""One load at a time on one machine: two would measure each other."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cniperf.beds.journal import made_state_dir
from cniperf.errors import Busy


@contextmanager
def machine_lock(what: str) -> Iterator[None]:
    """Lock this machine for a run; the kernel unlocks it however the process ends.

    A process whose ancestor holds the lock (a notebook's kernel under a suite) shares it.

    Raises:
        Busy: another run holds the machine; the text names it.
    """
    with (made_state_dir() / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(file.name)
            if holder.get("pid") not in _ancestors():
                raise Busy(_text(holder)) from None
            yield
            return
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "what": what, "since": time.strftime("%X")}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _holder(path: str) -> dict[str, object]:
    with suppress(ValueError):
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    return {}


def _text(holder: dict[str, object]) -> str:
    who = "{what} (pid {pid}, since {since})".format(**holder) if holder else "another run"
    return f"this machine is taken by {who}: wait until it ends, or stop it"


def _ancestors() -> set[int]:
    """Return the pids of this process's parent, its parent, and so on."""
    found, pid = set(), os.getpid()
    while pid > 1:
        with suppress(FileNotFoundError):
            pid = int(
                Path(f"/proc/{pid}/stat")
                .read_text(encoding="utf-8", errors="replace")
                .rpartition(")")[2]
                .split()[1]
            )
            found.add(pid)
            continue
        break
    return found

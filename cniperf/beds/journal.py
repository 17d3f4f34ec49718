"""The journal of a lab: what it made, on disk, so that any process can undo it.

A lab records each namespace, folder and process *before* or as soon as it exists. The
finder of a dead owner's journal (its reaper, the next run, ``cniperf clean``) sweeps exactly
what is written there. An orderly end is the same sweep, done by the owner.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cniperf import stop
from cniperf.errors import NotAble

NETNS_DIR = Path("/run/netns")
ELSEWHERE = "name another folder in CNIPERF_STATE_DIR"
YOUNG = 60.0  # seconds within which a journal gets its owner: it takes one write
GRACE = 1.0  # seconds that a process gets between SIGTERM and SIGKILL


def state_dir() -> Path:
    """Return the folder of journals and of the lock."""
    if os.geteuid() == 0:
        usual = "/run/cniperf"
    elif own := os.environ.get("XDG_RUNTIME_DIR"):
        usual = f"{own}/cniperf"
    else:
        usual = f"/tmp/cniperf-{os.getuid()}"  # made_state_dir looks whose it is
    return Path(os.environ.get("CNIPERF_STATE_DIR", usual)).absolute()


def made_state_dir() -> Path:
    """Return the folder of journals and of the lock, made where it is not there yet.

    Raises:
        NotAble: it is another user's, or cannot be made.
    """
    folder = state_dir()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat(follow_symlinks=False).st_uid
    except OSError as problem:
        raise NotAble(f"cannot make {folder}: {problem.strerror}; {ELSEWHERE}") from None
    if owner != os.geteuid():
        raise NotAble(f"{folder} belongs to another user (uid {owner}): {ELSEWHERE}")
    return folder


class Journal:
    """The journal of one lab: a file of one JSON object a line, only ever appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, lab: str) -> "Journal":
        """Return the journal that a new lab is about to start."""
        return cls(made_state_dir() / f"{lab}.journal")

    @classmethod
    def open(cls, lab: str) -> "Journal":
        """Start the journal of a new lab, owned by this process."""
        journal = cls.of(lab)
        journal._append("owner", _identity(os.getpid()))
        return journal

    def add_namespace(self, name: str) -> None:
        """Record a namespace that is about to be made."""
        self._append("namespace", name)

    def add_folder(self, path: Path) -> None:
        """Record a folder that is about to be made."""
        self._append("folder", str(path.absolute()))  # the sweep runs in another folder

    def made_folder(self) -> Path:
        """Return a new folder beside the journal, which is swept with it."""
        folder = self.path.with_suffix("")
        self.add_folder(folder)
        folder.mkdir(mode=0o700)
        return folder

    def add_process(self, pid: int) -> None:
        """Record a process that was started."""
        self._append("process", _identity(pid))

    def add(self, kind: str, value: object) -> None:
        """Record something else that other processes need; it is not swept."""
        self._append(kind, value)

    def _append(self, kind: str, value: object) -> None:
        # One write of one short line: a kill leaves it whole or absent.
        with self.path.open("ab", buffering=0) as file:
            file.write(json.dumps({kind: value}).encode() + b"\n")

    def entries(self, kind: str) -> list[Any]:
        """Return the values of one kind, oldest first."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        values = []
        for line in lines:
            with suppress(ValueError):
                values += [value for key, value in json.loads(line).items() if key == kind]
        return values

    def owner_lives(self) -> bool:
        """Return whether the process that opened this journal is still there.

        One that names no owner may be about to: it counts as living while it is young.
        """
        owners = self.entries("owner")
        if not owners:
            with suppress(FileNotFoundError):
                return time.time() - self.path.stat().st_mtime < YOUNG
        return any(_lives(owner) for owner in owners)

    def sweep(self) -> bool:
        """Take back everything written here, then the journal itself.

        Two sweepers may meet: the second waits, and finds nothing left.

        Returns:
            True where there was something to sweep.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return False
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not self.path.exists():
                return False
            _end([_as_identity(entry) for entry in self.entries("process")])
            for name in self.entries("namespace"):
                if (NETNS_DIR / name).exists():
                    _delete(name)
            for folder in self.entries("folder"):
                shutil.rmtree(folder, ignore_errors=True)
            self.path.unlink(missing_ok=True)
        return True


def _delete(namespace: str) -> None:
    # A session of its own: a Ctrl-C is sent to all of this one's, and would end it half-way.
    argv = ["ip", "netns", "del", namespace]
    subprocess.run(argv, check=False, capture_output=True, start_new_session=True)


def journals() -> Iterator[Journal]:
    """Iterate over the journals of all labs, living and dead."""
    return (Journal(path) for path in sorted(state_dir().glob("*.journal")))


def sweep_dead() -> list[str]:
    """Sweep what dead owners left behind; return the names of the labs swept."""
    dead = [journal for journal in journals() if not journal.owner_lives()]
    return [journal.path.stem for journal in dead if _swept(journal)]


def _swept(journal: Journal) -> bool:
    stop.look()
    with stop.later():
        return journal.sweep()


Identity = tuple[int, int]


def _identity(pid: int) -> Identity:
    """Return a process's pid and start time, which together never come twice."""
    return pid, _stat(pid)[1]


def _as_identity(entry: list[int]) -> Identity:
    return entry[0], entry[1]


def _stat(pid: int) -> tuple[str, int]:
    """Return a process's state letter and its start time in clock ticks since boot."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    fields = text.rpartition(")")[2].split()  # the name before it may contain anything
    return fields[0], int(fields[19])


def _lives(identity: Identity | list[int]) -> bool:
    pid, started = identity
    state, start = _stat(pid)
    return state not in "XZ" and start == started


def _end(processes: list[Identity]) -> None:
    """End processes: ask, wait, then insist."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        alive = [process for process in processes if _lives(process)]
        for pid, _ in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + GRACE
        while any(map(_lives, alive)) and time.monotonic() < deadline:
            time.sleep(0.005)

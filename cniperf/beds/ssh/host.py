"""One host of a hosts file, used by a bed: claimed, wired, loaded and restored."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cniperf import stop
from cniperf.beds import shell
from cniperf.beds.command import CommandFailed
from cniperf.beds.counters import END
from cniperf.beds.ssh import snapshot
from cniperf.beds.ssh.guard import Guard
from cniperf.beds.ssh.process import Process
from cniperf.beds.ssh.remote import Remote
from cniperf.beds.ssh.survey import Survey, survey
from cniperf.errors import CannotWrite, CniperfError, NotAble, StepFailed, cause
from cniperf.inventory import Machine
from cniperf.plan import HostPlan
from cniperf.steps import KEEP_WINDOW, SetSysctl

# The request for wake-ups within 0 µs is kept as long as the file is open, see cniperf.beds.awake.
AWAKE = 'exec 4>/dev/cpu_dma_latency; printf "\\0\\0\\0\\0" >&4; exec sleep 86400'

RESTORED_WITHIN = 5.0  # seconds: a deleted namespace's devices go a moment later


class SshHost:
    """One host.

    Args:
        name: ``a`` or ``b``.
        machine: where it is and how it is reached.
        grace: seconds without contact before it undoes its changes.

    Attributes:
        remote: the connection.
        guard: its dead man's switch.
        survey: what it is and has, once it is connected.
    """

    survey: Survey

    def __init__(self, name: str, machine: Machine, grace: int) -> None:
        self.name, self.machine = name, machine
        self.remote = Remote(machine)
        self.guard = Guard(self.remote, grace)
        self._before: Mapping[str, Any] | None = None
        self._undo: list[list[str]] = []
        self._pushed: set[str] = set()

    def __str__(self) -> str:
        return f"host {self.machine.name}"

    # ── taken and given back ──────────────────────────────────────────────────────────────────

    def connect(self) -> None:
        """Connect, and ask it what it is and has."""
        self.remote.open()
        self.survey = survey(self.remote)

    def remember(self) -> None:
        """Record the host's state, to compare it when the host is restored."""
        self._before = snapshot.take(self.remote)

    def prepare(self, *, turns: bool = False, wakeful: bool = False) -> None:
        """Enable forwarding for its pods, as in the lab; first of all, arm its switch.

        Args:
            turns: TCP is to keep its window over a rest.
            wakeful: CPUs are to be kept awake, where they can be.
        """
        wanted = {"net.ipv4.ip_forward": "1"} | ({KEEP_WINDOW: "0"} if turns else {})
        self._undo = [SetSysctl(key, self._setting(key)).argv() for key in wanted]
        self._undo.append(["nft", "; ".join(END.splitlines())])
        self.guard.arm(shell.best_effort(self._undo))
        self.remote.commands([(SetSysctl(*each).argv(), None) for each in wanted.items()])
        if wakeful and self.survey.power:
            self.start(["sh", "-c", AWAKE], None, f"{self.guard.folder}/awake")

    def _setting(self, key: str) -> str:
        """Return what a kernel parameter was before; 0 of a guest, which ends with its bed."""
        if self._before is None:
            return "0"
        if key not in self._before["sysctl"]:
            raise NotAble(f"{self}: sysctl names no {key}, so it could not be set back")
        return str(self._before["sysctl"][key])

    def restore(self) -> str:
        """Undo everything; return why that failed, or an empty text."""
        try:
            if not self.remote.alive:
                self.remote.close()
                self.remote.open()
            self.guard.release()
        except CniperfError as problem:
            return (
                f"{problem}; {self} undoes its changes {self.guard.grace} s after the last contact"
            )
        return ""

    def compare(self) -> str:
        """Compare it with its earlier state; return the difference, or an empty text."""
        try:
            changed = self._differences()
        except CniperfError as problem:
            return f"{problem}: cniperf could not check whether {self} was restored"
        return f"{self} is not as it was: {'; '.join(changed)}" if changed else ""

    def _differences(self) -> list[str]:
        deadline = time.monotonic() + RESTORED_WITHIN
        while self._before is not None:
            changed = snapshot.differences(self._before, snapshot.take(self.remote))
            if not changed or time.monotonic() > deadline:
                return changed
            stop.sleep(0.1)
        return []

    # ── wired ─────────────────────────────────────────────────────────────────────────────────

    def arm(self, side: HostPlan) -> None:
        """Give the host the commands that undo its side of a plan, before it is wired."""
        back = [(number, step.argv()) for number, step in side.undo_each()]
        self.remote.run(f": >{shell.line([self._count])}")
        self.guard.arm(shell.best_effort_of(back, self._count) + shell.best_effort(self._undo))

    def wire(self, side: HostPlan) -> None:
        """Take the steps of its side of a plan, as one script.

        Raises:
            StepFailed: the first step that the host rejected.
        """
        commands = [step.argv() for step in side.steps]
        file = f"{self.guard.folder}/wire.sh"
        self.remote.put(file, shell.steps(commands, self._count))
        try:
            self.remote.command(["sh", file])
        except CommandFailed as problem:
            if (found := shell.failed(problem.said)) is None:
                raise
            number, reason = found
            raise StepFailed(self.machine.name, side.steps[number].brief, cause(reason)) from None

    def unwire(self, side: HostPlan) -> None:
        """Take back what can be; what is refused shows when the host is given back."""
        back = shell.best_effort(step.argv() for step in side.undo())
        self.remote.run(f"{back}: >{shell.line([self._count])}")

    @property
    def _count(self) -> str:
        """The file on the host that has how many steps were taken."""
        return f"{self.guard.folder}/taken"

    # ── loaded ────────────────────────────────────────────────────────────────────────────────

    def start(self, argv: Sequence[str], netns: str | None, output: str) -> Process:
        """Start a command; what it prints goes to a file of the host."""
        return self.remote.start(argv, netns, self.guard.folder, output)

    def twin(self, text: str | Path, folder: Path) -> str:
        """Return a text that names a folder of this machine as one that names its twin."""
        return str(text).replace(str(folder), f"{self.guard.folder}/files")

    def bring(self, program: Path) -> str:
        """Copy one of cniperf's programs there; return its file."""
        file = f"{self.guard.folder}/{program.name}"
        if file not in self._pushed:
            self.remote.put(file, program.read_text(encoding="utf-8"))
            self._pushed.add(file)
        return file

    def push(self, folder: Path) -> None:
        """Bring what a generator has written for its processes to the folder's twin."""
        for file in folder.iterdir():
            if file.is_file() and file.name not in self._pushed:
                with suppress(UnicodeDecodeError):
                    self.remote.put(
                        self.twin(file, folder), self.twin(file.read_text(encoding="utf-8"), folder)
                    )
                    self._pushed.add(file.name)

    def fetch(self, folder: Path) -> None:
        """Bring here what commands have left in the folder's twin.

        Raises:
            CannotWrite: there is no place for it.
        """
        there = self.twin(folder, folder)
        for name in self.remote.files(there):
            if name not in self._pushed and not name.endswith(".pid"):
                try:
                    self.remote.get(f"{there}/{name}", folder / name)
                except OSError as problem:
                    raise CannotWrite(f"{folder.parent}: {problem.strerror}") from None

    def others(self) -> str:
        """Return ``/proc/PID/stat`` of all processes but those that were started here."""
        pids = shell.line([f"{self.guard.folder}/pids"])
        own = f"own=\" $(cut -d' ' -f1 {pids} | tr '\\n' ' ')\""
        skip = 'p=${f%/stat}; p=${p#/proc/}; case "$own" in *" $p "*) continue;; esac'
        # One `cat` for all: a process for each would take longer than the look.
        rest = f'set --; for f in /proc/[0-9]*/stat; do {skip}; set -- "$@" "$f"; done'
        return self.remote.run(f'{own}; {rest}; cat "$@" 2>/dev/null; true')

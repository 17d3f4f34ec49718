"""A guest whose clock counts instructions: the same figure, digit for digit, on any machine.

QEMU's ``-icount`` lets virtual time pass with each instruction executed, one for a nanosecond
(``shift=0``), and with nothing else: how fast or busy this machine is cannot be seen inside. The
guest has the whole lab in it, two hosts on one CPU, and is handed all it needs before it starts
(:mod:`cniperf.measure.inside`). Each round is a load there, on new connections.
All chance in the guest follows from one seed, so the first load always gives the same figure, and
the second load always gives another. While a load keeps that CPU busy the seconds of the guest are
instructions, and bits a second are instructions a byte.

An instruction is no cycle: what caches, locks and two hosts at once cost is not in this figure.
"""

import json
import secrets
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cniperf import environment, stop
from cniperf.beds import shell
from cniperf.beds.bottle import qemu
from cniperf.beds.bottle.image import search_path
from cniperf.beds.journal import Journal
from cniperf.beds.privilege import require_root
from cniperf.beds.reaper import swept
from cniperf.errors import MeasurementFailed

if TYPE_CHECKING:
    from cniperf.params import Experiment

ENDS_WITHIN = 600.0  # seconds of this machine's for one load; 65 where nothing else runs
SEED = 1

# One thread, no sleep, a fixed seed, a clock that begins at one time and follows the instructions.
COUNTING = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off",
            "-rtc", "base=2026-01-01T00:00:00,clock=vm", "-net", "none"]  # fmt: skip

# A load of a second is to have the window that a long one gets to. How soon slow start ends and how
# far the receiver's buffer has grown is up to chance, and the window is part of the cost: with half
# of it flannel-hostgw takes a sixth less instructions a byte. So neither is left to chance.
STEADY = 'tcp_cubic.hystart=0 "sysctl.net.ipv4.tcp_rmem=4096 6291456 6291456"'

# The HPET gives the ticks: to calibrate the timer of the local APIC takes five seconds of a boot.
QUICK = "nolapic_timer"

BUSY = 0.98  # share of the time that the guest's CPU must be busy for, or its clock counts waiting


class FailedInside(MeasurementFailed):
    """The measurement failed in the guest.

    Attributes:
        found: the evidence, as ``evidence.json`` has it; empty where the path was not proven yet.
    """

    def __init__(self, told: "Told") -> None:
        self.found: dict[str, Any] = told.found.get("evidence", {})
        super().__init__(told.found["error"])


@dataclass(frozen=True)
class Told:
    """What a guest reported.

    Attributes:
        environment: what distinguishes its kernel and tools from others.
        facts: what a reader must know about this bed.
        found: see :func:`cniperf.measure.inside.measure`.
    """

    environment: dict[str, Any]
    facts: dict[str, Any]
    found: dict[str, Any]

    @property
    def loads(self) -> dict[int, dict[str, Any]]:
        """What it reported of each load that did not fail, by the number of the round."""
        return dict(enumerate(self.found["loads"], 1))


class Counting:
    """The bed. It measures by itself, so its hosts serve no scheme. Use it as a context manager."""

    def __enter__(self) -> Self:
        require_root()
        qemu.require()
        self._guest: qemu.Guest | None = None
        self._stack = ExitStack()
        self._journal = self._stack.enter_context(swept(f"counted-{secrets.token_hex(2)}"))
        self._folder = self._journal.made_folder()
        return self

    @stop.later()
    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._guest:
            self._guest.end()
        self._stack.close()

    def measure(self, experiment: "Experiment", tell: Callable[[str], None]) -> Told:
        """Boot a guest, let it measure, and return its report.

        Args:
            experiment: what to measure, from the first round to its last one.
            tell: called with a line about the progress.

        Raises:
            NotAble: no guest can be made here.
            GuestFailed: it did not boot, or ended too soon or not at all.
        """
        self._guest = _boot(experiment, self._folder, self._journal)
        self._guest.says("counting")
        tell("the guest is up, and counts")
        self._guest.wait(ENDS_WITHIN * experiment.numbers[-1])
        return _read(experiment, self._guest)


def _boot(experiment: "Experiment", folder: Path, journal: Journal) -> qemu.Guest:
    # Where files are on this machine is no part of a figure.
    job = {
        "scheme": experiment.scheme,
        "lab": experiment.model_dump(mode="json", include={"nic", "ip", "mtu", "gro", "udpcsum"})
        | {"ovs": experiment.needs_ovs},
        "traffic": asdict(experiment.traffic),
        "loads": experiment.numbers[-1],
    }
    settings = {"kind": "counted", "python": str(Path(sys.executable).resolve()),
                "path": search_path()}  # fmt: skip
    cpu = "max" if experiment.erms else qemu.NO_FAST_COPY
    options = [*COUNTING, "-cpu", cpu, "-seed", str(SEED), "-serial", f"file:{folder / 'answer'}"]
    return qemu.Guest(folder, settings, files={"/job.json": json.dumps(job)}, options=options,
                      cmdline=f"{QUICK} {STEADY}", journal=journal)  # fmt: skip


def _read(experiment: "Experiment", guest: qemu.Guest) -> Told:
    text = (guest.folder / "answer").read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError:
        raise qemu.GuestFailed(f"a guest ended without an answer: {guest.last_words()}") from None
    said = shell.answers(found.pop("said"), "", environment.questions())
    known = environment.answered({name: answer.text for name, answer in said.items()})
    known["versions"]["qemu"] = qemu.version()
    facts = {
        **found.pop("facts", {}),
        "bed": "counted", "meter": "instructions", "accelerator": "tcg",
        "shift": 0, "memory": qemu.MEMORY, "cpu": "max" if experiment.erms else qemu.NO_FAST_COPY,
    }  # fmt: skip
    return Told(known, facts, found)


def per_byte(used: float, gbps: float) -> float:
    """Return the instructions for a byte of goodput.

    Args:
        used: share of the time that the guest's CPU was busy for.
        gbps: goodput by the guest's clock, in 10⁹ bit/s: bits in the time of an instruction.

    Raises:
        MeasurementFailed: the CPU waited, so that its clock counted more than instructions.
    """
    if used < BUSY:
        raise MeasurementFailed(
            f"the guest's CPU waited for {100 * (1 - used):.0f} % of the time, so that its clock "
            "is no count of instructions: leave rate and window out"
        )
    return 8 / gbps

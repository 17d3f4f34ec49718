"""The interleaved design: in one lab, hostnetwork and the scheme are loaded in turns.

A machine's speed moves by some percent from one second to the next, and two runs never see the same
machine. So two connections of the same generator exist at once, hostnetwork's over a NIC of its
own and the scheme's, and each is let go on for a fraction of a second while the other is stopped
(:mod:`cniperf.beds.metronome`). Four turns are a block, ABBA or BAAB, drawn at random, so that a
steady drift cancels. The literature calls it a randomised multiple interleaved trial (Abedi and
Brecht, Conducting Repeatable Experiments in Highly Variable Cloud Computing Environments, ICPE
2017) or, of patients, a crossover design.
"""

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf.beds import metronome, quota
from cniperf.beds.bed import Untouched
from cniperf.beds.child import end_all
from cniperf.errors import MeasurementFailed, one_line
from cniperf.generators import Generator, Job, Traffic, all_generators
from cniperf.measure.ends import GRACE, Ends
from cniperf.measure.load import share_of_others
from cniperf.schemes import BASELINE

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.beds.child import Child
    from cniperf.hosts import Endpoint
    from cniperf.plan import Plan

SITTINGS = 2  # times that a lab's connections are opened: each is one draw of ports and buffers
SETTLE = 0.012  # seconds of a turn before its slice: what its start stirs up is over by then
# Seconds of load before the turns: a fresh connection has to find its window. Within one machine
# it has after 50 ms, over a network it takes some round trips.
WARM, WARM_HERE = 0.4, 0.1
BLOCK = 4  # turns
BASE_PORT = 100  # above the generator's own: where hostnetwork's servers listen
FAR_PORT = 300  # also above it: UDP, where the receiving host reports its CPUs
FOREVER = 3600  # seconds that the generator is asked for; it is ended before
FLOWS = 100_000  # bytes on an interface: the connection stands
CLOCK = ["python3", "-SE", "-c", "import time; print(time.monotonic())"]
REST = 0.03  # seconds between two turns that begin by the clock: the other's buffers are empty then
LEAD = 1.0  # seconds, beside those that starting takes, until metronomes begin by the clock
PATIENCE = 15  # seconds that the turns may take longer than they are to

# Where a line of a metronome has them.
BLOCK_OF, BEGAN, DRAINED = map(metronome.HEAD.split(",").index, ("block", "began", "drained"))

Say = Callable[[str], None]


@dataclass(frozen=True)
class Leg:
    """One of the two that take turns.

    Attributes:
        name: ``scheme`` or ``hostnetwork``.
        port: of the first server, above the generator's own.
        a, b: its ends on each host.
    """

    name: str
    port: int
    a: "Sequence[Endpoint]"
    b: "Sequence[Endpoint]"


def pods(plan: "Plan") -> list[Leg]:
    """Return the legs that set the first pair of pods of a plan against its second one."""
    a, b = plan
    return [
        Leg("scheme", 0, a.endpoints[:1], b.endpoints[:1]),
        Leg("hostnetwork", BASE_PORT, a.endpoints[1:2], b.endpoints[1:2]),
    ]


@dataclass(frozen=True)
class Turns:
    """A load that a scheme and hostnetwork take turns at, on a plan that is wired.

    Attributes:
        bed: whose hosts have an interface for hostnetwork beside the scheme.
        plan: the scheme's.
        traffic: what both send.
        slice: seconds of each turn that count.
        folder: of the run; ``turns.csv`` is written there.
        stall: by leg, a share of each slice to stop it for: a fault that tests plant.
        between: what takes turns in place of the scheme and hostnetwork; see :func:`pods`.
    """

    bed: "Bed"
    plan: "Plan"
    traffic: Traffic
    slice: float
    folder: Path
    stall: Mapping[str, float] = field(default_factory=dict)
    between: Sequence[Leg] = ()

    def run(self, say: Say) -> dict[str, Any]:
        """Load both in turns and return the summary, see :func:`cniperf.measure.summary.turns`.

        Args:
            say: called with a line after each opening of the connections.

        Raises:
            MeasurementFailed: no server, no connection, no end, or no figure.
        """
        from cniperf.measure.summary import turns

        legs = self.between or self._legs()
        self._scratch.mkdir()
        began, quotas = time.monotonic(), self.bed.quotas()
        others, cpus = self.bed.others(), self.bed.cpu_times()
        parts = []
        try:
            for sitting in range(1, SITTINGS + 1):
                parts.append(self._sit(legs))
                say(f"connections {sitting} of {SITTINGS} have had their turns")
        finally:  # the programs were cut off: their output has no figure
            shutil.rmtree(self._scratch)
        share = share_of_others(self.bed, others, time.monotonic() - began)
        later = self.bed.cpu_times()
        self._write(parts)
        return {
            **turns(self.folder, cpus, later, self.bed.cpus),
            "others": share,
            **quota.summary(quotas, self.bed.quotas()),
        }

    def _legs(self) -> list[Leg]:
        bare = self.bed.bare(self.plan)
        if bare is None:
            raise MeasurementFailed(f"{self.plan.scheme} leaves no interface to hostnetwork")
        a, b = self.plan
        pairs = len(a.endpoints)
        return [
            Leg("scheme", 0, a.endpoints, b.endpoints),
            Leg("hostnetwork", BASE_PORT, [bare[0]] * pairs, [bare[1]] * pairs),
        ]

    # ── one opening of the connections ────────────────────────────────────────────────────────

    def _sit(self, legs: Sequence[Leg]) -> str:
        """Open the connections, let them take their turns, close them; return the turns."""
        with ExitStack() as stack:
            senders = {leg.name: stack.enter_context(self._connected(leg)) for leg in legs}
            return self._beat(legs, senders)

    @contextmanager
    def _connected(self, leg: Leg) -> "Iterator[Sequence[Child]]":
        """Connect a leg's ends; yield those that send."""
        generator = self._generator
        ends = Ends(self.bed, generator, self._scratch, leg.a, leg.b)
        jobs = [
            Job(
                traffic=self.traffic, address=end.address, folder=self._scratch,
                port=generator.port + leg.port + n, tag=f"-{leg.name}-{n + 1}",
                seconds=FOREVER, omit=0,
            )
            for n, end in enumerate(leg.b)
        ]  # fmt: skip
        with ends.servers(jobs) as servers:
            clients = ends.clients(jobs)
            try:
                for client, end, job in zip(clients, leg.a, jobs, strict=True):
                    self._await_flow(ends, client, end.device, job)
                senders = servers if self._reverse else clients
                if isinstance(self.bed, Untouched):  # what comes before the turns takes seconds
                    self.bed.rest(senders)
                yield senders
            finally:
                end_all(clients, GRACE)

    def _await_flow(self, ends: Ends, client: "Child", device: str, job: Job) -> None:
        """Wait until a connection carries bytes; a client that ends before has failed."""
        limit, first = time.monotonic() + PATIENCE, client.bytes_carried(device)
        while time.monotonic() < limit:
            if client.ended(within=0.01):
                self.bed.collect(self._scratch)
                raise ends.ended("client", client, job)
            now = client.bytes_carried(device)
            if first is None:
                first = now
            elif now is not None and now - first > FLOWS:
                return
        raise MeasurementFailed(f"{self._generator.name} did not carry a byte from {device}")

    def _beat(self, legs: Sequence[Leg], senders: "Mapping[str, Sequence[Child]]") -> str:
        """Let the metronome give the turns; return what it printed.

        Where the legs' senders do not see each other each leg has its own metronome.
        """
        order = "".join(random.choice(("shhs", "hssh")) for _ in range(self._blocks))
        job: dict[str, Any] = {
            "order": order, "warm": self._warm, "settle": SETTLE,
            "slice": self.slice, "serving": self._reverse, "stall": dict(self.stall),
            "near": self._near,
        }  # fmt: skip
        job["most"] = 2 * len(order) * (SETTLE + self.slice + (REST if self.bed.apart else 0))
        length = job["most"] + 2 * job["warm"] + PATIENCE
        groups = [[leg] for leg in legs] if self.bed.apart else [legs]
        with ExitStack() as stack:
            cpus = [stack.enter_context(self._cpus(group)) for group in groups]
            if self.bed.apart:
                job["clock"] = {"at": self._soon(legs), "rest": REST}
            children = [
                self._metronome(group[0], int(self._reverse), {
                    **job, "cpus": own,
                    "legs": {leg.name: self._sender(leg, senders[leg.name]) for leg in group},
                }, f"metronome-{number}")
                for number, (group, own) in enumerate(zip(groups, cpus, strict=True))
            ]  # fmt: skip
            for child in children:
                if not child.ended(within=length):
                    raise MeasurementFailed(f"the turns did not end within {length:.0f} s")
        self.bed.collect(self._scratch)
        said = [(self._scratch / f"metronome-{number}").read_text(encoding="utf-8")
                for number, _ in enumerate(groups)]  # fmt: skip
        for child, words in zip(children, said, strict=True):
            if child.returncode:
                raise MeasurementFailed(f"the turns broke off: {one_line(words[-200:])}")
        return together(said) if self.bed.apart else said[0]

    def _soon(self, legs: Sequence[Leg]) -> float:
        """Return a moment at which all metronomes are there, on the clock that they share.

        Raises:
            MeasurementFailed: they share none, as where a pod has its own kernel.
        """
        host, began = int(self._reverse), time.monotonic()
        places = [(leg.a, leg.b)[host][0].netns or self.bed.hosts[host].name for leg in legs]
        moments = [float(self.bed.command(place, CLOCK)) for place in places]
        spent = time.monotonic() - began
        if not 0 <= moments[-1] - moments[0] <= spent:
            raise MeasurementFailed(
                f"the senders' clocks differ by {moments[-1] - moments[0]:.3f} s, read within "
                f"{spent:.3f} s, so the senders are on different kernels: give design=separate"
            )
        return moments[-1] + LEAD + 2 * spent  # each start takes as long as the question did

    @contextmanager
    def _cpus(self, legs: Sequence[Leg]) -> Iterator[dict[str, Any]]:
        """Yield where the metronome of some legs finds the CPUs of each host."""
        found: dict[str, Any] = {name: list(own) for name, own in self.bed.cpus.items()}
        if self.bed.one_machine:
            yield found
            return
        far = int(not self._reverse)
        leg = next((leg for leg in legs if leg.name == BASELINE), legs[0])
        name, end = self.bed.hosts[far].name, (leg.a, leg.b)[far][0]
        if self.bed.together and leg.name != BASELINE:
            yield found | {name: None}  # its CPUs are the near host's
            return
        where = {"address": end.address, "port": self._generator.port + leg.port + FAR_PORT}
        child = self._metronome(leg, far, {"report": found[name], **where}, f"far-{leg.name}")
        try:
            yield found | {name: where}
        finally:
            end_all([child], GRACE)

    def _metronome(self, leg: Leg, host: int, job: Mapping[str, Any], name: str) -> "Child":
        """Start a metronome on a host, in the pod of a leg's end where that sees no others."""
        end = (leg.a, leg.b)[host][0]
        return self.bed.start_python(
            self.bed.hosts[host], Path(metronome.__file__), json.dumps(job), self._scratch / name,
            end.netns if self.bed.apart else None,
        )  # fmt: skip

    def _sender(self, leg: Leg, senders: "Sequence[Child]") -> dict[str, list[Any]]:
        first = self._generator.port + leg.port
        return {
            "pids": [child.pid for child in senders],
            "ports": [first + n for n in range(len(senders))],
            "devices": [end.device for end in (leg.b if self._reverse else leg.a)],
        }

    @property
    def _generator(self) -> Generator:
        return all_generators()[self.traffic.generator]

    @property
    def _scratch(self) -> Path:
        """Folder of what the programs print."""
        return self.folder / "scratch"

    @property
    def _reverse(self) -> bool:
        return self.traffic.direction == "reverse"

    @property
    def _warm(self) -> float:
        """Seconds of load of each leg before its turns."""
        return self.traffic.omit + (WARM_HERE if self.bed.one_machine else WARM)

    @property
    def _near(self) -> list[int]:
        """A CPU of each host, where both have their own on one machine."""
        a, b = self.bed.cpus.values()
        return [a[0], b[0]] if self.bed.one_machine and set(a).isdisjoint(b) else []

    @property
    def _blocks(self) -> int:
        """Blocks of one sitting."""
        block = BLOCK * (SETTLE + self.slice)
        return max(1, round(self.traffic.duration / SITTINGS / block))

    def _write(self, parts: Sequence[str]) -> None:
        """Leave the turns of all sittings as one table."""
        lines = [f"sitting,{metronome.HEAD}"]
        for sitting, said in enumerate(parts, 1):
            lines += [f"{sitting},{line}" for line in said.splitlines()[1:]]
        (self.folder / "turns.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def together(said: Sequence[str]) -> str:
    """Return what two metronomes printed as one table of whole blocks.

    A block counts where each of its turns began after all that the turn before had sent was gone.

    Raises:
        MeasurementFailed: no block counts.
    """
    rows = sorted((line.split(",") for text in said for line in text.splitlines()[1:]),
                  key=lambda row: float(row[BEGAN]))  # fmt: skip
    late = {
        row[BLOCK_OF]
        for before, row in pairwise(rows)
        if float(before[DRAINED]) > float(row[BEGAN])
    }
    turns = Counter(row[BLOCK_OF] for row in rows)
    whole = [row for row in rows if turns[row[BLOCK_OF]] == BLOCK and row[BLOCK_OF] not in late]
    if not whole:
        raise MeasurementFailed(
            f"in {len(late)} of {len(turns)} blocks, a turn began before the data of the previous "
            "turn was acknowledged: give a window, for example window=512K"
        )
    return "\n".join([metronome.HEAD, *(",".join(row) for row in whole)]) + "\n"

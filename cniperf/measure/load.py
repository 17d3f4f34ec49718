"""The load between the pods of a plan that is wired, and what the hosts' CPUs did meanwhile."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf.analysis.latency import added, percentiles, write_counts
from cniperf.analysis.trend import trend
from cniperf.errors import MeasurementFailed
from cniperf.generators import Figures, Generator, Job, all_generators
from cniperf.measure.udp_search import highest_rate
from cniperf.runs import load_intervals

if TYPE_CHECKING:
    import pandas as pd

    from cniperf.beds.bed import Bed
    from cniperf.beds.child import Child
    from cniperf.beds.cputime import CpuTimes
    from cniperf.params import Experiment
    from cniperf.plan import Plan

READY = 5  # seconds that a server may take to listen
FLOWS = 3_000  # bytes on the interface within 50 ms: the load has begun
MARGIN = 0.25  # seconds: how late the begin of the load may be noticed, and its end cut short
PATIENCE = 15  # seconds that the load may take longer than it was asked to

Tick = Callable[[float, float], None]


@dataclass(frozen=True)
class Load:
    """The load of an experiment, between all pairs of a plan that is wired."""

    bed: "Bed"
    plan: "Plan"
    experiment: "Experiment"
    folder: Path

    @property
    def generator(self) -> Generator:
        """The program that makes the load."""
        return all_generators()[self.experiment.generator]

    def run(self, tick: Tick) -> dict[str, Any]:
        """Load the path, leave the generator's own words in the folder, and return the summary.

        It has the figures of :class:`cniperf.generators.Figures` (percentiles in place of the
        counts, the sum over the pairs), ``cpu_a``, ``cpu_b`` (how full each host's busiest CPU
        was while bytes flowed, in %), ``cpu_per_gb_a``, ``cpu_per_gb_b`` (CPU seconds of each
        host for 10⁹ bytes of goodput), ``cpu_each_a``, ``cpu_each_b`` (CPU µs of each host for
        one transaction or datagram), ``stolen`` (% of the hosts' CPU time), ``others`` (what
        processes that are no part of the load used meanwhile, in % of one CPU), ``handover``
        (:func:`cniperf.beds.caches.handover` before the load and after it), those of
        :func:`cniperf.analysis.trend.trend` and, for several pairs, ``pair_figures`` (of each)
        and ``jain``.

        Args:
            tick: called after each pause of the bed with the seconds since the start and the Gbit/s that
                the first pod of host a carried since the last call, both ways together.

        Raises:
            MeasurementFailed: no server, no connection, no end, or no figure.
        """
        before = self.bed.handover()
        began, others = time.monotonic(), self.bed.others()
        found = self._search(tick) if self.experiment.mode == "udp" else self._load(tick)
        used = self.bed.others(since=others)
        found["others"] = 100 * sum(used.values()) / (time.monotonic() - began)
        found["handover"] = (before, self.bed.handover())
        return found

    def _search(self, tick: Tick) -> dict[str, Any]:
        """Find the highest rate that keeps the loss within its bound; return its summary."""
        asked = self.experiment

        def attempt(datagrams: float, *, confirm: bool) -> dict[str, Any]:
            rate = datagrams * asked.size * 8 / 1e9
            if confirm:
                return self._load(tick, rate=rate)
            return self._load(tick, rate=rate, seconds=1, omit=0)

        return highest_rate(attempt, bound=asked.max_loss / 100)

    def _load(
        self, tick: Tick, *, rate: float | None = None, seconds: int = 0, omit: int = -1
    ) -> dict[str, Any]:
        """Load every pair once, at once; return the summary."""
        asked = self.experiment
        first = Job(
            experiment=asked,
            address="",
            port=self.generator.port,
            folder=self.folder,
            seconds=seconds or asked.duration,
            omit=asked.omit if omit < 0 else omit,
            rate=asked.rate if rate is None else rate,
            buffer=int(self.bed.sysctl(self.plan.a.host, "net.core.rmem_max")),
        )
        jobs = [
            replace(first, address=end.address, port=first.port + n, tag=f"-{n + 1}" if n else "")
            for n, end in enumerate(self.plan.b.endpoints)
        ]
        with self._servers(jobs) as servers:
            clients = self._clients(jobs)
            busy = self._await(clients, first.total, tick)
            self.bed.collect(self.folder)
            if self.generator.ends:
                # What the clients say comes first: a server waits for one that never came.
                figures = [self.generator.read(job) for job in jobs]
                self._end(servers)
        self.bed.collect(self.folder)
        if not self.generator.ends:
            figures = [self.generator.read(job) for job in jobs]
        return self._summary(figures, busy, jobs)

    @contextmanager
    def _servers(self, jobs: Sequence[Job]) -> Iterator[list["Child"]]:
        """Start a server in each pod of host b, and end those that do not end by themselves."""
        b = self.plan.b
        servers = [
            self.bed.start(b.host, end.netns, self.generator.server(job), job.file("server"))
            for job, end in zip(jobs, b.endpoints, strict=True)
        ]
        try:
            for server, job in zip(servers, jobs, strict=True):
                self._await_server(server, job)
            yield servers
        finally:
            for server in servers:
                if server.poll() is None:
                    server.terminate()
            for server in servers:
                server.wait()

    def _await_server(self, server: "Child", job: Job) -> None:
        deadline = time.monotonic() + READY
        while not server.listens(job.address, job.port):
            if server.poll() is not None:
                self.bed.collect(self.folder)
                said = self.generator.explain(job.file("server").read_text())
                raise MeasurementFailed(
                    f"the {self.generator.name} server ended with code {server.returncode}: {said}"
                )
            if time.monotonic() > deadline:
                raise MeasurementFailed(
                    f"the {self.generator.name} server does not listen on {job.address}:{job.port}"
                )
            time.sleep(0.005)

    def _clients(self, jobs: Sequence[Job]) -> list["Child"]:
        """Start a client in each pod of host a; several begin together, once all are there."""
        a, gate = self.plan.a, self.folder / "gate"
        ends = list(zip(jobs, a.endpoints, strict=True))
        if len(ends) == 1:
            job, end = ends[0]
            return [
                self.bed.start(a.host, end.netns, self.generator.client(job), job.file("client"))
            ]
        self.bed.make_gate(a.host, gate)
        try:
            clients = [
                self.bed.start(a.host, end.netns, [*WAIT, str(gate), *self.generator.client(job)],
                               job.file("client"))
                for job, end in ends
            ]  # fmt: skip
            self._open(gate, clients)
        finally:
            self.bed.remove_gate(a.host, gate)
        return clients

    def _open(self, gate: Path, clients: Sequence["Child"]) -> None:
        """Open the gate once every client stands before it."""
        deadline = time.monotonic() + READY
        while not all(_stands_at_gate(client) for client in clients):
            if time.monotonic() > deadline:
                raise MeasurementFailed("the clients did not get ready")
            time.sleep(0.02)
        self.bed.open_gate(self.plan.a.host, gate)

    def _await(self, clients: Sequence["Child"], length: int, tick: Tick) -> dict[str, Any]:
        """Wait for the load's end; return what the CPUs did while bytes flowed."""
        client, device = clients[0], self.plan.a.endpoint.device
        limit = time.monotonic() + length + PATIENCE
        self._await_flow(client, device, limit)
        start = last = time.monotonic()
        before = after = self.bed.cpu_times()
        sent = client.bytes_carried(device)
        end = start + length - MARGIN
        pause = self.bed.pause
        while not client.ended(within=min(pause, end - last) if last < end else pause):
            now, total = time.monotonic(), client.bytes_carried(device)
            if now > limit:
                raise MeasurementFailed(
                    f"{self.generator.name} did not end within {length + PATIENCE} s"
                )
            if now < end + MARGIN:
                after = self.bed.cpu_times()
                if sent is not None and total is not None:
                    tick(now - start, (total - sent) * 8 / 1e9 / (now - last))
            last, sent = now, total
        for other in clients[1:]:
            if not other.ended(within=max(0.0, limit - time.monotonic())):
                raise MeasurementFailed(f"{self.generator.name} did not end in every pod")
        return busy(before, after, self.bed.cpus)

    def _await_flow(self, client: "Child", device: str, limit: float) -> None:
        """Wait until the interface carries the load: proxy ARP may hold it up for a second."""
        sent = None
        while not client.ended(within=0.05) and time.monotonic() < limit:
            total = client.bytes_carried(device)
            if sent is not None and total is not None and total - sent > FLOWS:
                return
            sent = total

    def _end(self, servers: Sequence["Child"]) -> None:
        limit = time.monotonic() + PATIENCE
        for server in servers:
            if not server.ended(within=max(0.0, limit - time.monotonic())):
                raise MeasurementFailed(
                    f"the {self.generator.name} server did not end with its client"
                )

    def _summary(
        self, figures: Sequence[Figures], busy: dict[str, Any], jobs: Sequence[Job]
    ) -> dict[str, Any]:
        whole = together(figures)
        latency = whole.pop("latency")
        if latency is not None:
            write_counts(self.folder, latency)
            whole |= percentiles(latency)
        used = busy.pop("used")
        intervals = load_intervals(self.folder)
        return whole | busy | costs(used, whole, intervals) | trend(intervals)


# Reading from a pipe without a writer waits; the one who opens it to write lets all go at once.
WAIT = ["sh", "-c", 'read -r _ < "$0"; exec "$@"']


def _stands_at_gate(client: "Child") -> bool:
    """Tell whether a client waits for the gate to open: its shell sleeps nowhere else."""
    if client.poll() is not None:
        raise MeasurementFailed(f"a client ended with code {client.returncode} before the load")
    return client.sleeps_in_shell()


def busy(
    before: "Mapping[str, CpuTimes]",
    after: "Mapping[str, CpuTimes]",
    cpus: Mapping[str, Sequence[int]],
) -> dict[str, Any]:
    """Return how busy the CPUs of the hosts were between two looks at them."""
    if after == before:  # the load ended before a second look
        return {"cpu_a": None, "cpu_b": None, "stolen": None, "used": None}
    spans = {host: after[host].at - before[host].at for host in cpus}
    stolen = {host: after[host].stolen_since(before[host], own) for host, own in cpus.items()}
    return {
        "used": {
            host: after[host].used(before[host], own) / spans[host] for host, own in cpus.items()
        },
        **{f"cpu_{host}": after[host].busiest(before[host], own) for host, own in cpus.items()},
        "stolen": sum(stolen[host] * len(own) for host, own in cpus.items())
        / sum(map(len, cpus.values())),
    }


SUMS = ("gbps", "gbps_sent", "per_second", "retransmits", "sender_cpu", "receiver_cpu")


def together(figures: Sequence[Figures]) -> dict[str, Any]:
    """Return the figures of all pairs as those of one load, with ``pair_figures`` and ``jain``."""
    whole = dict(vars(figures[0]))
    if len(figures) == 1:
        return whole
    for name in SUMS:
        parts = [getattr(each, name) for each in figures]
        whole[name] = None if None in parts else sum(parts)
    latencies = [each.latency for each in figures if each.latency is not None]
    whole["latency"] = added(latencies) if latencies else None
    own = [each.gbps if each.per_second is None else each.per_second for each in figures]
    return whole | {"pair_figures": own, "jain": jain([x or 0.0 for x in own])}


def jain(shares: Sequence[float]) -> float:
    """Return Jain's fairness index: 1 where all have the same, 1/n where one has everything.

    Jain, Chiu, Hawe: A Quantitative Measure of Fairness and Discrimination for Resource
    Allocation in Shared Computer Systems (DEC-TR-301, 1984).
    """
    squares = sum(share**2 for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def costs(
    used: dict[str, float] | None, figures: dict[str, Any], intervals: "pd.DataFrame"
) -> dict[str, float | None]:
    """Return what the load cost each host, from the CPU seconds that it spent a second.

    The CPUs were watched over the omitted seconds, too, so the goodput is that of all seconds
    where it is known.
    """
    gbps, each = figures["gbps"], figures["per_second"]
    if len(intervals):
        seconds = intervals["second"].diff().fillna(intervals["second"])
        gbps = (intervals["gbps"] * seconds).sum() / seconds.sum()
    return {
        **{f"cpu_per_gb_{host}": used[host] / (gbps / 8) if used and gbps else None
           for host in "ab"},
        **{f"cpu_each_{host}": 1e6 * used[host] / each if used and each else None
           for host in "ab"},
    }  # fmt: skip

"""The load between the pods of a plan that is wired, and what the hosts' CPUs did meanwhile."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf.beds import quota
from cniperf.errors import MeasurementFailed
from cniperf.generators import Figures, Generator, Job, all_generators
from cniperf.measure.udp_search import highest_rate

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.beds.child import Child
    from cniperf.measure.summary import Watched
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
        one transaction or datagram), ``insn_per_byte_a``, ``insn_per_byte_b``, ``insn_per_byte``
        (instructions that each host, and both, executed for a byte of goodput; None where the bed
        does not count them), ``stolen`` (% of the hosts' CPU time), ``others`` (what
        processes that are no part of the load used meanwhile, in % of one CPU), ``handover``
        (:func:`cniperf.beds.caches.handover` before the load and after it), those of
        :func:`cniperf.beds.quota.summary`, of
        :func:`cniperf.analysis.trend.trend` and, for several pairs, ``pair_figures`` (of each)
        and ``jain``.

        Args:
            tick: called after each pause of the bed with the seconds since the start and the
                Gbit/s that the first pod of host a carried since the last call, both ways
                together.

        Raises:
            MeasurementFailed: no server, no connection, no end, or no figure.
        """
        before, quotas = self.bed.handover(), self.bed.quotas()
        began, others = time.monotonic(), self.bed.others()
        found = self._search(tick) if self.experiment.mode == "udp" else self._load(tick)
        used = self.bed.others(since=others)
        found["others"] = 100 * sum(used.values()) / (time.monotonic() - began)
        found["handover"] = (before, self.bed.handover())
        found |= quota.summary(quotas, self.bed.quotas())
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
        from cniperf.measure.summary import summary  # takes its time, which nobody else needs

        figures, watched = self.transfer(tick, rate=rate, seconds=seconds, omit=omit)
        return summary(figures, watched, self.bed.cpus, self.folder)

    def transfer(
        self, tick: Tick, *, rate: float | None = None, seconds: int = 0, omit: int = -1
    ) -> "tuple[list[Figures], Watched]":
        """Load every pair once, at once, and leave what the generators say in the folder.

        Args:
            tick: see :meth:`run`.
            rate: in place of the experiment's, in Gbit/s.
            seconds: in place of its duration; 0 for that.
            omit: in place of its own; negative for that.

        Returns:
            What each pair came to, and what the hosts did meanwhile.
        """
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
            watched = self._await(clients, first.total, tick)
            self.bed.collect(self.folder)
            if self.generator.ends:
                # What the clients say comes first: a server waits for one that never came.
                figures = [self.generator.read(job) for job in jobs]
                self._end(servers)
        self.bed.collect(self.folder)
        if not self.generator.ends:
            figures = [self.generator.read(job) for job in jobs]
        return figures, watched

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

    def _await(self, clients: Sequence["Child"], length: int, tick: Tick) -> "Watched":
        """Wait for the load's end; return what the hosts did while bytes flowed."""
        client, device = clients[0], self.plan.a.endpoint.device
        limit = time.monotonic() + length + PATIENCE
        self._await_flow(client, device, limit)
        start = last = time.monotonic()
        before = after = self.bed.cpu_times(), self.bed.instructions()
        sent = client.bytes_carried(device)
        end = start + length - MARGIN
        pause = min(self.bed.pause, length / 2)  # a short load is looked at, too
        while not client.ended(within=min(pause, end - last) if last < end else pause):
            now, total = time.monotonic(), client.bytes_carried(device)
            if now > limit:
                raise MeasurementFailed(
                    f"{self.generator.name} did not end within {length + PATIENCE} s"
                )
            if now < end + MARGIN:
                after = self.bed.cpu_times(), self.bed.instructions()
                if sent is not None and total is not None:
                    tick(now - start, (total - sent) * 8 / 1e9 / (now - last))
            last, sent = now, total
        for other in clients[1:]:
            if not other.ended(within=max(0.0, limit - time.monotonic())):
                raise MeasurementFailed(f"{self.generator.name} did not end in every pod")
        return before, after

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


# Reading from a pipe without a writer waits; the one who opens it to write lets all go at once.
WAIT = ["sh", "-c", 'read -r _ < "$0"; exec "$@"']


def _stands_at_gate(client: "Child") -> bool:
    """Tell whether a client waits for the gate to open: its shell sleeps nowhere else."""
    if client.poll() is not None:
        raise MeasurementFailed(f"a client ended with code {client.returncode} before the load")
    return client.sleeps_in_shell()

"""The load between the pods of a plan that is wired, and what the hosts' CPUs did meanwhile."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cniperf.beds import quota
from cniperf.errors import CannotWrite, MeasurementFailed
from cniperf.generators import Generator, Job, Traffic, all_generators
from cniperf.measure.ends import Ends
from cniperf.measure.seen import Seen
from cniperf.measure.udp_search import highest_rate

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed, Others
    from cniperf.beds.child import Child
    from cniperf.measure.summary import Watched
    from cniperf.plan import Plan

FLOWS = 3_000  # bytes on the interface within 50 ms: the load has begun
MARGIN = 0.25  # seconds: how late the begin of the load may be noticed, and its end cut short
SOON = 2  # seconds within which a server usually ends once its client has
PATIENCE = 15  # seconds that the load may take longer than it was asked to

Tick = Callable[[float, float], None]


class Transfer(NamedTuple):
    """A load that came to its end; its generator's words are not read yet."""

    jobs: list[Job]
    watched: "Watched"
    seen: Seen


@dataclass(frozen=True)
class Load:
    """A load between all pairs of a plan that is wired."""

    bed: "Bed"
    plan: "Plan"
    traffic: Traffic
    folder: Path

    @property
    def generator(self) -> Generator:
        """The program that makes the load."""
        return all_generators()[self.traffic.generator]

    @property
    def ends(self) -> Ends:
        """Where its programs run."""
        a, b = self.plan.a.endpoints, self.plan.b.endpoints
        return Ends(self.bed, self.generator, self.folder, a, b)

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
        found = self._search(tick) if self.traffic.mode == "udp" else self._load(tick)
        found["others"] = share_of_others(self.bed, others, time.monotonic() - began)
        found["handover"] = (before, self.bed.handover())
        found |= quota.summary(quotas, self.bed.quotas())
        return found

    def _search(self, tick: Tick) -> dict[str, Any]:
        """Find the highest rate that keeps the loss within its bound; return its summary."""
        asked = self.traffic

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
        from cniperf.measure.summary import summary  # takes its time, which no other step needs

        with self._room():
            done = self.transfer(tick, rate=rate, seconds=seconds, omit=omit)
            figures = [self.generator.read(job) for job in done.jobs]
        done.seen.prove(figures[0])
        return summary(figures, done.watched, self.bed.cpus, self.folder)

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Name the full disk where a load failed for that: its generator's words are cut short."""
        try:
            yield
        except MeasurementFailed:
            if os.statvfs(self.folder).f_bavail:
                raise
            raise CannotWrite(f"{self.folder.parent}: {os.strerror(errno.ENOSPC)}") from None

    def transfer(
        self, tick: Tick, *, rate: float | None = None, seconds: int = 0, omit: int = -1
    ) -> Transfer:
        """Load every pair once, at once, and leave the generators' output in the folder.

        Args:
            tick: see :meth:`run`.
            rate: in place of the traffic's, in Gbit/s.
            seconds: in place of its duration; 0 for that.
            omit: in place of its own; negative for that.

        Returns:
            What was asked of each pair, and what the hosts and an interface did meanwhile.
        """
        asked = self.traffic
        first = Job(
            traffic=asked,
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
        with self.ends.servers(jobs) as servers:
            clients = self.ends.clients(jobs)
            seen = Seen(first.omit)
            watched = self._await(clients, first.total, tick, seen)
            self.bed.collect(self.folder)
            # How the clients ended comes first: a server waits for one that never came.
            self._judge("client", clients, jobs, self.generator.good)
            self._end(servers, jobs)
        self.bed.collect(self.folder)
        return Transfer(jobs, watched, seen)

    def _await(self, clients: Sequence["Child"], length: int, tick: Tick, seen: Seen) -> "Watched":
        """Wait for the load's end; return what the hosts did while bytes flowed."""
        client, device = clients[0], self.plan.a.endpoint.device
        limit = time.monotonic() + length + PATIENCE
        self._await_flow(client, device, limit)
        start = last = time.monotonic()
        before = after = self.bed.cpu_times(), self.bed.instructions()
        sent = client.bytes_carried(device)
        end = start + length - MARGIN
        pause = min(self.bed.pause, length / 2)  # also look at a short load
        while not client.ended(within=min(pause, end - last) if last < end else pause):
            now, total = time.monotonic(), client.bytes_carried(device)
            if now > limit:
                raise MeasurementFailed(
                    f"{self.generator.name} did not end within {length + PATIENCE} s"
                )
            if now < end + MARGIN:
                after = self.bed.cpu_times(), self.bed.instructions()
                seen.look(now - start, total)
                if sent is not None and total is not None:
                    tick(now - start, (total - sent) * 8 / 1e9 / (now - last))
            last, sent = now, total
        for other in clients[1:]:
            if not other.ended(within=max(0.0, limit - time.monotonic())):
                raise MeasurementFailed(f"{self.generator.name} did not end in every pod")
        return before, after

    def _await_flow(self, client: "Child", device: str, limit: float) -> None:
        """Wait until the interface carries the load: proxy ARP may delay it for a second."""
        sent = None
        while not client.ended(within=0.05) and time.monotonic() < limit:
            total = client.bytes_carried(device)
            if sent is not None and total is not None and total - sent > FLOWS:
                return
            sent = total

    def _end(self, servers: Sequence["Child"], jobs: Sequence[Job]) -> None:
        """Wait for servers that end with their clients; the others must be there still."""
        limit = time.monotonic() + PATIENCE
        for server, job in zip(servers, jobs, strict=True):
            if not self.generator.ends:
                if server.poll() is not None:
                    raise self.ends.ended("server", server, job)
            elif not self._ended(server, job, limit):
                raise MeasurementFailed(
                    f"the {self.generator.name} server did not end with its client"
                )
        if self.generator.ends:
            self._judge("server", servers, jobs, (0,))

    def _ended(self, server: "Child", job: Job, limit: float) -> bool:
        """Wait for a server's end; raise its client's error where it does not come soon."""
        if server.ended(within=SOON):
            return True
        self.generator.read(job)  # iperf3 ends with code 0, and an error in its result
        return server.ended(within=max(0.0, limit - time.monotonic()))

    def _judge(
        self, whose: str, ends: Sequence["Child"], jobs: Sequence[Job], good: Sequence[int]
    ) -> None:
        """Reject a load one of whose ends failed or died, whatever it left."""
        for child, job in zip(ends, jobs, strict=True):
            if child.wait() not in good:
                self.bed.collect(self.folder)
                raise self.ends.ended(whose, child, job)


def share_of_others(bed: "Bed", since: "Others | None", seconds: float) -> float | None:
    """Return what processes that are no part of a load used meanwhile, in % of one CPU.

    Args:
        bed: whose hosts they ran on.
        since: what they had used before the load; None where they cannot be seen.
        seconds: that have gone by since then.
    """
    if since is None or (used := bed.others(since=since)) is None:
        return None
    return float(100 * sum(used.values()) / seconds)

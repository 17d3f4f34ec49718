"""The two ends of a load: servers on host b that listen, clients on host a that send to them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cniperf import stop
from cniperf.beds.child import end_all
from cniperf.errors import MeasurementFailed
from cniperf.generators import Generator, Job
from cniperf.stop import how_ended

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.beds.child import Child
    from cniperf.hosts import Endpoint

READY = 5  # seconds that a server may take to listen
GRACE = 2  # seconds that an end may take to end once it was asked to


@dataclass(frozen=True)
class Ends:
    """Where a load's programs run: end n of host a sends to end n of host b.

    Attributes:
        bed: whose hosts they are.
        generator: the program that makes the load.
        folder: where both ends leave their output.
        a, b: the ends on each host.
    """

    bed: "Bed"
    generator: Generator
    folder: Path
    a: "Sequence[Endpoint]"
    b: "Sequence[Endpoint]"

    @contextmanager
    def servers(self, jobs: Sequence[Job]) -> Iterator[list["Child"]]:
        """Start a server at each end on host b, and end those that do not end by themselves."""
        host = self.bed.hosts[1]
        servers = [
            self.bed.start(host, end.netns, self.generator.server(job), job.file("server"))
            for job, end in zip(jobs, self.b, strict=True)
        ]
        try:
            for server, job in zip(servers, jobs, strict=True):
                self._await_server(server, job)
            yield servers
        finally:
            end_all(servers, GRACE)

    def _await_server(self, server: "Child", job: Job) -> None:
        deadline = time.monotonic() + READY
        while not server.listens(job.address, job.port):
            if server.poll() is not None:
                self.bed.collect(self.folder)
                raise self.ended("server", server, job)
            if time.monotonic() > deadline:
                raise MeasurementFailed(
                    f"the {self.generator.name} server does not listen on {job.address}:{job.port}"
                )
            stop.sleep(0.005)

    def clients(self, jobs: Sequence[Job]) -> list["Child"]:
        """Start a client at each end on host a; several begin together, once all are there."""
        jobs = [replace(job, address=end.target) for job, end in zip(jobs, self.b, strict=True)]
        host, gate = self.bed.hosts[0], self.folder / "gate"
        ends = list(zip(jobs, self.a, strict=True))
        if len(ends) == 1:
            job, end = ends[0]
            return [self.bed.start(host, end.netns, self.generator.client(job), job.file("client"))]
        self.bed.make_gate(host, gate)
        try:
            clients = [
                self.bed.start(host, end.netns, [*WAIT, str(gate), *self.generator.client(job)],
                               job.file("client"))
                for job, end in ends
            ]  # fmt: skip
            self._open(gate, clients)
        finally:
            self.bed.remove_gate(host, gate)
        return clients

    def _open(self, gate: Path, clients: Sequence["Child"]) -> None:
        """Open the gate once every client stands before it."""
        deadline = time.monotonic() + READY
        while not all(_stands_at_gate(client) for client in clients):
            if time.monotonic() > deadline:
                raise MeasurementFailed("the clients did not get ready")
            stop.sleep(0.02)
        self.bed.open_gate(self.bed.hosts[0], gate)

    def ended(self, whose: str, child: "Child", job: Job) -> MeasurementFailed:
        """Return the error for an end (``client``, ``server``) that failed or died."""
        said = self.generator.explain(job.said(whose))
        return MeasurementFailed(
            f"the {self.generator.name} {whose} ended badly, {how_ended(child.returncode)}: {said}"
        )


# Reading from a pipe without a writer waits; opening it to write releases all readers at once.
WAIT = ["sh", "-c", 'read -r _ < "$0"; exec "$@"']


def _stands_at_gate(client: "Child") -> bool:
    """Return whether a client waits for the gate to open: its shell sleeps nowhere else."""
    if client.poll() is not None:
        raise MeasurementFailed(f"a client ended {how_ended(client.returncode)} before the load")
    return client.sleeps_in_shell()

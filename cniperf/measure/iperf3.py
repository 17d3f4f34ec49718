"""iperf3 as the generator: one TCP load from host a to host b."""

import json
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any

from cniperf.beds.child import bytes_sent, listens
from cniperf.errors import MeasurementFailed, one_line

if TYPE_CHECKING:
    from cniperf.beds.lab import Lab
    from cniperf.params import Experiment
    from cniperf.plan import Plan

PORT = 5201  # iperf3's own
CONNECT_TIMEOUT = 5  # seconds; proxy ARP alone may take two
PATIENCE = 15  # seconds that the load may take longer than it was asked to

Tick = Callable[[float, float], None]


def server_argv(address: str) -> list[str]:
    """Return the command of the receiving end, which serves one client and ends."""
    return ["iperf3", "-s", "-1", "-J", "-B", address, "-p", str(PORT)]


def client_argv(experiment: "Experiment", address: str) -> list[str]:
    """Return the command of the sending end."""
    return ["iperf3", "-c", address, "-p", str(PORT), "-J", "-i", "1",
            "-t", str(experiment.duration), "-O", str(experiment.omit),
            "-P", str(experiment.streams), "-C", experiment.congestion,
            *(["-w", experiment.window] if experiment.window else []),
            "--connect-timeout", str(CONNECT_TIMEOUT * 1000)]  # fmt: skip


@dataclass(frozen=True)
class Load:
    """One load between the two endpoints of a plan that is wired."""

    bed: "Lab"
    plan: "Plan"
    experiment: "Experiment"
    folder: Path

    def run(self, tick: Tick) -> dict[str, Any]:
        """Load the path, leave iperf3's own words in the folder, and return the summary.

        Args:
            tick: called about once a second with the seconds since the start and the Gbit/s that
                the sender's interface carried since the last call.

        Raises:
            MeasurementFailed: no server, no connection, no end, or no figure.
        """
        a, b = self.plan
        server_file = self.folder / "iperf3-server.json"
        client_file = self.folder / "iperf3-client.json"
        address = b.endpoint.address
        server = self.bed.start(b.host, b.endpoint.netns, server_argv(address), server_file)
        self._await_server(server, address, server_file)
        client = self.bed.start(
            a.host, a.endpoint.netns, client_argv(self.experiment, address), client_file
        )
        self._await_client(client, a.endpoint.device, tick)
        said = _read(client_file, "client")
        self._end(server)
        return summary(said)

    def _await_server(self, server: "Popen[bytes]", address: str, output: Path) -> None:
        deadline = time.monotonic() + CONNECT_TIMEOUT
        while not listens(server, address, PORT):
            if server.poll() is not None:
                _read(output, "server")  # raises with iperf3's own reason
                raise MeasurementFailed(f"the iperf3 server ended with code {server.returncode}")
            if time.monotonic() > deadline:
                raise MeasurementFailed(f"the iperf3 server does not listen on {address}:{PORT}")
            time.sleep(0.005)

    def _await_client(self, client: "Popen[bytes]", device: str, tick: Tick) -> None:
        limit = self.experiment.omit + self.experiment.duration + PATIENCE
        start = last = time.monotonic()
        sent = None
        while not _ended(client, within=1 if sent is not None else 0.2):
            now, total = time.monotonic(), bytes_sent(client, device)
            if now - start > limit:
                raise MeasurementFailed(f"iperf3 did not end within {limit} s")
            if sent is not None and total is not None:
                tick(now - start, (total - sent) * 8 / 1e9 / (now - last))
            last, sent = now, total

    def _end(self, server: "Popen[bytes]") -> None:
        if not _ended(server, PATIENCE):
            raise MeasurementFailed("the iperf3 server did not end with its client")


def summary(said: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a client's JSON.

    Keys: ``gbps`` (goodput that the receiver counted, omitted seconds left out), ``gbps_sent``,
    ``retransmits`` (TCP segments, None where the kernel does not tell), ``mss`` (bytes),
    ``sender_cpu`` and ``receiver_cpu`` (% of one CPU in the generator's processes).

    Raises:
        MeasurementFailed: the JSON has no such figures.
    """
    try:
        end, start = said["end"], said["start"]
        received = end["sum_received"]["bits_per_second"] / 1e9
        cpu = end["cpu_utilization_percent"]
        figures = {
            "gbps": received,
            "gbps_sent": end["sum_sent"]["bits_per_second"] / 1e9,
            "retransmits": end["sum_sent"].get("retransmits"),
            "mss": start.get("tcp_mss") or start.get("tcp_mss_default"),
            "sender_cpu": cpu["host_total"],
            "receiver_cpu": cpu["remote_total"],
        }
    except KeyError as problem:
        raise MeasurementFailed(f"iperf3's result has no {problem}") from None
    if not received > 0:
        raise MeasurementFailed("iperf3 connected, but no byte arrived")
    return figures


def _ended(child: "Popen[bytes]", within: float) -> bool:
    """Wait for a child's end without waking up meanwhile: each wake-up would cost the load."""
    end = os.pidfd_open(child.pid)
    try:
        select.select([end], [], [], within)
    finally:
        os.close(end)
    return child.poll() is not None


def _read(file: Path, end: str) -> dict[str, Any]:
    text = file.read_text()
    try:
        # Only the first object counts: iperf3 may add words or a second one (esnet/iperf#1716).
        said: dict[str, Any] = json.JSONDecoder().raw_decode(text.lstrip())[0]
    except ValueError:
        raise MeasurementFailed(f"the iperf3 {end} gave no JSON: {one_line(text)[:200]}") from None
    if "error" in said:
        raise MeasurementFailed(f"iperf3 {end}: {one_line(said['error'])}")
    return said

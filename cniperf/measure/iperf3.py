"""iperf3 as the generator: one TCP load from host a to host b."""

import errno
import json
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any

from cniperf.analysis.trend import trend
from cniperf.beds.caches import handover
from cniperf.beds.child import bytes_carried, listens
from cniperf.beds.cputime import CpuTimes, process_seconds, used_since
from cniperf.errors import CannotWrite, MeasurementFailed, one_line
from cniperf.runs import load_intervals

if TYPE_CHECKING:
    import pandas as pd

    from cniperf.beds.lab import Lab
    from cniperf.params import Experiment
    from cniperf.plan import Plan

PORT = 5201  # iperf3's own
CONNECT_TIMEOUT = 5  # seconds; proxy ARP alone may take two
POINTS = 20  # of throughput over time, at least, unless that is more than ten a second
FLOWS = 100_000  # bytes on the interface within 50 ms: the load has begun
MARGIN = 0.25  # seconds: how late the begin of the load may be noticed, and its end cut short
PATIENCE = 15  # seconds that the load may take longer than it was asked to

Tick = Callable[[float, float], None]


def server_argv(address: str) -> list[str]:
    """Return the command of the receiving end, which serves one client and ends."""
    return ["iperf3", "-s", "-1", "-J", "-B", address, "-p", str(PORT)]


def client_argv(experiment: "Experiment", address: str) -> list[str]:
    """Return the command of the sending end."""
    interval = min(1.0, max(0.1, experiment.duration / POINTS))
    return ["iperf3", "-c", address, "-p", str(PORT), "-J", "-i", f"{interval:g}",
            "-t", str(experiment.duration), "-O", str(experiment.omit),
            "-P", str(experiment.streams), "-C", experiment.congestion,
            *(["-w", experiment.window] if experiment.window else []),
            *(["-l", str(experiment.length)] if experiment.length else []),
            # iperf3 gives each connection the rate.
            *(["-b", f"{experiment.rate / experiment.streams:.6f}G"] if experiment.rate else []),
            *{"forward": [], "reverse": ["-R"], "both": ["--bidir"]}[experiment.direction],
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

        Beside the figures of :func:`summary` it has ``cpu_a``, ``cpu_b`` (how full each host's
        busiest CPU was while bytes flowed, in %), ``cpu_per_gb_a``, ``cpu_per_gb_b`` (CPU seconds
        of each host for 10⁹ bytes of goodput), ``stolen`` (% of the hosts' CPU time),
        ``others`` (what processes that are no part of the load used meanwhile, in % of one CPU),
        ``handover`` (:func:`cniperf.beds.caches.handover` before the load and after it) and those
        of :func:`cniperf.analysis.trend.trend`.

        Args:
            tick: called about once a second with the seconds since the start and the Gbit/s that
                host a's interface carried since the last call, both ways together.

        Raises:
            MeasurementFailed: no server, no connection, no end, or no figure.
        """
        before = handover(*self.bed.cpus.values())
        began, others = time.monotonic(), process_seconds()
        a, b = self.plan
        server_file = self.folder / "iperf3-server.json"
        client_file = self.folder / "iperf3-client.json"
        address = b.endpoint.address
        server = self.bed.start(b.host, b.endpoint.netns, server_argv(address), server_file)
        self._await_server(server, address, server_file)
        client = self.bed.start(
            a.host, a.endpoint.netns, client_argv(self.experiment, address), client_file
        )
        cpus = self._await_client(client, a.endpoint.device, tick)
        said = _read(client_file, "client")
        self._end(server)
        used = used_since(process_seconds(without=self.bed.children), others)
        cpus["others"] = 100 * used / (time.monotonic() - began)
        figures = {"handover": (before, handover(*self.bed.cpus.values()))}
        intervals = load_intervals(self.folder)
        costs = _costs(cpus.pop("used"), intervals)
        return summary(said) | cpus | costs | figures | trend(intervals)

    def _await_server(self, server: "Popen[bytes]", address: str, output: Path) -> None:
        deadline = time.monotonic() + CONNECT_TIMEOUT
        while not listens(server, address, PORT):
            if server.poll() is not None:
                _read(output, "server")  # raises with iperf3's own reason
                raise MeasurementFailed(f"the iperf3 server ended with code {server.returncode}")
            if time.monotonic() > deadline:
                raise MeasurementFailed(f"the iperf3 server does not listen on {address}:{PORT}")
            time.sleep(0.005)

    def _await_client(
        self, client: "Popen[bytes]", device: str, tick: Tick
    ) -> dict[str, Any]:
        """Wait for the load's end; return what the CPUs did while bytes flowed."""
        length = self.experiment.omit + self.experiment.duration
        limit = time.monotonic() + length + PATIENCE
        self._await_flow(client, device, limit)
        start = last = looked = time.monotonic()
        before = after = CpuTimes.now()
        sent = bytes_carried(client, device)
        end = start + length - MARGIN
        while not _ended(client, within=min(1.0, end - last) if last < end else 1.0):
            now, total = time.monotonic(), bytes_carried(client, device)
            if now > limit:
                raise MeasurementFailed(f"iperf3 did not end within {length + PATIENCE} s")
            if now < end + MARGIN:
                after, looked = CpuTimes.now(), time.monotonic()
                if sent is not None and total is not None:
                    tick(now - start, (total - sent) * 8 / 1e9 / (now - last))
            last, sent = now, total
        return self._cpus(before, after, looked - start)

    def _cpus(self, before: CpuTimes, after: CpuTimes, seconds: float) -> dict[str, Any]:
        own = self.bed.cpus
        if after == before:  # the load ended before a second look
            return {"cpu_a": None, "cpu_b": None, "stolen": None, "used": None}
        return {
            "used": {host: after.used(before, own[host]) / seconds for host in own},
            "cpu_a": after.busiest(before, own["a"]),
            "cpu_b": after.busiest(before, own["b"]),
            "stolen": after.stolen_since(before, {*own["a"], *own["b"]}),
        }

    def _await_flow(self, client: "Popen[bytes]", device: str, limit: float) -> None:
        """Wait until the interface carries the load: proxy ARP may hold it up for a second."""
        sent = None
        while not _ended(client, within=0.05) and time.monotonic() < limit:
            total = bytes_carried(client, device)
            if sent is not None and total is not None and total - sent > FLOWS:
                return
            sent = total

    def _end(self, server: "Popen[bytes]") -> None:
        if not _ended(server, PATIENCE):
            raise MeasurementFailed("the iperf3 server did not end with its client")


def _costs(used: dict[str, float] | None, intervals: "pd.DataFrame") -> dict[str, float | None]:
    """Return each host's CPU seconds for 10⁹ bytes, from its CPU seconds a second."""
    seconds = intervals["second"].diff().fillna(intervals["second"])
    gigabytes = (intervals["gbps"] * seconds).sum() / 8 / seconds.sum()
    return {
        f"cpu_per_gb_{host}": used[host] / gigabytes if used and gigabytes else None
        for host in "ab"
    }


def summary(said: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a client's JSON.

    Keys: ``gbps`` (goodput that the receiver counted, omitted seconds left out; where both hosts
    send the sum of both ways), ``gbps_sent``, ``retransmits`` (TCP segments; where both send those
    of host a; None where the kernel does not tell), ``mss`` (bytes),
    ``sender_cpu`` and ``receiver_cpu`` (% of one CPU in the generator's processes).

    Raises:
        MeasurementFailed: the JSON has no such figures.
    """
    try:
        end, start = said["end"], said["start"]
        received, sent = _gbps(end, "sum_received"), _gbps(end, "sum_sent")
        cpu = end["cpu_utilization_percent"]
        figures = {
            "gbps": received,
            "gbps_sent": sent,
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


def _gbps(end: dict[str, Any], name: str) -> float:
    """Return a rate of the whole load, both ways together, in Gbit/s."""
    back = end.get(f"{name}_bidir_reverse", {}).get("bits_per_second", 0)
    return float(end[name]["bits_per_second"] + back) / 1e9


def _ended(child: "Popen[bytes]", within: float) -> bool:
    """Wait for a child's end without waking up meanwhile: each wake-up would cost the load."""
    if child.poll() is not None:
        return True
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
        if not os.statvfs(file).f_bavail:
            raise CannotWrite(f"{file.parent.parent}: {os.strerror(errno.ENOSPC)}") from None
        raise MeasurementFailed(f"the iperf3 {end} gave no JSON: {one_line(text)[:200]}") from None
    if "error" in said:
        raise MeasurementFailed(f"iperf3 {end}: {one_line(said['error'])}")
    return said

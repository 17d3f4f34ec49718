"""iperf3: TCP streams, and datagrams at a rate."""

import errno
import json
import os
from pathlib import Path
from typing import Any

from cniperf.errors import CannotWrite, MeasurementFailed, one_line
from cniperf.generators.generator import Figures, Generator, Job, carried

CONNECT_TIMEOUT = 5  # seconds; proxy ARP alone may take two
POINTS = 20  # of throughput over time, at least, unless that is more than ten a second


def server(job: Job) -> list[str]:
    """Serve one client and end."""
    return ["iperf3", "-s", "-1", "-J", "-B", job.address, "-p", str(job.port)]


def client(job: Job) -> list[str]:
    """Send, or let send, to the server."""
    experiment = job.experiment
    interval = min(1.0, max(0.1, job.seconds / POINTS))
    return ["iperf3", "-c", job.address, "-p", str(job.port), "-J", "-i", f"{interval:g}",
            "-t", str(job.seconds), "-O", str(job.omit),
            *(_datagrams(job) if experiment.mode == "udp" else _stream(job)),
            *{"forward": [], "reverse": ["-R"], "both": ["--bidir"]}[experiment.direction],
            "--connect-timeout", str(CONNECT_TIMEOUT * 1000)]  # fmt: skip


def _stream(job: Job) -> list[str]:
    asked = job.experiment
    return ["-P", str(asked.streams), "-C", asked.congestion,
            *(["-w", asked.window] if asked.window else []),
            *(["-l", str(asked.length)] if asked.length else []),
            # iperf3 gives each connection the rate.
            *(["-b", f"{job.rate / asked.streams:.6f}G"] if job.rate else [])]  # fmt: skip


def _datagrams(job: Job) -> list[str]:
    """Ask for a rate, never for "as fast as you can" (-b 0), which only tells what got lost.

    The default buffer holds some ninety datagrams: it overflows whenever the receiver is kept
    from its CPU for a millisecond, at any rate.
    """
    window = job.experiment.window or str(job.buffer)
    return ["-u", "-b", f"{job.rate:.6f}G", "-l", str(job.experiment.size), "-w", window]


def read(job: Job) -> Figures:
    """Return what the client says; it has the server's figures, too.

    Raises:
        MeasurementFailed: there is no result, or one without a figure.
    """
    said = parse(job.file("client"), "client")
    try:
        return _datagrams_read(said) if job.experiment.mode == "udp" else _stream_read(said)
    except KeyError as problem:
        raise MeasurementFailed(f"iperf3's result has no {problem}") from None


def _stream_read(said: dict[str, Any]) -> Figures:
    end, start = said["end"], said["start"]
    received = _gbps(end, "sum_received")
    carried(received)
    cpu = end["cpu_utilization_percent"]
    return Figures(
        gbps=received,
        gbps_sent=_gbps(end, "sum_sent"),
        retransmits=end["sum_sent"].get("retransmits"),
        mss=start.get("tcp_mss") or start.get("tcp_mss_default"),
        sender_cpu=cpu["host_total"],
        receiver_cpu=cpu["remote_total"],
    )


def _datagrams_read(said: dict[str, Any]) -> Figures:
    end = said["end"]
    total, cpu = end["sum"], end["cpu_utilization_percent"]
    sent, lost = total["packets"], total["lost_packets"]
    carried(sent - lost)
    return Figures(
        gbps=end["sum_received"]["bits_per_second"] / 1e9,
        gbps_sent=total["bits_per_second"] / 1e9,
        per_second=(sent - lost) / total["seconds"],
        lost=lost / sent,
        sender_cpu=cpu["host_total"],
        receiver_cpu=cpu["remote_total"],
    )


def _gbps(end: dict[str, Any], name: str) -> float:
    """Return a rate of the whole load, both ways together, in Gbit/s."""
    back = end.get(f"{name}_bidir_reverse", {}).get("bits_per_second", 0)
    return float(end[name]["bits_per_second"] + back) / 1e9


def parse(file: Path, end: str) -> dict[str, Any]:
    """Return the JSON that an end of iperf3 left.

    Raises:
        MeasurementFailed: it is none, or says what went wrong.
        CannotWrite: there is none, as the disk is full.
    """
    text = file.read_text(encoding="utf-8")
    try:
        # Only the first object counts: iperf3 may warn before it, or add words or a second one
        # (esnet/iperf#1716).
        said: dict[str, Any] = json.JSONDecoder().raw_decode(text, text.find("{"))[0]
    except ValueError:
        if not os.statvfs(file).f_bavail:
            raise CannotWrite(f"{file.parent.parent}: {os.strerror(errno.ENOSPC)}") from None
        raise MeasurementFailed(f"the iperf3 {end} gave no JSON: {one_line(text)[:200]}") from None
    if "error" in said:
        raise MeasurementFailed(f"iperf3 {end}: {one_line(said['error'])}")
    return said


def explain(said: str) -> str:
    """Return the error in iperf3's JSON, or its last words where it is none."""
    try:
        return one_line(json.JSONDecoder().raw_decode(said, said.find("{"))[0]["error"])
    except (ValueError, KeyError):
        return one_line(said)[-200:]


GENERATOR = Generator(
    name="iperf3",
    modes=("stream", "udp"),
    package={"iperf3": "iperf3"},
    versions={"iperf3": ["iperf3", "--version"]},
    port=5201,
    server=server,
    client=client,
    read=read,
    obeys=("streams", "window", "congestion", "length", "direction", "rate"),
    explain=explain,
)

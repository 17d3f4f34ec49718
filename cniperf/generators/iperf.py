"""iperf (version 2): TCP streams, with the tool that the article used."""

import re

from cniperf.errors import MeasurementFailed, one_line
from cniperf.generators.generator import Figures, Generator, Job, carried

LEAST = 2  # seconds of load, so that the line of the whole is none of a second


def server(job: Job) -> list[str]:
    """Serve until ended, a line a second and connection, as comma separated values."""
    return ["iperf", "-s", "-B", job.address, "-p", str(job.port), "-i", "1", "-y", "C",
            *_window(job)]  # fmt: skip


def client(job: Job) -> list[str]:
    """Send to the server. It cannot leave out the first seconds; :func:`read` does."""
    asked = job.experiment
    return ["iperf", "-c", job.address, "-p", str(job.port), "-i", "1", "-e", "-f", "k",
            "-t", str(max(LEAST, job.total)), "-P", str(asked.streams), "-Z", asked.congestion,
            *_window(job),
            *(["-l", str(asked.length)] if asked.length else []),
            *(["-b", f"{job.rate / asked.streams:.6f}G"] if job.rate else [])]  # fmt: skip


def _window(job: Job) -> list[str]:
    return ["-w", job.experiment.window] if job.experiment.window else []


def read(job: Job) -> Figures:
    """Return the goodput that the server counted, and the client's retransmits and MSS.

    Raises:
        MeasurementFailed: there is no such figure.
    """
    said = job.file("client").read_text(encoding="utf-8")
    rates = per_second(job.file("server").read_text(encoding="utf-8"))[job.omit : job.total]
    if len(rates) < job.seconds:
        raise MeasurementFailed(f"iperf gave no result: {one_line(said)[:200]}")
    received = sum(rates) / len(rates)
    carried(received)
    mss = re.search(r"icwnd/mss/irtt=\d+/(\d+)", said)
    return Figures(
        gbps=received,
        retransmits=_retransmits(said, job),
        mss=float(mss[1]) if mss else None,
    )


def per_second(text: str) -> list[float]:
    """Return the Gbit/s of each second, all connections together, from the server's lines.

    A line has the time, four of addresses and ports, a number, the interval, the bytes and the
    bits a second; the last one of each connection is of the whole.
    """
    found: dict[int, float] = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) == 9 and (span := re.fullmatch(r"(\d+)\.\d+-(\d+)\.\d+", fields[6])):
            first, last = int(span[1]), int(span[2])
            if last - first == 1:
                found[first] = found.get(first, 0.0) + int(fields[8]) / 1e9
    return [found[second] for second in sorted(found)]


def _retransmits(said: str, job: Job) -> float | None:
    """Return how many segments were sent again in the seconds that count."""
    rows = re.findall(r"\] +(\d+)\.\d+-(\d+)\.\d+ sec .*?/sec +\d+/\d+ +(\d+)", said)
    own = [int(again) for first, last, again in rows
           if int(last) - int(first) == 1 and job.omit <= int(first) < job.total]  # fmt: skip
    return float(sum(own)) if own else None


GENERATOR = Generator(
    name="iperf",
    modes=("stream",),
    package={"iperf": "iperf"},
    versions={"iperf": ["iperf", "--version"]},
    port=5001,
    server=server,
    client=client,
    read=read,
    ends=False,
    obeys=("streams", "window", "congestion", "length", "rate"),
)

"""iperf3: TCP streams, and datagrams at a rate."""

import json

from cniperf.generators.generator import Figures, Generator, Job, last_words
from cniperf.generators.iperf3_figures import of_datagrams, of_streams

CONNECT_TIMEOUT = 5  # seconds; proxy ARP alone may take two
POINTS = 20  # of throughput over time, at least, unless that is more than ten a second


def server(job: Job) -> list[str]:
    """Serve one client and end."""
    return ["iperf3", "-s", "-1", "-J", "-B", job.address, "-p", str(job.port)]


def client(job: Job) -> list[str]:
    """Send, or let send, to the server."""
    traffic = job.traffic
    interval = min(1.0, max(0.1, job.seconds / POINTS))
    return ["iperf3", "-c", job.address, "-p", str(job.port), "-J", "-i", f"{interval:g}",
            "-t", str(job.seconds), "-O", str(job.omit),
            *(_datagrams(job) if traffic.mode == "udp" else _stream(job)),
            *{"forward": [], "reverse": ["-R"], "both": ["--bidir"]}[traffic.direction],
            "--connect-timeout", str(CONNECT_TIMEOUT * 1000)]  # fmt: skip


def _stream(job: Job) -> list[str]:
    asked = job.traffic
    return ["-P", str(asked.streams), "-C", asked.congestion,
            *(["-w", asked.window] if asked.window else []),
            *(["-l", str(asked.length)] if asked.length else []),
            # iperf3 gives each connection the rate.
            *(["-b", f"{job.rate / asked.streams:.6f}G"] if job.rate else [])]  # fmt: skip


def _datagrams(job: Job) -> list[str]:
    """Ask for a rate, never for "as fast as you can" (-b 0), which only shows the losses.

    The default buffer takes some ninety datagrams: it overflows whenever the receiver is kept
    from its CPU for a millisecond, at any rate.
    """
    window = job.traffic.window or str(job.buffer)
    return ["-u", "-b", f"{job.rate:.6f}G", "-l", str(job.traffic.size), "-w", window]


def read(job: Job) -> Figures:
    """Return the client's output, and for datagrams the server's output.

    Raises:
        MeasurementFailed: the result has an error, is damaged, of a version that is not known,
            has no figure, or two counts of the same disagree.
    """
    # pydantic takes its time, and a guest that counts has no use for it.
    from cniperf.iperf3_result import damaged, read_result, read_timeline

    result = read_result(job.said("client"), "client")
    datagrams = job.traffic.mode == "udp"
    if result.start.test_start.protocol != ("UDP" if datagrams else "TCP"):
        raise damaged("client", f"it is one of {result.start.test_start.protocol}")
    if not datagrams:
        return of_streams(result, both=job.traffic.direction == "both")
    counted = job.said("server")
    server = read_timeline(counted, "server").counted if counted.strip() else []
    return of_datagrams(result, [each.sum for each in server])


def explain(said: str) -> str:
    """Return the error in iperf3's JSON, or its last words where it is none."""
    try:
        return last_words(json.JSONDecoder().raw_decode(said, said.find("{"))[0]["error"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return last_words(said)


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
    turns=True,
    explain=explain,
)

"""iperf (version 2): TCP streams, with the tool that the article used."""

import re
from collections.abc import Iterable, Sequence

from cniperf.errors import MeasurementFailed
from cniperf.generators.generator import Figures, Generator, Job, carried, last_words
from cniperf.generators.iperf_rows import (
    EXACT,
    Row,
    agree_on_again,
    by_second,
    check_version,
    client_rows,
    damaged,
    server_rows,
)
from cniperf.ip import version
from cniperf.witness import agree

LEAST = 2  # seconds of load, so that the line of the whole is none of a second
NEAR = 0.05  # share that two counts of the load may differ by
LAST = 1 << 20  # bytes of a connection that its end may leave with one side alone
UNDERWAY = 16 << 20  # bytes of a connection that may be sent and not yet received

# Nothing else that it prints has its version.
NAMED = ["sh", "-c", 'iperf --version 2>&1; exec iperf "$@"', "iperf"]


def server(job: Job) -> list[str]:
    """Serve until ended, a line a second and connection, as comma separated values."""
    return [*NAMED, "-s", "-B", job.address, "-p", str(job.port), "-i", "1", "-y", "C",
            *_version_of_ip(job), *_window(job)]  # fmt: skip


def client(job: Job) -> list[str]:
    """Send to the server. It cannot leave out the first seconds; :func:`read` does."""
    asked = job.traffic
    return [*NAMED, "-c", job.address, "-p", str(job.port), "-i", "1", "-e", "-f", "k",
            "-t", str(max(LEAST, job.total)), "-P", str(asked.streams), "-Z", asked.congestion,
            *_version_of_ip(job), *_window(job),
            *(["-l", str(asked.length)] if asked.length else []),
            *(["-b", f"{job.rate / asked.streams:.6f}G"] if job.rate else [])]  # fmt: skip


def _window(job: Job) -> list[str]:
    return ["-w", job.traffic.window] if job.traffic.window else []


def _version_of_ip(job: Job) -> list[str]:
    return ["-V"] if version(job.address) == 6 else []


def read(job: Job) -> Figures:
    """Return the goodput that the server counted, and the client's retransmits and MSS.

    Raises:
        MeasurementFailed: there is no such figure, it is damaged, of a version that is not known,
            or two counts of the same disagree.
    """
    client, server = job.said("client"), job.said("server")
    check_version(client, "client")
    check_version(server, "server")
    came, went = server_rows(server), client_rows(client)
    if not any(row.second is not None for row in came):
        raise MeasurementFailed(f"iperf gave no result: {last_words(client)}")
    counted, streams = range(job.omit, job.total), job.traffic.streams
    own = _all(by_second(came, counted, streams, "server"))
    received = sum(row.bytes for row in own)
    carried(received)
    if not went and not any(row.is_whole for row in came):
        raise damaged("client", "it has no line of the load, and the server none of the whole")
    sent = _all(by_second(went, counted, streams, "client")) if went else []
    if sent:
        agree("the bytes of the load", ("the client", sum(row.bytes for row in sent)),
              ("the server", received), within=NEAR, plus=UNDERWAY * streams)  # fmt: skip
    _prove_wholes(came, went, max(LAST, 2 * job.traffic.length))
    mss = re.search(r"(?:icwnd/mss/irtt=\d+/|MSS=)(\d{1,6})", client)
    return Figures(
        gbps=sum(row.rate for row in own) / 1e9 / job.seconds,
        retransmits=_sent_again(sent, went),
        mss=float(mss[1]) if mss else None,
    )


def _sent_again(sent: Sequence[Row], went: Sequence[Row]) -> float | None:
    """Return the segments sent again; None where there is no such count, or two of them differ.

    Raises:
        MeasurementFailed: only some of the lines have a count.
    """
    again = [row.again for row in sent if row.again is not None]
    if again and len(again) != len(sent):
        raise damaged("client", "some of its lines lack the segments that were sent again")
    return float(sum(again)) if again and agree_on_again(went) else None


def _all(seconds: Iterable[Sequence[Row]]) -> list[Row]:
    return [row for rows in seconds for row in rows]


def _prove_wholes(came: Sequence[Row], went: Sequence[Row], last: int) -> None:
    """Check the last line of each connection, the total, against its parts.

    Both ends count the whole alike, but for a write or two: the server reads to the end.

    Raises:
        MeasurementFailed: a connection's seconds, or the other end, disagree.
    """
    server, client = ([row for row in rows if row.of != "SUM" and row.is_whole]
                      for rows in (came, went))  # fmt: skip
    for wholes, rows in ((server, came), (client, went)):
        for whole in wholes:
            parts = [row.bytes for row in rows if row.of == whole.of and row.second is not None]
            agree("the bytes of a connection", ("its seconds", sum(parts)),
                  ("its last line", whole.bytes), within=NEAR, plus=UNDERWAY)  # fmt: skip
    if len(server) == len(client):
        agree("the bytes from begin to end", ("the server", sum(row.bytes for row in server)),
              ("the client", sum(row.bytes for row in client)),
              within=EXACT, plus=last * len(server))  # fmt: skip


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
    turns=True,
    obeys=("streams", "window", "congestion", "length", "rate"),
)

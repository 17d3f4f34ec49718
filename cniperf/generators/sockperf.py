"""sockperf: one TCP request at a time, answered as it comes (ping-pong)."""

from cniperf.errors import MeasurementFailed
from cniperf.generators.generator import Figures, Generator, Job, last_words, one_at_a_time

EDGE = 1  # seconds at both ends that sockperf leaves out by itself (0.4 s and 0.05 s), and more


def server(job: Job) -> list[str]:
    """Answer until ended."""
    return ["sockperf", "server", "--tcp", "-i", job.address, "-p", str(job.port)]


def client(job: Job) -> list[str]:
    """Ask as often as answers come, and record when each request left and its answer came."""
    return ["sockperf", "ping-pong", "--tcp", "-i", job.address, "-p", str(job.port),
            "-t", str(job.total + EDGE), "-m", str(job.traffic.size), "--full-rtt",
            "--full-log", str(job.folder / f"samples{job.tag}.csv")]  # fmt: skip


def read(job: Job) -> Figures:
    """Return the transactions a second and their round-trip times, and remove the long log.

    Raises:
        MeasurementFailed: there is no sample.
    """
    import pandas as pd

    from cniperf.analysis.latency import counts

    log = job.folder / f"samples{job.tag}.csv"
    names = ["number", "sent", "came", "us"]
    try:
        # A line of dashes ends the samples.
        table = pd.read_csv(
            log, skiprows=_head(log), names=names, comment="-", encoding_errors="replace"
        )
    except (OSError, ValueError):
        raise MeasurementFailed(
            f"sockperf gave no sample: {last_words(job.said('client'))}"
        ) from None
    table = table[["sent", "us"]].apply(pd.to_numeric, errors="coerce")
    since = table["sent"] - table["sent"].iloc[0]
    good = table["us"].between(0, 1e9) & since.between(0, 1e7) & since.diff().fillna(0).ge(0)
    if not good.all():
        raise MeasurementFailed(f"sockperf's samples are damaged: number {(~good).argmax() + 1}")
    log.unlink()
    one_at_a_time(table["us"].sum() / 1e6, job.total + EDGE)
    own = table["us"][(since >= job.omit) & (since < job.total)]
    if own.empty:
        raise MeasurementFailed("sockperf's load ended before the seconds that count")
    return Figures(per_second=len(own) / job.seconds, latency=counts(own))


def _head(log: object) -> int:
    """Return how many lines stand before the first sample."""
    with open(str(log), encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for number, line in enumerate(file):
            if line[:1].isdigit():
                return number
    raise ValueError("no sample")


GENERATOR = Generator(
    name="sockperf",
    modes=("rr",),
    package={"sockperf": "sockperf"},
    versions={"sockperf": ["sockperf", "--version"]},
    port=11111,
    server=server,
    ips=(4,),  # before 3.8
    client=client,
    read=read,
    ends=False,
    obeys=("length",),
)

"""What a generator is: the commands of its two ends, and how to read their output."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cniperf.errors import MeasurementFailed, one_line
from cniperf.generators.traffic import Traffic
from cniperf.ip import Version

if TYPE_CHECKING:
    import pandas as pd


def last_words(said: str) -> str:
    """Return the end of a program's output, as one line."""
    return one_line(said)[-200:] or "it printed nothing"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One load between two pods.

    Attributes:
        traffic: what is sent.
        address: the server's address.
        port: the server's port.
        folder: where both ends leave their output.
        tag: what the names of their files end in, as ``-2`` for the second pair.
        seconds: of load that count.
        omit: seconds before that.
        rate: load offered, in Gbit/s; 0: no limit.
        buffer: size of a socket's buffer on the hosts, in bytes.
    """

    traffic: Traffic
    address: str
    port: int
    folder: Path
    tag: str = ""
    seconds: int
    omit: int
    rate: float = 0.0
    buffer: int = 212_992  # what kernels have had since 2011

    @property
    def total(self) -> int:
        """Seconds of load, all in all."""
        return self.seconds + self.omit

    def file(self, end: str) -> Path:
        """Return the file with the output of an end (``client``, ``server``)."""
        suffix = "json" if self.traffic.generator == "iperf3" else "txt"
        return self.folder / f"{self.traffic.generator}-{end}{self.tag}.{suffix}"

    def said(self, end: str) -> str:
        """Return an end's output; empty where it left no file."""
        file = self.file(end)
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


@dataclass(frozen=True)
class Figures:
    """The result of one load; a value that a generator does not report is None.

    Attributes:
        gbps: goodput that the receiver counted, in Gbit/s; both ways together where both send.
        gbps_sent: the same as the sender counted it.
        per_second: transactions, or datagrams that arrived, a second.
        lost: share of the datagrams that did not arrive, as a fraction.
        retransmits: TCP segments sent again.
        mss: TCP's maximum segment size, in bytes.
        sender_cpu, receiver_cpu: CPU time in the generator's processes, % of one CPU.
        latency: how many transactions took how long; see :mod:`cniperf.analysis.latency`.
    """

    gbps: float | None = None
    gbps_sent: float | None = None
    per_second: float | None = None
    lost: float | None = None
    retransmits: float | None = None
    mss: float | None = None
    sender_cpu: float | None = None
    receiver_cpu: float | None = None
    latency: "pd.Series[int] | None" = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Generator:
    """A program that makes load, and what it can do.

    Attributes:
        name: as the parameter ``generator`` has it.
        modes: loads that it can make, see :data:`cniperf.record.ModeName`.
        package: Debian package by command.
        versions: command that prints a version, by the name that a run records it under; the
            generator's own name is one of them.
        port: of the first server; the server of the second pair has the next one.
        server: command of the receiving end. It may write files into the job's folder.
        client: command of the sending end.
        read: the figures from the output of both ends, once they ended.
        ends: True where the server ends with its client.
        turns: True where it sends a TCP stream at full speed until it is stopped, so that two of
            them can take turns.
        obeys: parameters that it supports beside those of every load.
        explain: the error, from an end's output.
        ips: versions of IP that it supports.
        good: codes that a client ends with after a whole load.
    """

    name: str
    modes: tuple[str, ...]
    package: Mapping[str, str]
    versions: Mapping[str, Sequence[str]]
    port: int
    server: Callable[[Job], list[str]]
    client: Callable[[Job], list[str]]
    read: Callable[[Job], Figures]
    ends: bool = True
    turns: bool = False
    obeys: tuple[str, ...] = ()
    explain: Callable[[str], str] = last_words
    ips: tuple[Version, ...] = (4, 6)
    good: tuple[int, ...] = (0,)


def carried(received: float) -> None:
    """Check that a load carried something.

    Raises:
        MeasurementFailed: no byte arrived.
    """
    if not received > 0:
        raise MeasurementFailed("the load connected, but no byte arrived")


def one_at_a_time(took: float, seconds: float) -> None:
    """Check that successive transactions fit into the time of the load.

    Args:
        took: seconds that all of them took.
        seconds: of load; an end of it may be a second off.

    Raises:
        MeasurementFailed: they took longer.
    """
    if not took <= seconds * 1.05 + 1:
        raise MeasurementFailed(
            f"two counts of the time disagree: {took:.4g} s of transactions, one at a time, in "
            f"{seconds:.4g} s of load"
        )

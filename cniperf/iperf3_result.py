"""What iperf3 leaves: its JSON, read once into typed models, by the version that it names.

========== =====================================================================================
3.7–3.11   ``--bidir`` writes the sums of both ways under one name, those of the way back second;
           what the server counted of datagrams is in the server's own result only
3.12–3.x   ``…_bidir_reverse`` names the way back; ``sum_received`` also for datagrams
========== =====================================================================================

Since 3.16 a thread sends for each connection while another one reads and resets its count: an
interval then lacks bytes, up to a third of them on two full CPUs (3.18). The sums are whole.

In all of them ``lost_packets`` of a client also counts the omitted seconds, and the first interval
that counts may claim the ``seconds`` of the last one that did not: its bytes are those since the
count began.
"""

import json
import math
import re
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cniperf.errors import MeasurementFailed, one_line

OLDEST, BEYOND = (3, 7), (4, 0)
SUPPORTED = "3.7 and later of 3.x"
NAMES_WAYS = (3, 12)  # since then each sum has its own name
THREADS = (3, 16)  # since then each connection has a thread
TWICE = ("sum", "sum_sent", "sum_received")  # what --bidir wrote twice before
# Facts that are written once for each connection, or by both halves of a server.
REPEATED = ("sock_bufsize", "sndbuf_actual", "rcvbuf_actual", "target_bitrate")
BACK = "_bidir_reverse"
EXACT = 1e-3  # share by which figures may differ that are one count, printed twice
PARTS = 0.5  # % of a CPU by which user and system time may miss the total
# Seconds of CPU time besides: iperf3 reads the total and its parts one after the other, at both
# ends of the load, and in an emulated guest a read takes milliseconds.
READS = 0.01

Number = Annotated[float, Field(ge=0, le=1e18)]
Seconds = Annotated[float, Field(gt=0, le=1e7)]
Text = Annotated[str, Field(max_length=200)]


class Model(BaseModel):
    """Types are not guessed, and what is no number is none."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


Kind = TypeVar("Kind", bound=Model)


class Count(Model):
    """What one way, or one connection, came to."""

    bytes: Number | None = None
    retransmits: Number | None = None
    sender: bool | None = None


class Sum(Count):
    """The whole of one way. Its rate is its bytes over its seconds."""

    seconds: Seconds
    bits_per_second: Number

    @property
    def carried(self) -> float:
        """Bytes."""
        return self.bits_per_second * self.seconds / 8 if self.bytes is None else self.bytes

    @model_validator(mode="after")
    def _rate(self) -> Self:
        made = self.carried * 8 / self.seconds
        if abs(made - self.bits_per_second) > EXACT * made:
            raise ValueError(
                f"its bytes and seconds make {made:.6g} bit/s, "
                f"it reports {self.bits_per_second:.6g}"
            )
        return self


class Datagrams(Model):
    """Datagrams that were sent. The rate is the sender's, the losses are the receiver's."""

    packets: Annotated[float, Field(ge=1, le=1e15)]
    lost_packets: Annotated[float, Field(ge=-1e15, le=1e15)]
    bits_per_second: Annotated[float, Field(gt=0, le=1e18)]
    bytes: Number | None = None


class Part(Model):
    """One way within an interval; ``end`` is since the count began, or since the load did."""

    end: Seconds
    bytes: Number
    omitted: bool
    retransmits: Number | None = None
    packets: Number | None = None
    lost_packets: Annotated[float, Field(ge=-1e15, le=1e15)] | None = None


class Interval(Model):
    """An interval of the load."""

    sum: Part
    sum_bidir_reverse: Part | None = None


class Asked(Model):
    """The load as iperf3 understood it."""

    protocol: Literal["TCP", "UDP"]
    omit: Number = 0
    duration: Number = 0
    num_streams: Annotated[int, Field(ge=1, le=10_000)] = 1
    blksize: Annotated[int, Field(ge=1, le=2**31)] | None = None
    reverse: Annotated[int, Field(ge=0, le=1)] = 0


class Start(Model):
    """What was known before the load."""

    test_start: Asked
    version: Text | None = None
    tcp_mss: Annotated[int, Field(ge=0, le=2**17)] | None = None
    tcp_mss_default: Annotated[int, Field(ge=0, le=2**17)] | None = None
    sock_bufsize: Number = 0


class Timeline(Model):
    """The intervals of a load, as one end counted them."""

    start: Start
    intervals: list[Interval] = []

    @model_validator(mode="after")
    def _forward(self) -> Self:
        """Time goes on, within the omitted seconds and within those that count."""
        for one, other in zip(self.intervals, self.intervals[1:], strict=False):
            if one.sum.omitted == other.sum.omitted and one.sum.end >= other.sum.end:
                raise ValueError(f"an interval that ends at {other.sum.end:g} s follows another "
                                 f"that ends at {one.sum.end:g} s")  # fmt: skip
            if other.sum.omitted and not one.sum.omitted:
                raise ValueError("an omitted interval follows one that counts")
        return self

    @property
    def counted(self) -> list[Interval]:
        """Those that are not omitted."""
        return [each for each in self.intervals if not each.sum.omitted]


class Stream(Model):
    """A TCP connection, as both of its ends counted it."""

    sender: Count | None = None
    receiver: Count | None = None


class Cpu(Model):
    """CPU time of the two processes, in % of one CPU."""

    host_total: Number
    remote_total: Number
    host_user: Number | None = None
    host_system: Number | None = None
    remote_user: Number | None = None
    remote_system: Number | None = None

    def hold(self, seconds: float) -> None:
        """Check each total against its parts, over so many seconds.

        Raises:
            ValueError: they do not make it.
        """
        for total, user, system in (
            (self.host_total, self.host_user, self.host_system),
            (self.remote_total, self.remote_user, self.remote_system),
        ):
            if user is None or system is None:
                continue
            if abs(total - user - system) > PARTS + 100 * READS / seconds:
                raise ValueError(f"{user:g} and {system:g} % of a CPU make no {total:g} %")


class End(Model):
    """What the whole came to."""

    cpu_utilization_percent: Cpu
    streams: list[Stream] = []
    sum: Datagrams | None = None
    sum_sent: Sum | None = None
    sum_received: Sum | None = None
    sum_sent_bidir_reverse: Sum | None = None
    sum_received_bidir_reverse: Sum | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_clock(cls, said: Any) -> Any:  # noqa: ANN401
        """Where what was received has no clock, it has that of all datagrams: the server's."""
        if isinstance(said, dict):
            total, received = said.get("sum"), said.get("sum_received")
            if isinstance(total, dict) and isinstance(received, dict) and "seconds" in total:
                return said | {"sum_received": {"seconds": total["seconds"]} | received}
        return said

    @model_validator(mode="after")
    def _cpu_time(self) -> Self:
        seconds = self.sum_sent.seconds if self.sum_sent else math.inf
        self.cpu_utilization_percent.hold(seconds)
        return self


class Result(Timeline):
    """All that a client left."""

    end: End

    @property
    def names_ways(self) -> bool:
        """Whether each sum has its own name; one without a version is read as a new one."""
        return self._since(NAMES_WAYS)

    @property
    def loses_bytes(self) -> bool:
        """Whether an interval may lack bytes."""
        return self._since(THREADS)

    def _since(self, first: tuple[int, int]) -> bool:
        return self.start.version is None or version(self.start.version) >= first


def version(text: str) -> tuple[int, int]:
    """Return a version as numbers.

    Args:
        text: as iperf3 writes it: ``iperf 3.12``.

    Raises:
        MeasurementFailed: it is none, or results of it are not known.
    """
    found = re.match(r"iperf (\d{1,4})\.(\d{1,4})(?!\d)", text)
    number = (int(found[1]), int(found[2])) if found else (0, 0)
    if not OLDEST <= number < BEYOND:
        raise MeasurementFailed(
            f'iperf3 reports the version "{one_line(text)[:99]}": cniperf reads results of '
            f"{SUPPORTED}"
        )
    return number


def read_result(text: str, whose: str) -> Result:
    """Return a client's result.

    Args:
        text: what it printed.
        whose: ``client``, for errors.

    Raises:
        MeasurementFailed: it has an error, is damaged, or of a version that is not known.
    """
    return _model(Result, _said(text, whose), whose)


def read_timeline(text: str, whose: str) -> Timeline:
    """Return the intervals of a client's or a server's result; see :func:`read_result`."""
    return _model(Timeline, _said(text, whose), whose)


def _said(text: str, whose: str) -> dict[str, Any]:
    """Return the JSON of a load that came to its end, by a version that is known."""
    said = load_json(text, whose)
    if "error" in said:
        error = one_line(str(said["error"]))[:200] or "it gave no reason"
        raise MeasurementFailed(f"iperf3 {whose}: {error}")
    start = said.get("start")
    named = start.get("version") if isinstance(start, dict) else None
    if isinstance(named, str):
        version(named)
    return said


def load_json(text: str, whose: str) -> dict[str, Any]:
    """Return the JSON that an end of iperf3 left.

    iperf3 may warn before it, and add words or a copy (esnet/iperf#1716).

    Raises:
        MeasurementFailed: there is none, it is damaged, or there are two.
    """
    found = re.search(r"^\{", text, re.MULTILINE) or re.search(r"\{", text)
    if not found:
        said = one_line(text)[:200] or "it printed nothing"
        raise MeasurementFailed(f"the iperf3 {whose} gave no JSON: {said}")
    twice: list[str] = []
    decoder = json.JSONDecoder(
        object_pairs_hook=lambda pairs: _unique(pairs, twice), parse_constant=_no_number
    )
    try:
        said, end = decoder.raw_decode(text, found.start())
    except json.JSONDecodeError as problem:
        near = one_line(text[max(0, problem.pos - 40) : problem.pos + 40])
        raise damaged(whose, f"{problem.msg} in line {problem.lineno}, at: {near}") from None
    except (ValueError, RecursionError) as problem:
        raise damaged(whose, one_line(str(problem))[:200]) from None
    if twice and not _may_repeat(said):
        raise damaged(whose, f"{_named(said)} writes {', '.join(sorted(set(twice)))} twice; "
                             "only 3.7 to 3.11 do, for --bidir")  # fmt: skip
    _only(said, text[end:], decoder, whose)
    assert isinstance(said, dict)
    return said


def _only(said: object, rest: str, decoder: json.JSONDecoder, whose: str) -> None:
    """Reject a second result that is not the first one's copy."""
    if not (more := re.search(r"^\{", rest, re.MULTILINE)):
        return
    try:
        second = decoder.raw_decode(rest, more.start())[0]
    except (ValueError, RecursionError):
        return
    if second != said and {"end", "error"} & set(second):
        raise damaged(whose, "there are two, and they differ")


def _unique(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    """Return an object whose second sum of a name gets the name of the way back."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and (name in REPEATED or found[name] == value):
            continue
        if name in found:
            twice.append(name)
            if name not in TWICE or not _ways(found[name], value) or name + BACK in found:
                raise ValueError(f'the key "{name}" is there twice')
            name += BACK
        found[name] = value
    return found


def _ways(one: object, other: object) -> bool:
    """Return whether two sums are those of the way there and of the way back."""
    return (isinstance(one, dict) and isinstance(other, dict)
            and one.get("sender") is True and other.get("sender") is False)  # fmt: skip


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _named(said: dict[str, Any]) -> str:
    start = said.get("start")
    return str(start.get("version") if isinstance(start, dict) else None)[:40]


def _may_repeat(said: dict[str, Any]) -> bool:
    try:
        return version(_named(said)) < NAMES_WAYS
    except MeasurementFailed:
        return False


def damaged(whose: str, where: str) -> MeasurementFailed:
    """Return the error of a result that cannot be what iperf3 wrote."""
    return MeasurementFailed(f"the result of the iperf3 {whose} is damaged: {where}")


def _model(kind: type[Kind], said: dict[str, Any], whose: str) -> Kind:
    try:
        return kind.model_validate(said)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "intervals"
        what = first["msg"].removeprefix("Value error, ")
        raise damaged(whose, one_line(f"{place}: {what}")[:300]) from None

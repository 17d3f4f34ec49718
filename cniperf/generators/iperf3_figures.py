"""The figures of a result of iperf3, each checked against a second count of the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cniperf.errors import MeasurementFailed
from cniperf.generators.generator import Figures, carried
from cniperf.witness import agree

if TYPE_CHECKING:
    from cniperf.iperf3_result import Part, Result, Sum

NEAR = 0.05  # share that two counts of a stream may differ by
NEARLY = 0.1  # that two counts of datagrams a second may, whose clocks do not begin together
UNDERWAY = 16 << 20  # bytes of a connection that may be sent and not yet received
LATE = 1.0  # seconds that a load may end late
ODD = 2  # datagrams that end a load, which one end may count and the other not


# ── streams ───────────────────────────────────────────────────────────────────────────────────


def of_streams(result: "Result", *, both: bool) -> Figures:
    """Return what TCP connections came to.

    Args:
        result: the client's result.
        both: whether both ends were to send.

    Raises:
        MeasurementFailed: no byte arrived, a sum is missing, or two counts disagree.
    """
    ways = _ways(result, both=both)
    carried(sum(way.gbps for way in ways))
    for way in ways:
        _prove(way, result)
    again = [way.sent.retransmits for way in ways if way.sent.retransmits is not None]
    if again and len(again) != len(ways):
        raise _lacks(result, "retransmits of one way")
    sender, receiver = _cpu(result)
    return Figures(
        gbps=sum(way.gbps for way in ways),
        gbps_sent=sum(way.gbps_sent for way in ways),
        retransmits=sum(again) if again else None,
        mss=result.start.tcp_mss or result.start.tcp_mss_default,
        sender_cpu=sender,
        receiver_cpu=receiver,
    )


@dataclass(frozen=True)
class Way:
    """What went one way.

    Attributes:
        name: of its sums.
        sent, received: as each end counted it.
        sending, receiving: seconds of the clock of each.
        comes: whether the client received it.
    """

    name: str
    sent: "Sum"
    received: "Sum"
    sending: float
    receiving: float
    comes: bool

    @property
    def gbps(self) -> float:
        """What the receiver counted, in Gbit/s."""
        return self.received.carried * 8 / 1e9 / self.receiving

    @property
    def gbps_sent(self) -> float:
        """What the sender counted, in Gbit/s."""
        return self.sent.carried * 8 / 1e9 / self.sending


def _ways(result: "Result", *, both: bool) -> list[Way]:
    """Return the way there and, where both ends send, the way back."""
    end, turned = result.end, bool(result.start.test_start.reverse)
    sent, received = end.sum_sent, end.sum_received
    if sent is None or received is None:
        raise _lacks(result, "sum_sent" if sent is None else "sum_received")
    client, server = (received, sent) if turned else (sent, received)
    own, other = client.seconds, _servers_clock(result, server.seconds, client.seconds)
    there = Way("sum", sent, received, *((other, own) if turned else (own, other)), comes=turned)
    back, back_received = end.sum_sent_bidir_reverse, end.sum_received_bidir_reverse
    if not both:
        if back or back_received:
            raise MeasurementFailed(
                f"{_version(result)} has figures of both ways; one was requested"
            )
        return [there]
    if back is None or back_received is None:
        raise _lacks(result, "sum of the way back")
    # iperf3 gives the way back the clocks of the way there, although its ends are the other ones.
    return [there, Way("sum_bidir_reverse", back, back_received, other, own, comes=True)]


def _servers_clock(result: "Result", server: float, client: float) -> float:
    """Return how long the server's count took.

    Before 3.12 it began some 40 ms before the load: what is counted from the first byte on came
    within the client's seconds.
    """
    return server if result.names_ways or result.start.test_start.omit else client


def _prove(way: Way, result: "Result") -> None:
    """Check the counts of the ends, the connections and the intervals against each other."""
    asked = result.start.test_start
    if way.comes in (way.sent.sender, way.received.sender):
        raise _damaged(f"the sender of its {way.name} is the other end")
    underway = asked.num_streams * max(UNDERWAY, 4 * result.start.sock_bufsize)
    agree("the load in Gbit/s", ("the sender", way.gbps_sent), ("the receiver", way.gbps),
          within=NEAR, plus=underway * 8 / 1e9 / way.receiving)  # fmt: skip
    own, seconds = (way.received, way.receiving) if way.comes else (way.sent, way.sending)
    if asked.duration:
        agree("the seconds of load", ("the client", seconds), ("the request", asked.duration),
              within=NEAR, plus=LATE)  # fmt: skip
    parts = [part for each in result.counted if (part := getattr(each, way.name))]
    carried_then = sum(part.bytes for part in parts)
    if parts and (carried_then > own.carried or not result.loses_bytes):
        agree("the bytes of the load", ("its intervals", carried_then),
              ("the whole", own.carried), within=NEAR)  # fmt: skip
    _prove_connections(way, result)


def _prove_connections(way: Way, result: "Result") -> None:
    """Check the sums against their connections."""
    for whole, name in ((way.sent, "sender"), (way.received, "receiver")):
        ends = [part for each in result.end.streams if (part := getattr(each, name))
                and part.sender is not way.comes]  # fmt: skip
        if not result.end.streams:
            return
        if len(ends) != result.start.test_start.num_streams:
            raise _damaged(f"{len(ends)} connections where {result.start.test_start.num_streams} "
                           "were requested")  # fmt: skip
        for what in ("bytes", "retransmits"):
            counts = [getattr(part, what) for part in ends]
            if None not in counts and (total := getattr(whole, what)) is not None:
                agree(f"{what} by the {name}", ("the connections", sum(counts)),
                      ("their sum", total), within=1e-6)  # fmt: skip


# ── datagrams ─────────────────────────────────────────────────────────────────────────────────


def of_datagrams(result: "Result", server: "Sequence[Part]") -> Figures:
    """Return what datagrams came to: those that arrived, by the receiver's bytes.

    Args:
        result: the client's result.
        server: the intervals that count, by the server; empty where it left no result.

    Raises:
        MeasurementFailed: no byte arrived, a sum is missing, or two counts disagree.
    """
    total, size = result.end.sum, result.start.test_start.blksize
    if total is None or size is None:
        raise _lacks(result, "sum" if total is None else "blksize")
    sent = total.bits_per_second / 8 / size
    if total.bytes is not None:
        agree("the bytes sent", ("the datagrams", total.packets * size), ("the sum", total.bytes),
              within=1e-6, plus=ODD * size)  # fmt: skip
    if asked := result.start.test_start.duration:
        agree("the seconds of load", ("datagrams and rate", total.packets / sent),
              ("the request", asked), within=NEAR, plus=LATE)  # fmt: skip
    arrived, lost = (
        _by_server(result, server, sent, size) if server else _by_client(result, sent, size)
    )
    carried(arrived)
    if not 0 <= lost < 1:
        raise MeasurementFailed(f"iperf3 lost {lost:.3g} of the datagrams: that cannot be")
    agree("the datagrams that arrived a second", ("the sender, less the losses", sent * (1 - lost)),
          ("the receiver's bytes", arrived), within=NEARLY)  # fmt: skip
    sender, receiver = _cpu(result)
    return Figures(
        gbps=arrived * size * 8 / 1e9,
        gbps_sent=total.bits_per_second / 1e9,
        per_second=arrived,
        lost=lost,
        sender_cpu=sender,
        receiver_cpu=receiver,
    )


def _by_server(
    result: "Result", parts: "Sequence[Part]", sent: float, size: int
) -> tuple[float, float]:
    """Return the datagrams that arrived a second and the share that was lost, by the server.

    Its intervals show the losses of the seconds that count; the sums do not.
    """
    packets, lost = (sum(getattr(part, name) or 0 for part in parts)
                     for name in ("packets", "lost_packets"))  # fmt: skip
    counted = sum(part.bytes for part in parts) / size
    agree("the datagrams that arrived", ("those sent, less the losses", packets - lost),
          ("the server's bytes", counted), within=1e-3, plus=ODD)  # fmt: skip
    carried(counted)
    if received := result.end.sum_received:
        agree("the datagrams that arrived", ("the server's intervals", counted),
              ("its sum", received.carried / size), within=NEAR, plus=ODD)  # fmt: skip
        return received.carried / size / received.seconds, lost / packets
    return counted / _servers_clock(result, parts[-1].end, packets / sent), lost / packets


def _by_client(result: "Result", sent: float, size: int) -> tuple[float, float]:
    """Return the same where the server left no result."""
    received, total = result.end.sum_received, result.end.sum
    if received is None or total is None:
        raise MeasurementFailed(
            f"{_version(result)} reports the datagrams that arrived only in the server's result "
            "(the client's has no sum_received), and the server wrote no result"
        )
    arrived = received.carried / size
    carried(arrived)
    if result.start.test_start.omit:  # the sum's losses are of all seconds, its packets are not
        return arrived / received.seconds, _near_zero(1 - arrived / received.seconds / sent)
    kept = total.packets - total.lost_packets
    agree("the datagrams that arrived", ("those sent, less the losses", kept),
          ("the receiver's bytes", arrived), within=1e-3, plus=ODD)  # fmt: skip
    return arrived / received.seconds, total.lost_packets / total.packets


def _near_zero(share: float) -> float:
    """Return a share of two rates; clocks that do not begin together may make it less than 0."""
    return 0.0 if -NEARLY < share < 0 else share


# ── both ──────────────────────────────────────────────────────────────────────────────────────


def _cpu(result: "Result") -> tuple[float, float]:
    """Return the CPU time of the sender and the receiver, whichever of them the client is."""
    cpu = result.end.cpu_utilization_percent
    ends = cpu.host_total, cpu.remote_total
    return ends[::-1] if result.start.test_start.reverse else ends


def _version(result: "Result") -> str:
    return result.start.version or "an iperf3 that names no version"


def _lacks(result: "Result", name: str) -> MeasurementFailed:
    return _damaged(f"{_version(result)} has no {name}")


def _damaged(where: str) -> MeasurementFailed:
    return MeasurementFailed(f"the result of the iperf3 client is damaged: {where}")

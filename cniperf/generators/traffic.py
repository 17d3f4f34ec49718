"""What a generator is to send: the part of an experiment that the load's programs get."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """A load, whatever it runs between.

    Attributes:
        generator: name of the program.
        mode: ``stream``, ``rr``, ``crr`` or ``udp``.
        direction: the sender: host a (``forward``), host b (``reverse``), or both.
        streams: parallel TCP connections.
        window: TCP window, as ``512K``; empty for the kernel's autotuning.
        congestion: TCP congestion control of the sender.
        length: bytes of a write, as asked for; 0 for the program's own.
        size: bytes of a message, a response or a datagram's payload.
        rate: load offered, in Gbit/s; 0: no limit.
        max_loss: % of the datagrams that may get lost.
        duration: seconds of load that count.
        omit: seconds before that.
    """

    generator: str
    mode: Literal["stream", "rr", "crr", "udp"] = "stream"
    direction: Literal["forward", "reverse", "both"] = "forward"
    streams: int = 1
    window: str = ""
    congestion: str = "cubic"
    length: int = 0
    size: int = 0
    rate: float = 0.0
    max_loss: float = 0.1
    duration: int = 10
    omit: int = 1

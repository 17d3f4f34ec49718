"""The probe: a known number of UDP datagrams each way between the two endpoints of a plan.

Datagrams, as one of them is one packet at every hop: no segmentation, no aggregation, no segment
sent twice.
"""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cniperf import stop
from cniperf.beds.counters import PORT
from cniperf.ip import udp_headers

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.plan import Plan

PAYLOAD = 1000  # bytes; less where the MTU is smaller
AT_ONCE = 10  # datagrams, so that no queue overflows
PATIENCE = 0.25  # seconds that a datagram may take
HELLO = 3.0  # seconds for the first one: neighbours must be found, Open vSwitch must wake up


@dataclass(frozen=True)
class Arrived:
    """How many datagrams of a probe arrived."""

    there: int
    back: int


class Probe:
    """Two sockets, one at each endpoint of a pair. Use it as a context manager.

    Args:
        bed: where they are made.
        plan: what is wired there.
        pair: which pods, counted from 0.
    """

    def __init__(self, bed: "Bed", plan: "Plan", pair: int = 0) -> None:
        ends = [(side.host, side.endpoints[pair]) for side in plan]
        self.payload = min(PAYLOAD, *(end.mtu - udp_headers(host.ip) for host, end in ends))
        self._addresses = [end.address for _, end in ends]
        # The load begins at host a; what b's pod sends answers it.
        self._targets = [ends[1][1].target, ends[0][1].seen]
        self._ends = [bed.datagrams(host, end.netns) for host, end in ends]

    def __enter__(self) -> Self:
        for end, address in zip(self._ends, self._addresses, strict=True):
            end.bind(address, PORT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in self._ends:
            end.close()

    def greet(self) -> bool:
        """Wake the path up in both ways, so that no packet of the probe waits for a neighbour."""
        end = time.monotonic() + HELLO
        while time.monotonic() < end:
            if self._send(0, 1, PATIENCE) and self._send(1, 1, PATIENCE):
                return True
        return False

    def there(self, count: int) -> int:
        """Send datagrams from a to b over a path that has just worked; return how many arrived."""
        return self._burst(0, count, PATIENCE / 5)

    def send(self, count: int) -> Arrived:
        """Send datagrams from a to b, then as many back."""
        return Arrived(self._burst(0, count), self._burst(1, count))

    def _burst(self, sender: int, count: int, patience: float = PATIENCE) -> int:
        arrived = 0
        for begin in range(0, count, AT_ONCE):
            wanted = min(AT_ONCE, count - begin)
            got = self._send(sender, wanted, patience)
            arrived += got
            if got < wanted:
                patience = 0.01  # what is lost is lost: the rest is sent for the counters
        return arrived

    def _send(self, sender: int, count: int, patience: float) -> int:
        """Send some datagrams at once; return how many arrived in time."""
        here, there = self._ends[sender], self._ends[1 - sender]
        stop.look()
        there.drain()
        here.send(count, self.payload, self._targets[sender], PORT)
        return there.wait(count, patience)

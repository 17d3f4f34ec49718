"""Hops: what a packet passes between a pod and the wire, as each scheme declares it.

A scheme lists its hops from the pod outwards; the other host has the same ones in reverse. From
the list follow the points where packets are counted, and what each count must be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Wants = Literal["all", "none", "any"]


@dataclass(frozen=True)
class Inside:
    """The pod's own interface."""

    device: str

    def __str__(self) -> str:
        return f"{self.device} (pod)"


@dataclass(frozen=True)
class Device:
    """A device in the host's namespace; ``wrapped`` where packets pass it inside VXLAN."""

    device: str
    wrapped: bool = False

    def __str__(self) -> str:
        return f"{self.device} (VXLAN)" if self.wrapped else self.device


@dataclass(frozen=True)
class Bridge:
    """A Linux bridge that only forwards frames: its ports see them, the bridge device does not.

    With br_netfilter loaded it lends them the host's netfilter hooks.
    """

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Flows:
    """An Open vSwitch bridge and the flows that must match, as ``ovs-ofctl dump-flows`` has them.

    Attributes:
        bridge: its name.
        out: match of the flow that leads to the wire.
        into: match of the flow that leads to the pod.
    """

    bridge: str
    out: str
    into: str

    def __str__(self) -> str:
        return f"{self.bridge} (Open vSwitch)"


@dataclass(frozen=True)
class Stack:
    """The host's own IPv4 stack, which must pass all packets through these netfilter hooks."""

    says: str
    hooks: tuple[str, ...]

    def __str__(self) -> str:
        return self.says


ROUTED = Stack("host routing", ("prerouting", "forward", "postrouting"))
LOCAL = Stack("host stack", ("local",))  # the input hook where it arrives, output where it leaves

HOOKS = ("prerouting", "forward", "postrouting", "local")

Hop = Inside | Device | Bridge | Flows | Stack


@dataclass(frozen=True)
class Point:
    """Where the probe's packets are counted.

    Attributes:
        place: ``pod-a``, ``a``, ``wire``, ``b`` or ``pod-b``.
        name: the device, netfilter hook or Open vSwitch bridge.
        kind: ``device``, ``hook`` or ``flow``.
        wants: how many of the probe's packets it must see.
        wrapped: True where those inside VXLAN are counted, False for plain ones.
        there, back: matches of the flows for each way (kind ``flow`` only).
    """

    place: str
    name: str
    kind: Literal["device", "hook", "flow"]
    wants: Wants = "all"
    wrapped: bool = False
    there: str = ""
    back: str = ""

    def __str__(self) -> str:
        return f"{self.place}:{self.name}" + (" (in VXLAN)" if self.wrapped else "")


def points(a: Sequence[Hop], b: Sequence[Hop], wire: Sequence[str] = ()) -> list[Point]:
    """Return where to count, in the order that a packet from a's pod to b's meets them.

    Args:
        a: hops of host a, pod first.
        b: hops of host b, pod first.
        wire: devices of the wire between the hosts, from a to b, where the bed has one.
    """
    wrapped = any(isinstance(hop, Device) and hop.wrapped for hop in a)
    between = [point for name in wire for point in _both("wire", name, wrapped)]
    return [*_of_host("a", a), *between, *_of_host("b", list(reversed(b)))]


def _of_host(host: str, hops: Sequence[Hop]) -> Iterator[Point]:
    outwards = host == "a"  # the way there leaves a and enters b
    for hop in hops:
        match hop:
            case Inside(device):
                yield Point(f"pod-{host}", device, "device")
            case Device(device, wrapped):
                nic = hop in (hops[0], hops[-1])
                yield from _both(host, device, wrapped) if nic else [Point(host, device, "device")]
            case Flows(bridge, out, into):
                there, back = (out, into) if outwards else (into, out)
                yield Point(host, bridge, "flow", there=there, back=back)
            case Stack():
                yield from (Point(host, hook, "hook") for hook in hop.hooks)
            case Bridge():
                yield from (Point(host, hook, "hook", "any") for hook in ROUTED.hooks)
    crossed = {hook for hop in hops if isinstance(hop, Stack) for hook in hop.hooks}
    if any(isinstance(hop, Bridge) for hop in hops):
        crossed = set(ROUTED.hooks)
    for hook in HOOKS:
        # What the host sends itself passes postrouting, what it receives prerouting.
        if hook not in crossed and (crossed != {"local"} or hook == "forward"):
            yield Point(host, hook, "hook", "none")


def _both(place: str, device: str, wrapped: bool) -> list[Point]:
    """Count both forms where packets meet the underlay: one must be all of them, one none."""
    return [
        Point(place, device, "device", wrapped=wrapped),
        Point(place, device, "device", "none", wrapped=not wrapped),
    ]

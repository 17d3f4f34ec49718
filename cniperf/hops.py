"""Hops: what a packet passes between a pod and the wire, as each scheme declares it.

A scheme lists its hops from the pod outwards; the other host has the same ones in reverse. From
the list follow the points where packets are counted, and what each count must be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cniperf.encapsulation import FLANNEL_VXLAN, Encapsulation

Wants = Literal["all", "none", "any", "there", "back"]
Translated = Literal["", "there", "back", "both"]


@dataclass(frozen=True)
class Inside:
    """The pod's own interface."""

    device: str

    def __str__(self) -> str:
        return f"{self.device} (pod)"


@dataclass(frozen=True)
class Device:
    """A device in the host's namespace, and what packets pass it inside of, if anything."""

    device: str
    inside: Encapsulation | None = None

    def __str__(self) -> str:
        return f"{self.device} ({self.inside.name})" if self.inside else self.device


@dataclass(frozen=True)
class Bridge:
    """A Linux bridge that only forwards frames: its ports see them, the bridge device does not.

    With br_netfilter loaded they pass the host's netfilter hooks.
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
class Redirected:
    """A device whose program passes on what it receives, and which what comes in does not pass.

    Rules at a device count only what such a program has left, so packet sockets count here.
    """

    device: str

    def __str__(self) -> str:
        return f"{self.device} (eBPF, way out)"


@dataclass(frozen=True)
class Stack:
    """The host's own IPv4 stack, which must pass all packets through these netfilter hooks.

    Attributes:
        says: what it does, for people.
        hooks: which ones.
        only_out: True where those that come in pass none of them.
        translates: True where connections that a pod begins leave with the host's address.
        serves: True where connections that a pod begins go to a service's address, which the host
            replaces by that of a pod.
    """

    says: str
    hooks: tuple[str, ...]
    only_out: bool = False
    translates: bool = False
    serves: bool = False

    def __str__(self) -> str:
        return self.says


ROUTED = Stack("host routing", ("prerouting", "forward", "postrouting"))
MASQUERADED = Stack("host routing with NAT", ROUTED.hooks, translates=True)
SERVED = Stack("host routing with services", ROUTED.hooks, serves=True)
LOCAL = Stack("host stack", ("local",))  # the input hook where it arrives, output where it leaves
SENT = Stack("host stack (way out)", ("local", "postrouting"), only_out=True)

HOOKS = ("prerouting", "forward", "postrouting", "local")

Hop = Inside | Device | Bridge | Flows | Redirected | Stack


@dataclass(frozen=True)
class Point:
    """Where the probe's packets are counted.

    Attributes:
        place: ``pod-a``, ``a``, ``wire``, ``b`` or ``pod-b``.
        name: the device, netfilter hook or Open vSwitch bridge.
        kind: ``device``, ``hook`` or ``flow``.
        wants: which of the probe's packets it must see: ``all``, ``none``, those that go
            ``there`` or ``back`` and no other, or it may see ``any``.
        inside: what those that are counted are inside of; None for plain ones.
        translated: ways on which another address stands here for a pod's: host a's for its own
            pod's, or a service's for that of host b's pod.
        there, back: matches of the flows for each way (kind ``flow`` only).
    """

    place: str
    name: str
    kind: Literal["device", "hook", "flow"]
    wants: Wants = "all"
    inside: Encapsulation | None = None
    translated: Translated = ""
    there: str = ""
    back: str = ""

    def __str__(self) -> str:
        return f"{self.place}:{self.name}" + (f" (in {self.inside.name})" if self.inside else "")


def points(a: Sequence[Hop], b: Sequence[Hop], wire: Sequence[str] = ()) -> list[Point]:
    """Return where to count, in the order that a packet from a's pod to b's meets them.

    Args:
        a: hops of host a, pod first.
        b: hops of host b, pod first.
        wire: devices of the wire between the hosts, from a to b, where the bed has one.
    """
    inside = next((hop.inside for hop in a if isinstance(hop, Device) and hop.inside), None)
    between = [point for name in wire for point in _both("wire", name, inside)]
    found = [*_of_host("a", a), *between, *_of_host("b", list(reversed(b)))]
    if any(isinstance(hop, Stack) and hop.translates for hop in a):
        return list(_translated(found, a))
    if any(isinstance(hop, Stack) and hop.serves for hop in a):
        return list(_served(found, a))
    return found


def _of_host(host: str, hops: Sequence[Hop]) -> Iterator[Point]:
    outwards = host == "a"  # the way there leaves a and enters b
    out: Wants = "there" if outwards else "back"
    for hop in hops:
        match hop:
            case Inside(device):
                yield Point(f"pod-{host}", device, "device")
            case Device(device, inside):
                nic = hop in (hops[0], hops[-1])
                yield from _both(host, device, inside) if nic else [Point(host, device, "device")]
            case Flows(bridge, leaves, enters):
                there, back = (leaves, enters) if outwards else (enters, leaves)
                yield Point(host, bridge, "flow", there=there, back=back)
            case Redirected(device):
                yield Point(host, device, "device", out)
            case Stack():
                wants: Wants = out if hop.only_out else "all"
                yield from (Point(host, hook, "hook", wants) for hook in hop.hooks)
            case Bridge():
                yield from (Point(host, hook, "hook", "any") for hook in ROUTED.hooks)
    crossed = {hook for hop in hops if isinstance(hop, Stack) for hook in hop.hooks}
    if any(isinstance(hop, Bridge) for hop in hops):
        crossed = set(ROUTED.hooks)
    for hook in HOOKS:
        # What the host sends itself passes postrouting, what it receives prerouting.
        if hook not in crossed and (crossed != {"local"} or hook == "forward"):
            yield Point(host, hook, "hook", "none")


def _both(place: str, device: str, inside: Encapsulation | None) -> list[Point]:
    """Count both forms where packets meet the underlay: one must be all of them, one none."""
    return [
        Point(place, device, "device", inside=inside),
        Point(place, device, "device", "none", inside=None if inside else FLANNEL_VXLAN),
    ]


def _translated(found: Sequence[Point], a: Sequence[Hop]) -> Iterator[Point]:
    """Return the points where host a's address stands for its pod's: its NIC and all beyond.

    Its hooks come before the translation on the way there, and only prerouting does on the way
    back.
    """
    nic = next(hop.device for hop in reversed(a) if isinstance(hop, Device))
    beyond = False
    for point in found:
        beyond = beyond or (point.place, point.name) == ("a", nic)
        if point.place == "a" and point.kind == "hook":
            yield replace(point, translated="back" if point.name == "prerouting" else "")
        else:
            yield replace(point, translated="both" if beyond else "")


def _served(found: Sequence[Point], a: Sequence[Hop]) -> Iterator[Point]:
    """Return the points where a service's address stands for that of host b's pod: before a's NIC.

    Of the hooks only prerouting comes before the translation, and of the way there alone; an answer
    is translated back after all of them.
    """
    nic = next(hop.device for hop in reversed(a) if isinstance(hop, Device))
    beyond = False
    for point in found:
        beyond = beyond or (point.place, point.name) == ("a", nic)
        if beyond or point.kind == "flow":
            yield point
        elif point.kind == "hook":
            yield replace(point, translated="there" if point.name == "prerouting" else "")
        else:
            yield replace(point, translated="both")

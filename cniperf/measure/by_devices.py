"""Proof of path by what the devices count themselves, where nothing may be added to them.

A burst of datagrams crosses the path while no load runs, and the devices whose counters rise by as
many packets are the path. Each also reports the bytes of a packet, so what is wrapped around it on
the way shows as bytes more. A device that something bypasses, as hardware may, counts nothing.
"""

import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf import stop
from cniperf.beds import burst
from cniperf.beds.bed import Call
from cniperf.beds.counters import PORT
from cniperf.encapsulation import GENEVE, IPIP, VXLAN, WIREGUARD
from cniperf.errors import MeasurementFailed, NotAble

if TYPE_CHECKING:
    from cniperf.beds.bed import Untouched
    from cniperf.beds.child import Child
    from cniperf.plan import HostPlan, Plan

PACKETS = 2000  # each way: what else a node's devices carry meanwhile is far less
POLICY_PACKETS = 20
PAYLOAD = 1000  # bytes; less where the MTU is smaller
HEADERS = 28  # bytes: IPv4 20, UDP 8
LINK = 14  # bytes of Ethernet, which devices count
SLACK = 3  # bytes that the mean of a packet may be off by
SMALLEST = 16  # bytes that the smallest tunnel adds at least
READY = 0.5  # seconds until a receiver listens
SOON = 1.5  # seconds that a few datagrams may take, their sender's start included
STRAY = 0.25  # share of packets beside the burst's that a device of the path may have carried
LOST = 0.05  # share of the burst that may be lost
SECONDS = 6.0  # that a burst may take
POLICY = 3.0  # seconds until a policy takes effect

NIC = "nic"  # in place of the kind of the device that is on the underlay, which may be a veth

# Where devices of a kind stand on the way from a pod to the wire; what is no such kind is last.
RANKS = {"veth": 0, "bridge": 1, "macvlan": 1, "ipvlan": 1, "vxlan": 2, "geneve": 2, "ipip": 2,
         "wireguard": 2}  # fmt: skip

# Encapsulations by the kind of device that makes them.
BY_KIND = {"vxlan": VXLAN, "geneve": GENEVE, "ipip": IPIP, "wireguard": WIREGUARD}

Counts = dict[str, tuple[int, ...]]  # received packets, bytes, sent packets, bytes


@dataclass(frozen=True)
class DeviceEvidence:
    """What the devices counted.

    Attributes:
        scheme: its name.
        payload: bytes of a datagram.
        arrived: datagrams that arrived, there and back.
        hops: as ``evidence.json`` has them.
        pods: their addresses, by host; none where the load runs on the hosts.
        policy: what a policy that lets nothing in did: packets ``sent``, ``dropped``, ``arrived``.
    """

    scheme: str
    payload: int
    arrived: tuple[int, int]
    hops: Sequence[Mapping[str, Any]]
    pods: Mapping[str, str]
    policy: Mapping[str, int] | None

    @property
    def problem(self) -> str:
        """What contradicts that the pods reach each other; empty if nothing does."""
        for way, arrived in zip(("pod b", "pod a"), self.arrived, strict=True):
            if arrived < PACKETS * (1 - LOST):
                return f"{arrived} of {PACKETS} packets arrived in {way}"
        return ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``evidence.json`` has it."""
        there, back = self.arrived
        return {
            "scheme": self.scheme, "packets": PACKETS, "payload": self.payload,
            "counted_by": "devices", "arrived": {"there": there, "back": back},
            "hops": list(self.hops), "senders": [], "macs": {}, "pods": dict(self.pods),
            "policy": self.policy, "problem": self.problem,
        }  # fmt: skip


def prove(bed: "Untouched", plan: "Plan", folder: Path) -> DeviceEvidence:
    """Count a burst of datagrams along the path of a plan.

    Args:
        bed: whose devices count.
        plan: what is measured there.
        folder: where the programs leave what they print.
    """
    a, b = plan
    size = min(PAYLOAD, *(side.endpoint.mtu - HEADERS for side in plan))
    scratch = folder / "burst"
    scratch.mkdir()
    try:
        way = _Burst(bed, a, b, scratch)
        there, counted = _counted(way, size)
        back, returned = _counted(_Burst(bed, b, a, scratch), size)
        hops = list(_hops(bed, counted, returned, size))
        pods = {side.host.name: side.endpoint.address for side in plan if side.endpoint.netns}
        policy = _policy(bed, way, size) if pods and there else None
    finally:
        shutil.rmtree(scratch)
    return DeviceEvidence(plan.scheme, size, (there, back), hops, pods, policy)


def _counted(burst: "_Burst", size: int) -> tuple[int, dict[str, Counts]]:
    """Send a burst; return how many datagrams arrived, and what the devices counted meanwhile."""
    places = _places(burst)
    before = _tables(burst.bed, places)
    arrived = burst.send(PACKETS, size)
    after = _tables(burst.bed, places)
    found = {
        place: {name: _since(own, before[place].get(name, own))
                for name, own in after[place].items()}
        for place in places
    }  # fmt: skip
    return arrived, found


def _tables(bed: "Untouched", places: Sequence[str]) -> dict[str, Counts]:
    tables = bed.commands([Call(place, TABLE) for place in places])
    return dict(zip(places, map(counts, tables), strict=True))


def _since(now: tuple[int, ...], then: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(new - old for new, old in zip(now, then, strict=True))


TABLE = ["cat", "/proc/net/dev"]


def counts(table: str) -> Counts:
    """Read ``/proc/net/dev``: by device the packets and bytes that it received and sent."""
    found = {}
    for line in table.splitlines():
        name, colon, rest = line.partition(":")
        fields = rest.split()
        if colon and len(fields) >= 10:
            received, sent = (fields[1], fields[0]), (fields[9], fields[8])
            found[name.strip()] = (*map(int, received), *map(int, sent))
    return found


def _places(burst: "_Burst") -> list[str]:
    """Return the places between two ends, from host a's to host b's."""
    pods = bool(burst.sender.endpoint.netns)
    return ["pod-a", "a", "b", "pod-b"] if pods else ["a", "b"]


@dataclass(frozen=True)
class _Burst:
    """Datagrams that one end sends to the other.

    Attributes:
        bed: where the ends are.
        sender, receiver: the sides of the plan.
        folder: where the programs leave what they print.
    """

    bed: "Untouched"
    sender: "HostPlan"
    receiver: "HostPlan"
    folder: Path

    def send(self, count: int, size: int, seconds: float = SECONDS) -> int:
        """Send so many datagrams of so many bytes; return how many arrived in time."""
        end = {"address": self.receiver.endpoint.address, "port": PORT, "count": count}
        # A name of its own: each end has what it printed before, and all of that is collected.
        output = self.folder / f"received-{time.monotonic_ns()}"
        receive, send = {"do": "receive", **end, "seconds": seconds}, {"do": "send", **end}
        listening = self._start(self.receiver, receive, output)
        sent = self.folder / "sent"
        self._start(self.sender, {**send, "size": size, "after": READY}, sent).wait()
        listening.wait()
        self.bed.collect(self.folder)
        words = output.read_text(encoding="utf-8").split()
        if not words or not words[-1].isdigit():
            raise MeasurementFailed(f"the receiver of datagrams printed: {' '.join(words)[-200:]}")
        return int(words[-1])

    def _start(self, side: "HostPlan", job: Mapping[str, Any], output: Path) -> "Child":
        return self.bed.start_python(side.host, Path(burst.__file__), json.dumps(job), output,
                                     side.endpoint.netns)  # fmt: skip


def _policy(bed: "Untouched", there: _Burst, size: int) -> Mapping[str, int] | None:
    """Let a policy let nothing in, and see whether datagrams still arrive."""
    limit = time.monotonic() + POLICY
    try:
        with bed.denied():
            arrived = there.send(POLICY_PACKETS, size, SOON)
            while arrived and time.monotonic() < limit:
                stop.sleep(0.2)
                arrived = there.send(POLICY_PACKETS, size, SOON)
    except NotAble:
        return None
    return {"sent": POLICY_PACKETS, "dropped": POLICY_PACKETS - arrived, "arrived": arrived}


def _hops(
    bed: "Untouched", there: Mapping[str, Counts], back: Mapping[str, Counts], size: int
) -> Iterator[dict[str, Any]]:
    """Yield the devices that carried the burst both ways, in the order of the way there."""
    for place in there:
        kinds = bed.kinds(place) | {host.nic: NIC for host in bed.hosts if host.name == place}
        own = [name for name in there[place] if _carried(there[place][name], back[place].get(name))]
        # From the pod to the wire on host a: what wraps comes before what carries it.
        own.sort(key=lambda name: (_rank(kinds.get(name, "")), name),
                 reverse=place.endswith("b"))  # fmt: skip
        for name in own:
            packets, length = _most(there[place][name])
            wrapped = _snapped(length / packets - LINK - (size + HEADERS)) if packets else 0
            inside = _inside(wrapped, kinds.values())
            yield {
                "place": place, "name": name, "kind": "device", "wants": "all",
                "wrapped": bool(inside), "encapsulation": inside or None, "translated": "",
                "there": packets, "back": _most(back[place][name])[0],
                "size": size + HEADERS + wrapped if packets else None,
            }  # fmt: skip


def _most(counted: tuple[int, ...]) -> tuple[int, int]:
    """Return the packets and bytes of the direction in which a device carried more."""
    received, came, sent, went = counted
    return (received, came) if received >= sent else (sent, went)


def _carried(there: tuple[int, ...], back: tuple[int, ...] | None) -> bool:
    """Return whether a device carried a burst each way, and hardly anything besides."""
    low, high = PACKETS * (1 - LOST), PACKETS * (1 + STRAY)
    return back is not None and all(low <= _most(each)[0] <= high for each in (there, back))


def _rank(kind: str) -> int:
    return RANKS.get(kind, len(RANKS))


def _snapped(more: float) -> int:
    """Return the bytes around a packet, from their mean, which smaller packets lower.

    A device that counts no link header, as a bridge, has some bytes less.
    """
    known = (0, *(each.overhead for each in BY_KIND.values()))
    near = min(known, key=lambda overhead: abs(overhead - more))
    return near if abs(near - more) <= SLACK else max(0, round(more))


def _inside(more: int, kinds: Iterable[str]) -> str:
    """Return what packets were wrapped in that are so many bytes longer; empty if in nothing."""
    if more < SMALLEST:
        return ""
    known = [each.name for each in BY_KIND.values() if each.overhead == more]
    there = [each.name for kind, each in BY_KIND.items() if kind in set(kinds)]
    return next((name for name in there if name in known), " or ".join(known) or f"{more} bytes")

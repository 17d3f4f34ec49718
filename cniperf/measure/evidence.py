"""Proof of path: which way the packets of a wired scheme go, counted before it is loaded.

A probe of known size crosses the path while counters watch each hop that the scheme declares, and
what it must not touch: the host's netfilter hooks that it claims to bypass, and the other form of
its packets (plain, or inside a tunnel) on the wire. Everything that counts is gone before the load.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf.beds import counters, taps
from cniperf.beds.bed import Call
from cniperf.beds.command import CommandFailed
from cniperf.beds.counters import Flow, Tally
from cniperf.errors import MeasurementFailed
from cniperf.hops import Point, Redirected, points
from cniperf.ip import Version
from cniperf.measure.probe import Arrived, Probe
from cniperf.schemes import find

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.measure.by_devices import DeviceEvidence
    from cniperf.plan import Plan

TAPS = Path(taps.__file__).read_text(encoding="utf-8")
PACKETS = 100  # each way
POLICY_PACKETS = 20  # one way
GREETINGS = 10  # each way, for the pairs whose path is that of the first
MORE = 64  # packets that a flow may match beside the probe's: ARP


class PathNotProven(MeasurementFailed):
    """The packets of a scheme did not go the way that it declares.

    Attributes:
        evidence: what was counted.
        found: the same, as ``evidence.json`` has it.
    """

    def __init__(self, evidence: "Evidence | DeviceEvidence") -> None:
        self.found = evidence.as_dict()
        self.evidence = evidence
        super().__init__(evidence.problem)


@dataclass(frozen=True)
class Evidence:
    """What the hops saw of a probe.

    Attributes:
        scheme: its name.
        packets: datagrams sent each way.
        payload: bytes of each.
        arrived: datagrams that the other pod received.
        tallies: what each point saw, in the order of the way there; None where the device or its
            namespace does not exist.
        senders: MAC and IP addresses of the frames that arrived at the hosts' NICs.
        macs: MAC addresses of the hosts' NICs, by host.
        ip: version of IP that the probe was of.
        pods: the pods' addresses, by host; none where the load runs on the hosts.
        policy: what a rule that drops the pod's packets in host a's forward hook did: packets
            ``sent``, ``dropped`` by it, and ``arrived``; None where the path was not proven.
        counted_by: what counted at the devices: ``rules`` of nft, or packet ``sockets``.
        filters: chains of others that filter what a host forwards, by host.
    """

    scheme: str
    packets: int
    payload: int
    arrived: Arrived
    tallies: Mapping[Point, Tally | None]
    senders: Sequence[tuple[str, str]]
    macs: Mapping[str, str]
    ip: Version
    pods: Mapping[str, str]
    policy: Mapping[str, int] | None = None
    counted_by: str = "rules"
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """What contradicts the scheme's path, the first hop named; empty if nothing does."""
        found = _problem(self)
        return f"{found}{_others(self.filters)}" if found else ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``evidence.json`` has it."""
        hops = [
            {**_point(point), **(asdict(tally) if tally else {"there": None, "back": None})}
            for point, tally in self.tallies.items()
        ]
        return {
            "scheme": self.scheme, "packets": self.packets, "payload": self.payload,
            "counted_by": self.counted_by, "ip": self.ip,
            "arrived": asdict(self.arrived), "hops": hops, "senders": sorted(self.senders),
            "macs": dict(self.macs), "pods": dict(self.pods), "policy": self.policy,
            "filters": {host: list(chains) for host, chains in self.filters.items()},
            "problem": self.problem,
        }  # fmt: skip


def prove(bed: "Bed", plan: "Plan") -> Evidence:
    """Count the packets of a probe along the path of a plan that is wired.

    Returns:
        The evidence, good or bad: :attr:`Evidence.problem` reports whether it agrees with the
        scheme.
    """
    a, b = plan
    scheme = find(plan.scheme)
    where = points(scheme.hops(a.host), scheme.hops(b.host), bed.wire)
    here, peer, hosts = a.endpoint, b.endpoint, (a.host.address, b.host.address)
    there = Flow(here.address, peer.address, hosts, (here.seen, peer.target))
    back = there.answered()
    with Probe(bed, plan) as probe:
        probe.greet()
        watch = _Watch(bed, where, there, back)
        by_programs = any(isinstance(hop, Redirected) for hop in scheme.hops(a.host))
        watch.begin(rules=not by_programs)
        arrived = probe.send(PACKETS)
        tallies, senders = watch.end()
        macs = {host.name: watch.devices[host.name][host.nic] for host in bed.hosts}
        pods = {side.host.name: side.endpoint.address for side in plan if side.endpoint.netns}
        found = Evidence(
            plan.scheme, PACKETS, probe.payload, arrived, tallies, sorted(senders), macs, there.ip,
            pods, counted_by="sockets" if watch.tapped else "rules", filters=watch.filters,
        )  # fmt: skip
        if found.problem:
            return found
        return Evidence(**{**vars(found), "policy": _policy(bed, probe, there.source)})


def greet_others(bed: "Bed", plan: "Plan") -> None:
    """Check that the pods of each pair but the first, whose path is proven, reach each other.

    Raises:
        MeasurementFailed: a pair does not.
    """
    for pair in range(1, len(plan.a.endpoints)):
        with Probe(bed, plan, pair) as probe:
            if not probe.greet() or probe.send(GREETINGS) != Arrived(GREETINGS, GREETINGS):
                raise MeasurementFailed(
                    f"the pods of pair {pair + 1} ({plan.a.endpoints[pair].address}, "
                    f"{plan.b.endpoints[pair].address}) do not reach each other"
                )


def _policy(bed: "Bed", probe: Probe, pod: str) -> dict[str, int]:
    """Drop what the pod sends in the forward hook of its host, and see whether it still arrives."""
    bed.command("a", counters.BEGIN, counters.drop(pod))
    arrived = probe.there(POLICY_PACKETS)
    said, _ = bed.commands(_taken_away("a"))
    return {"sent": POLICY_PACKETS, "dropped": counters.dropped(said), "arrived": arrived}


def _taken_away(place: str) -> list[Call]:
    """Return the commands that print the counts at a place, and end the counting."""
    return [Call(place, counters.LIST), _ended(place)]


def _ended(place: str) -> Call:
    """Return the command that takes the counters of a place away."""
    return Call(place, counters.BEGIN, counters.END)


class _Watch:
    """The counters of a lab, namespace by namespace.

    Attributes:
        devices: what is at each place, with its MAC address.
        tapped: whether packet sockets count at the devices, as nft has no egress hook there.
        filters: chains of others that filter what a host forwards, by host, once it has ended.
    """

    def __init__(self, bed: "Bed", where: Sequence[Point], there: Flow, back: Flow) -> None:
        self._bed, self._where, self._ways = bed, where, (there, back)
        self._counted: dict[str, list[Point]] = {}
        self._flows: dict[Point, Tally] = {}
        self.tapped = False
        self.filters: dict[str, list[str]] = {}
        places = {*(point.place for point in where), *(host.name for host in bed.hosts)}
        self.devices = bed.devices(sorted(places))
        for point in where:
            here = self.devices[point.place]
            exists = point.name in here or point.kind == "hook"
            if point.kind != "flow" and here and exists:
                self._counted.setdefault(point.place, []).append(point)

    def begin(self, *, rules: bool) -> None:
        """Begin to count at devices by rules, if these are asked for and the kernel has them."""
        try:
            self._script(devices=rules)
            self.tapped = not rules
        except CommandFailed:  # what a kernel has is found by trying
            self.tapped = True
            self._bed.commands([_ended(place) for place in self._counted])
            self._script(devices=False)
        if self.tapped:
            self._tap()
        self._flows = self._matched()

    def _script(self, *, devices: bool) -> None:
        scripts = {
            place: counters.script(here, *self._ways, nic=self._nic(place), devices=devices)
            for place, here in self._counted.items()
        }
        self._bed.commands([Call(place, counters.BEGIN, text) for place, text in scripts.items()])

    def _tap(self) -> None:
        jobs = {place: counters.taps(here, *self._ways, nic=self._nic(place))
                for place, here in self._counted.items()}  # fmt: skip
        self._bed.commands([Call(place, [*counters.TAP, json.dumps(job)], TAPS)
                            for place, job in jobs.items()])  # fmt: skip

    def _nic(self, place: str) -> str:
        return next((host.nic for host in self._bed.hosts if host.name == place), "")

    def end(self) -> tuple[dict[Point, Tally | None], set[tuple[str, str]]]:
        """Take the counters away; return what they saw, and the senders to the hosts' NICs."""
        found: dict[Point, Tally | None] = dict.fromkeys(self._where)
        senders: set[tuple[str, str]] = set()
        calls = [call for place in self._counted for call in _taken_away(place)]
        asked = [Call(place, counters.TAPPED, TAPS) for place in self._counted if self.tapped]
        told = self._bed.commands(asked) or [""] * len(self._counted)
        rules = self._bed.commands(calls)[::2]
        hosts = {host.name for host in self._bed.hosts}
        for tapped, said, (place, here) in zip(told, rules, self._counted.items(), strict=True):
            if place in hosts and (others := counters.filters(said)):
                self.filters[place] = others
            found |= counters.read(said, here, tapped)
            senders |= counters.senders(said, tapped)
        for point, after in self._matched(settle=True).items():
            before = self._flows[point]
            found[point] = Tally(after.there - before.there, after.back - before.back)
        return found, senders

    def _matched(self, *, settle: bool = False) -> dict[Point, Tally]:
        """Return how many packets each flow of Open vSwitch has matched so far."""
        flows = [point for point in self._where if point.kind == "flow"]
        if settle:  # the datapath reports its counts to the flow table now and then
            switches = sorted({point.place for point in flows})
            self._bed.commands(
                [Call(place, ["ovs-appctl", "revalidator/wait"]) for place in switches]
            )
        told = self._bed.commands(
            [Call(point.place, ["ovs-ofctl", "dump-flows", point.name]) for point in flows]
        )
        return {
            point: Tally(_packets(said, point.there), _packets(said, point.back))
            for point, said in zip(flows, told, strict=True)
        }


def _packets(said: str, match: str) -> int:
    """Return the packets of the flow with this match in the output of ``ovs-ofctl dump-flows``."""
    found = re.search(rf"n_packets=(\d+),.* {re.escape(match)} actions=", said)
    return int(found[1]) if found else 0


def _problem(evidence: Evidence) -> str:
    """Name the first hop that saw too little, and where the packets went instead."""
    wanted = evidence.packets
    strays = [point for point, tally in evidence.tallies.items() if _astray(point, tally)]
    instead = f"; they were seen at {', '.join(map(str, strays))}" if strays else ""
    path = list(evidence.tallies)
    for way, hops in (("there", path), ("back", path[::-1])):
        before = "pod a sent" if way == "there" else "pod b sent"
        for point in hops:
            if point.wants not in ("all", way):
                continue
            if (tally := evidence.tallies[point]) is None:
                return f"{point} is not there, and must see all {wanted} packets{instead}"
            most = wanted + (MORE if point.kind == "flow" else 0)
            if not wanted <= (seen := getattr(tally, way)) <= most:
                return f"{point} saw {seen} of the {wanted} packets that {before}{instead}"
            before = f"{point} saw"
    if strays:
        return f"{strays[0]} saw packets that must not pass there"
    if evidence.arrived != Arrived(wanted, wanted):
        there, back = evidence.arrived.there, evidence.arrived.back
        return f"{there} of {wanted} packets arrived in pod b, {back} in pod a"
    return ""


def _others(filters: Mapping[str, Sequence[str]]) -> str:
    """Name what may have dropped the packets, though no scheme put it there."""
    chains = dict.fromkeys(chain for own in filters.values() for chain in own)
    if not chains:
        return ""
    first = next(iter(chains)).partition(",")[0]
    return (
        f"; a filter that is not cniperf's sees what host {' and '.join(sorted(filters))} "
        f"forwards ({'; '.join(chains)}): see `nft list chain {first}`"
    )


def _astray(point: Point, tally: Tally | None) -> bool:
    """Return whether a point saw packets of a way on which it must see none."""
    ways = {"none": ("there", "back"), "there": ("back",), "back": ("there",)}
    return tally is not None and any(getattr(tally, way) for way in ways.get(point.wants, ()))


def _point(point: Point) -> dict[str, Any]:
    return {"place": point.place, "name": point.name, "kind": point.kind, "wants": point.wants,
            "wrapped": point.inside is not None,
            "encapsulation": point.inside.name if point.inside else None,
            "translated": point.translated}  # fmt: skip

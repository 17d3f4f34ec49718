"""Counters of a probe's packets, as nftables rules in the namespaces that they cross.

A device is counted at its own ingress and egress hooks, before any bridge, routing or tunnel takes
the packet; the host's stack at the netfilter hooks of its IP path. Only the probe's own packets
count: they are known by their addresses and port, inside a tunnel by the addresses of the inner
header. Where that is encrypted, all that carry data from host to host count.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from cniperf.beds.answer import Answer
from cniperf.encapsulation import Encapsulation
from cniperf.hops import Point, Translated
from cniperf.ip import ADDRESS_TYPE, FAMILY, Version, version

TABLE = "cniperf"
PORT = 5202  # beside iperf3's own 5201

# Netfilter hooks by the name of the point, before what else may be hooked there (a drop, a NAT).
INET_HOOKS = {
    "prerouting": ("prerouting",),
    "forward": ("forward",),
    "postrouting": ("postrouting",),
    "local": ("input", "output"),
}
EARLY = -450  # before conntrack and all of iptables' tables

# Where the source and the target address lie in an IP header, and their length, in bits.
ADDRESSES: dict[Version, tuple[int, int, int]] = {4: (96, 128, 32), 6: (64, 192, 128)}

# For which a point counts translated packets of a way.
THERE: tuple[Translated, ...] = ("there", "both")
BACK: tuple[Translated, ...] = ("back", "both")


@dataclass(frozen=True)
class Flow:
    """The probe's packets of one way.

    Attributes:
        source, target: addresses of the pods, the sender's first.
        hosts: addresses of their hosts, the sender's first.
        seen: ``source`` and ``target`` where another address stands for a pod's.
    """

    source: str
    target: str
    hosts: tuple[str, str] = ("", "")
    seen: tuple[str, str] = ("", "")

    @property
    def ip(self) -> Version:
        """The version of IP that the packets are of, and those of a tunnel around them."""
        return version(self.source)

    def answered(self) -> "Flow":
        """Return the packets of the other way."""
        return Flow(self.target, self.source, self.hosts[::-1], self.seen[::-1])

    def match(self, inside: Encapsulation | None = None, *, translated: bool = False) -> str:
        """Return the words that match these packets, plain or inside a tunnel's."""
        if inside is None:
            source, target = self.seen if translated else (self.source, self.target)
            return f"{self._between(source, target)} udp dport {PORT}"
        if inside.inner is None:
            return f"{self._between(*self.hosts)} {inside.outer}"
        source_at, target_at, bits = ADDRESSES[self.ip]
        return (
            f"{inside.outer} @th,{inside.inner + source_at},{bits} {_number(self.source)} "
            f"@th,{inside.inner + target_at},{bits} {_number(self.target)}"
        )

    def _between(self, source: str, target: str) -> str:
        header = FAMILY[self.ip]
        return f"{header} saddr {source} {header} daddr {target}"


@dataclass(frozen=True)
class Tally:
    """What one point saw: packets each way, and the bytes of one on the way there."""

    there: int
    back: int
    size: int | None = None


def script(
    points: Collection[Point], there: Flow, back: Flow, nic: str = "", *, devices: bool = True
) -> str:
    """Return the nftables script that counts at the points of one namespace.

    Args:
        points: of kind ``device`` or ``hook``; their place in the list names their counters.
        there: packets from host a's pod to host b's.
        back: packets the other way.
        nic: device whose arriving senders are recorded, or an empty text.
        devices: False where :func:`taps` counts at those.
    """
    lines: dict[str, list[str]] = {"netdev": [], "inet": []}
    for number, point in enumerate(points):
        named = _named(number, point, there, back)
        family = "netdev" if point.kind == "device" else "inet"
        rules = " ".join(f"{match} counter name {name};" for name, match in named.items())
        lines[family] += [f"counter {name} {{ }}" for name in named]
        lines[family] += [
            f"chain p{number}_{hook} {{ type filter hook {where} priority {EARLY}; {rules} }}"
            for hook, where in _where(point)
        ]
    if nic:
        lines["netdev"] += _senders(nic, points, there.ip)
    if not devices:
        del lines["netdev"]
    return "\n".join(
        f"table {family} {TABLE} {{\n" + "\n".join(body) + "\n}" for family, body in lines.items()
    )


def taps(points: Collection[Point], there: Flow, back: Flow, nic: str = "") -> dict[str, Any]:
    """Return what :mod:`cniperf.beds.taps` is to count at the devices of one namespace.

    Args: those of :func:`script`.
    """
    rules = {
        name: (point.name, match)
        for number, point in enumerate(points) if point.kind == "device"
        for name, match in _named(number, point, there, back).items()
    }  # fmt: skip
    return {"rules": rules, "nic": nic, "forms": _forms(points)}


def _named(number: int, point: Point, there: Flow, back: Flow) -> dict[str, str]:
    """Return what matches the packets of each way at a point, by the name of their counter."""
    return {
        f"p{number}_{way}": flow.match(point.inside, translated=point.translated in ways)
        for way, flow, ways in (("there", there, THERE), ("back", back, BACK))
    }


BEGIN = ("nft", "-f", "-")  # reads a script
TAP, TAPPED = ("python3", "-", "begin"), ("python3", "-", "end")  # read the program
LIST = ("nft", "-j", "list", "ruleset")
END = "\n".join(f"add table {family} {TABLE}; delete table {family} {TABLE}"
                for family in ("netdev", "inet"))  # fmt: skip


def drop(pod: str) -> str:
    """Return the script that drops, and counts, what a pod sends through the forward hook."""
    rule = f"{FAMILY[version(pod)]} saddr {pod} udp dport {PORT} counter name dropped drop;"
    chain = f"chain drops {{ type filter hook forward priority 0; {rule} }}"
    return f"table inet {TABLE} {{\ncounter dropped {{ }}\n{chain}\n}}"


def read(said: str, points: Collection[Point], tapped: str = "") -> dict[Point, Tally]:
    """Return what the points of one namespace saw, from the output of :data:`LIST`.

    Args:
        said: that output.
        points: as :func:`script` had them.
        tapped: the output of :data:`TAPPED`, where that counted at the devices.
    """
    counters = _counters(said) | (_tapped(tapped)["counters"] if tapped else {})
    found = {}
    for number, point in enumerate(points):
        packets, size = counters[f"p{number}_there"]
        back, _ = counters[f"p{number}_back"]
        found[point] = Tally(packets, back, size // packets if packets else None)
    return found


def dropped(said: str) -> int:
    """Return how many packets the policy dropped."""
    return _counters(said)["dropped"][0]


def senders(said: str, tapped: str = "") -> set[tuple[str, str]]:
    """Return the MAC and IP addresses of the probe's frames that arrived at a NIC.

    Args: those of :func:`read`.
    """
    if tapped:
        return {(mac, address) for mac, address in _tapped(tapped)["senders"]}
    found = set()
    for entry in _entries(said, "set"):
        for element in entry.get("elem", []):
            value = element.get("elem", element)
            mac, address = value.get("val", value)["concat"]
            found.add((mac, address))
    return found


def filters(said: str) -> list[str]:
    """Return the chains of others that filter what a host forwards, by the output of :data:`LIST`.

    Each as ``ip filter FORWARD, policy drop``: Docker, firewalld and others have some.
    """
    told = _rules(said)
    ruled = {_chain_of(entry["rule"], "chain") for entry in told if "rule" in entry}
    return [
        f"{' '.join(_chain_of(chain, 'name'))}, policy {chain.get('policy', 'accept')}"
        for entry in told
        if (chain := entry.get("chain", {})).get("hook") == "forward"
        and chain.get("type") == "filter"
        and not chain["table"].startswith(TABLE)  # a scheme may have rules of its own
        and (chain.get("policy") == "drop" or _chain_of(chain, "name") in ruled)
    ]


def _chain_of(entry: Mapping[str, Any], name: str) -> tuple[str, str, str]:
    return entry["family"], entry["table"], entry[name]


def _tapped(said: str) -> dict[str, Any]:
    answer = Answer("", "packet sockets", said)
    told = answer.json()
    if not isinstance(told, dict) or told.get("lost") != 0:
        raise answer.odd(f"lost packets, or gave no counts: {said[:100]!r}")
    return told


def _forms(points: Collection[Point]) -> list[str]:
    tunnels = {point.inside.outer for point in points if point.inside}
    return [f"udp dport {PORT}", *sorted(tunnels)]


def _senders(nic: str, points: Collection[Point], ip: Version) -> list[str]:
    rules = " ".join(
        f"{form} add @senders {{ ether saddr . {FAMILY[ip]} saddr }};" for form in _forms(points)
    )
    return [
        f"set senders {{ type ether_addr . {ADDRESS_TYPE[ip]}; size 64; flags dynamic; }}",
        f'chain senders {{ type filter hook ingress device "{nic}" priority {EARLY}; {rules} }}',
    ]


def _where(point: Point) -> Iterator[tuple[str, str]]:
    if point.kind == "device":
        yield from ((hook, f'{hook} device "{point.name}"') for hook in ("ingress", "egress"))
    else:
        yield from ((hook, hook) for hook in INET_HOOKS[point.name])


def _counters(said: str) -> dict[str, tuple[int, int]]:
    return {c["name"]: (c["packets"], c["bytes"]) for c in _entries(said, "counter")}


def _entries(said: str, kind: str) -> Iterator[dict[str, Any]]:
    for entry in _rules(said):
        if entry.get(kind, {}).get("table") == TABLE:
            yield entry[kind]


def _rules(said: str) -> list[dict[str, Any]]:
    answer = Answer("", " ".join(LIST), said)
    told = answer.json()
    if not isinstance(told, dict) or "nftables" not in told:
        raise answer.odd(f"gave no rules, but {said[:100]!r}")
    return list(told["nftables"])


def _number(address: str) -> str:
    return hex(int(ip_address(address)))

"""Which devices of a host carry the SSH connection to it, and its default routes.

Only the kernel's answer is reliable: ``sudo`` drops SSH_CONNECTION. The session's
commands descend from the server's process, which has the connection's socket open. What stays
unknown counts as carried by any device.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from cniperf.beds.answer import Answer

Address = IPv4Address | IPv6Address
Entries = Sequence[Mapping[str, Any]]

SERVERS = ("sshd", "dropbear")  # names of their processes begin so
ESTABLISHED = "01"  # net/tcp_states.h, as /proc/net/tcp prints it
ROUTED = (None, "unicast", "multicast", "local")  # types of route that leave by a device

# Each socket of each process from this shell up: whose it is, and its line of /proc/net/tcp.
SOCKETS = r"""p=$$
while [ "${p:-0}" -gt 1 ]; do
  c=$(sed 's/[^A-Za-z0-9._-]/_/g' "/proc/$p/comm")
  for n in $(ls -l "/proc/$p/fd" | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p'); do
    for f in tcp tcp6; do
      [ ! -e "/proc/$p/net/$f" ] || grep " $n " "/proc/$p/net/$f" | sed "s/^/$c $n /"
    done
  done
  p=$(sed 's/.*) //' "/proc/$p/stat" | cut -d' ' -f2)
done; true"""

# Devices that stand for nothing but what is below them, which `ip` lists.
STACKED = {"bridge", "bond", "team", "vlan", "macvlan", "ipvlan", "macvtap", "vrf", "openvswitch"}
# Devices that packets leave a host's network namespace by.
ENDS = {None, "veth", "dummy", "netkit", "ifb"}


@dataclass(frozen=True)
class Carried:
    """What carries something, as far as that could be seen.

    Attributes:
        devices: all that do, those below a bridge or a bond included.
        unknown: why there may be others; empty where there are none.
    """

    devices: frozenset[str]
    unknown: str = ""

    def by(self, device: str) -> bool | None:
        """Return whether a device has a part in it; None where that is unknown."""
        return True if device in self.devices else None if self.unknown else False


def peers(sockets: Answer) -> list[tuple[Address, Address]]:
    """Return both ends, own first, of the connections that the session's SSH servers have open.

    What else stands above them has connections of its own, as whatever started the server. There
    are none where no SSH server is among these processes: another one may be reached in ways that
    are no TCP connection of its own, as Tailscale's.
    """
    found = []
    for line in sockets.given().splitlines():
        whose, inode, *fields = line.split()
        if not whose.startswith(SERVERS):
            continue
        if len(fields) > 9 and fields[9] == inode and fields[3] == ESTABLISHED:
            found.append((_address(fields[1]), _address(fields[2])))
    return found


def _address(said: str) -> Address:
    """Read an address as /proc/net/tcp has it: words of 32 bits in the machine's byte order."""
    digits = said.partition(":")[0]
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    found = ip_address(b"".join(words))
    return getattr(found, "ipv4_mapped", None) or found


def way_back(ends: Iterable[tuple[Address, Address]]) -> dict[str, str]:
    """Return the questions by which device packets to each peer leave."""
    return {f"route to {peer}": f"ip -j route get {peer} from {own}" for own, peer in ends
            if not peer.is_link_local}  # fmt: skip


def connection(
    ends: Sequence[tuple[Address, Address]],
    addresses: Entries,
    links: Entries,
    routes: Iterable[Answer],
) -> Carried:
    """Return what carries the SSH connection: it comes in by one device and leaves by one.

    Args:
        ends: of the connections that the session's processes have open.
        addresses: the output of ``ip -j addr``.
        links: the output of ``ip -j -d link``.
        routes: answers to :func:`way_back`.
    """
    if not ends:
        return Carried(frozenset(), "no SSH server that serves the session has a TCP connection")
    owners: dict[Address, set[str]] = {}
    for entry in addresses:
        for info in entry.get("addr_info", []):
            if "local" in info:
                owners.setdefault(ip_address(info["local"]), set()).add(entry["ifname"])
    found: set[str] = set()
    for own, peer in ends:
        if peer.is_loopback or peer in owners:
            why = f"it comes from this host itself ({peer}): something hands it on"
            return Carried(frozenset(found), why)
        if own not in owners:
            return Carried(frozenset(found), f"no device has its address {own}")
        found |= owners[own]
    for route in routes:
        if route.code or not (ways := route.entries("dev")):
            return _whole(found, links, f"`{route.command}` has no answer")
        found |= {way["dev"] for way in ways}
    return _whole(found, links)


def default(routes: Entries, links: Entries) -> Carried:
    """Return what carries the default routes, of IPv4 and IPv6, of any table.

    Args:
        routes: the output of ``ip -j route show table all``.
        links: the output of ``ip -j -d link``.
    """
    found: set[str] = set()
    unknown = ""
    for route in routes:
        if route["dst"] != "default" or route.get("type") not in ROUTED:
            continue
        ways = [way for way in [route, *route.get("nexthops", [])] if "dev" in way]
        found |= {way["dev"] for way in ways}
        if not ways:
            unknown = "a default route leaves by no device that `ip` names"
    return _whole(found, links, unknown)


def _whole(devices: Iterable[str], links: Entries, unknown: str = "") -> Carried:
    """Add the devices that some stand on, down to those that leave the host."""
    by_name = {link["ifname"]: link for link in links}
    found, todo = set(), set(devices)
    while todo:
        name = todo.pop()
        found.add(name)
        kind = by_name.get(name, {}).get("linkinfo", {}).get("info_kind")
        if name not in by_name:
            unknown = unknown or f"`ip link` lists no {name}"
        elif kind not in STACKED | ENDS:
            unknown = unknown or f"{name} is a tunnel ({kind}), whose route is unknown"
        todo |= _below(name, kind, by_name) - found
    return Carried(frozenset(found), unknown)


def _below(name: str, kind: str | None, links: Mapping[str, Mapping[str, Any]]) -> set[str]:
    # The ports of all Open vSwitch bridges have one master.
    master = "ovs-system" if kind == "openvswitch" else name
    found = {port for port, link in links.items() if link.get("master") == master}
    lower = links.get(name, {}).get("link")
    if lower and kind in STACKED and lower in links and "link_netnsid" not in links[name]:
        found.add(lower)
    return found

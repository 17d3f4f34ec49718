"""Addresses, routes, neighbours, FDB: ``ip addr``, ``ip route``, ``ip neigh``, ``bridge fdb``."""

from dataclasses import dataclass
from ipaddress import ip_network

from cniperf.ip import version
from cniperf.steps.step import Applier, NetlinkStep, Step, unless_gone

NTF_SELF = 0x02  # linux/neighbour.h: the entry is the device's own, as `bridge fdb` means it
NUD_PERMANENT = 0x80
NUD_NOARP = 0x40
AF_BRIDGE = 7  # linux/socket.h
IFA_F_NODAD = 0x02  # linux/if_addr.h


@dataclass(frozen=True)
class AddAddress(NetlinkStep):
    """Give a device an address, written ``192.168.2.3/24``; an IPv6 one may be used at once."""

    cidr: str
    device: str

    def argv(self) -> list[str]:
        at_once = ["nodad"] if version(self.cidr) == 6 else []
        return self._ip("addr", "add", self.cidr, "dev", self.device, *at_once)

    def apply(self, host: Applier) -> None:
        address, prefixlen = self.cidr.split("/")
        host.netlink(self.netns).addr(
            "add",
            index=host.index(self.device, self.netns),
            address=address,
            prefixlen=int(prefixlen),
            **({"flags": IFA_F_NODAD} if version(self.cidr) == 6 else {}),
        )


@dataclass(frozen=True)
class AddRoute(NetlinkStep):
    """Add a route to a prefix, an address or all (``default``, ``::/0``), by gateway or device."""

    to: str
    via: str | None = None
    dev: str | None = None
    onlink: bool = False

    def _words(self) -> list[str]:
        via = ["via", self.via] if self.via else []
        dev = ["dev", self.dev] if self.dev else []
        return [self.to, *via, *dev, *(["onlink"] if self.onlink else [])]

    def argv(self) -> list[str]:
        return self._ip("route", "add", *self._words())

    def _request(self, host: Applier) -> dict[str, object]:
        dst = str(ip_network("0.0.0.0/0" if self.to == "default" else self.to))
        request: dict[str, object] = {"dst": dst, "proto": "boot"}  # as `ip route` marks its own
        request |= {"gateway": self.via} if self.via else {}
        request |= {"scope": "link"} if not self.via and version(dst) == 4 else {}
        request |= {"oif": host.index(self.dev, self.netns)} if self.dev else {}
        request |= {"flags": "onlink"} if self.onlink else {}
        return request

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).route("add", **self._request(host))

    def undo(self) -> Step:
        return DelRoute(self.to, self.via, self.dev, self.onlink, netns=self.netns)


@dataclass(frozen=True)
class DelRoute(AddRoute):
    """Remove a route; one that is gone already is no error."""

    def argv(self) -> list[str]:
        return self._ip("route", "del", *self._words())

    def apply(self, host: Applier) -> None:
        unless_gone(lambda: host.netlink(self.netns).route("del", **self._request(host)))

    def undo(self) -> Step:
        return AddRoute(self.to, self.via, self.dev, self.onlink, netns=self.netns)


@dataclass(frozen=True)
class AddNeighbour(NetlinkStep):
    """Add the MAC address of a neighbour, permanently."""

    address: str
    lladdr: str
    dev: str

    def argv(self) -> list[str]:
        return self._ip("neigh", "add", self.address, "lladdr", self.lladdr, "dev", self.dev)

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).neigh(
            "add",
            dst=self.address,
            lladdr=self.lladdr,
            ifindex=host.index(self.dev, self.netns),
            state=NUD_PERMANENT,
        )


@dataclass(frozen=True)
class AddFdb(NetlinkStep):
    """Add to a VTEP's FDB the underlay address of a MAC address."""

    lladdr: str
    dst: str
    dev: str

    def argv(self) -> list[str]:
        bridge = ["bridge", *(["-n", self.netns] if self.netns else [])]
        return [*bridge, "fdb", "add", self.lladdr, "dst", self.dst, "dev", self.dev]

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).neigh(
            "add",
            family=AF_BRIDGE,
            lladdr=self.lladdr,
            dst=self.dst,
            ifindex=host.index(self.dev, self.netns),
            flags=NTF_SELF,
            state=NUD_PERMANENT | NUD_NOARP,
        )

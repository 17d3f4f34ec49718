"""Namespaces and devices: ``ip netns`` and ``ip link``."""

from dataclasses import dataclass
from typing import Literal

from cniperf.ip import version
from cniperf.steps.step import Applier, NetlinkStep, Step, unless_gone

IFF_PROMISC = 0x100  # linux/if.h
IPPROTO_IPIP = 4  # linux/in.h
IpvlanMode = Literal["l2", "l3"]
IPVLAN_MODES = {"l2": 0, "l3": 1}  # linux/if_link.h


@dataclass(frozen=True)
class AddNetns(NetlinkStep):
    """Make the namespace of a pod."""

    name: str

    def argv(self) -> list[str]:
        return ["ip", "netns", "add", self.name]

    def apply(self, host: Applier) -> None:
        host.add_netns(self.name)

    def undo(self) -> Step:
        return DelNetns(self.name)


@dataclass(frozen=True)
class DelNetns(NetlinkStep):
    """Remove the namespace of a pod."""

    name: str

    def argv(self) -> list[str]:
        return ["ip", "netns", "del", self.name]

    def apply(self, host: Applier) -> None:
        host.del_netns(self.name)


@dataclass(frozen=True)
class AddVeth(NetlinkStep):
    """Make a veth pair. The second end is the one that stays on the host."""

    name: str
    peer: str
    mtu: int = 1500

    def argv(self) -> list[str]:
        mtu = str(self.mtu)
        return self._ip("link", "add", self.name, "mtu", mtu, "type", "veth",
                        "peer", "name", self.peer, "mtu", mtu)  # fmt: skip

    def apply(self, host: Applier) -> None:
        peer = {"ifname": self.peer, "mtu": self.mtu}
        link = host.netlink(self.netns).link
        link("add", ifname=self.name, kind="veth", mtu=self.mtu, peer=peer)

    def undo(self) -> Step:
        return DelLink(self.peer, netns=self.netns)


@dataclass(frozen=True)
class AddBridge(NetlinkStep):
    """Make a Linux bridge."""

    name: str
    mtu: int = 1500

    def argv(self) -> list[str]:
        return self._ip("link", "add", self.name, "mtu", str(self.mtu), "type", "bridge")

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).link("add", ifname=self.name, kind="bridge", mtu=self.mtu)

    def undo(self) -> Step:
        return DelLink(self.name, netns=self.netns)


@dataclass(frozen=True)
class AddMacvlan(NetlinkStep):
    """Make a macvlan device in bridge mode on top of another."""

    name: str
    link: str

    def argv(self) -> list[str]:
        return self._ip("link", "add", self.name, "link", self.link,
                        "type", "macvlan", "mode", "bridge")  # fmt: skip

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).link(
            "add",
            ifname=self.name,
            kind="macvlan",
            link=host.index(self.link, self.netns),
            macvlan_mode="bridge",  # left out, the kernel makes it vepa
        )

    def undo(self) -> Step:
        return DelLink(self.name, netns=self.netns)


@dataclass(frozen=True)
class AddIpvlan(NetlinkStep):
    """Make an ipvlan device on top of another; all on one device have the same mode."""

    name: str
    link: str
    mode: IpvlanMode

    def argv(self) -> list[str]:
        return self._ip("link", "add", self.name, "link", self.link,
                        "type", "ipvlan", "mode", self.mode)  # fmt: skip

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).link(
            "add",
            ifname=self.name,
            kind="ipvlan",
            link=host.index(self.link, self.netns),
            ipvlan_mode=IPVLAN_MODES[self.mode],
        )

    def undo(self) -> Step:
        return DelLink(self.name, netns=self.netns)


@dataclass(frozen=True)
class AddIpip(NetlinkStep):
    """Make an IP-in-IP device that sends to whatever gateway a route through it names."""

    name: str
    local: str
    mtu: int

    def argv(self) -> list[str]:
        return self._ip("link", "add", self.name, "mtu", str(self.mtu),
                        "type", "ipip", "mode", "ipip", "local", self.local)  # fmt: skip

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).link(
            "add",
            ifname=self.name,
            kind="ipip",
            mtu=self.mtu,
            ipip_local=self.local,
            ipip_proto=IPPROTO_IPIP,  # without it, `ip` would also take MPLS; the kernel would not
        )

    def undo(self) -> Step:
        return DelLink(self.name, netns=self.netns)


@dataclass(frozen=True)
class AddWireguard(NetlinkStep):
    """Make a WireGuard device, without a key or peer yet."""

    name: str
    mtu: int

    def argv(self) -> list[str]:
        return self._ip("link", "add", self.name, "mtu", str(self.mtu), "type", "wireguard")

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).link("add", ifname=self.name, kind="wireguard", mtu=self.mtu)

    def undo(self) -> Step:
        return DelLink(self.name, netns=self.netns)


@dataclass(frozen=True)
class AddVxlan(NetlinkStep):
    """Make a VTEP that learns nothing: it finds its peers by its FDB alone.

    The outer UDP checksum is off unless asked for and the port is the kernel's old default, as
    flannel has them over IPv4.
    """

    name: str
    vni: int
    local: str
    dev: str
    address: str
    mtu: int
    port: int = 8472
    udpcsum: bool = False

    def argv(self) -> list[str]:
        return self._ip("link", "add", self.name, "address", self.address, "mtu", str(self.mtu),
                        "type", "vxlan", "id", str(self.vni), "local", self.local,
                        "dev", self.dev, "dstport", str(self.port), "nolearning",
                        *self._checksum())  # fmt: skip

    def _checksum(self) -> list[str]:
        if version(self.local) == 4:
            return ["udpcsum" if self.udpcsum else "noudpcsum"]
        return [f"{'no' if self.udpcsum else ''}udp6zerocsum{way}" for way in ("tx", "rx")]

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).link(
            "add",
            ifname=self.name,
            kind="vxlan",
            address=self.address,
            mtu=self.mtu,
            vxlan_id=self.vni,
            **self._outer(),
            vxlan_link=host.index(self.dev, self.netns),
            vxlan_port=self.port,
            vxlan_learning=False,
        )

    def _outer(self) -> dict[str, object]:
        if version(self.local) == 4:
            return {"vxlan_local": self.local, "vxlan_udp_csum": self.udpcsum}
        without = {f"vxlan_udp_zero_csum6_{way}": not self.udpcsum for way in ("tx", "rx")}
        return {"vxlan_local6": self.local, **without}

    def undo(self) -> Step:
        return DelLink(self.name, netns=self.netns)


@dataclass(frozen=True)
class DelLink(NetlinkStep):
    """Remove a device; a device that is gone already is no error."""

    name: str

    def argv(self) -> list[str]:
        return self._ip("link", "del", self.name)

    def apply(self, host: Applier) -> None:
        unless_gone(
            lambda: host.netlink(self.netns).link("del", index=host.index(self.name, self.netns))
        )


@dataclass(frozen=True)
class MoveLink(NetlinkStep):
    """Hand a device to a pod's namespace."""

    device: str
    into: str

    def argv(self) -> list[str]:
        return self._ip("link", "set", self.device, "netns", self.into)

    def apply(self, host: Applier) -> None:
        self._set_link(host, self.device, net_ns_fd=self.into)


@dataclass(frozen=True)
class LinkUp(NetlinkStep):
    """Bring a device up."""

    device: str

    def argv(self) -> list[str]:
        return self._ip("link", "set", self.device, "up")

    def apply(self, host: Applier) -> None:
        self._set_link(host, self.device, state="up")


@dataclass(frozen=True)
class SetSegment(NetlinkStep):
    """Let a device carry TCP segments of up to so many bytes before they are cut (BIG TCP).

    The kernel's limit for IPv6, and for what is received; above 64 KiB from Linux 5.19 on.
    """

    device: str
    bytes: int

    def argv(self) -> list[str]:
        size = str(self.bytes)
        return self._ip("link", "set", self.device, "gso_max_size", size, "gro_max_size", size)

    def apply(self, host: Applier) -> None:
        self._set_link(host, self.device, gso_max_size=self.bytes, gro_max_size=self.bytes)


@dataclass(frozen=True)
class SetMaster(NetlinkStep):
    """Make a device a port of a bridge (``brctl addif``)."""

    device: str
    bridge: str

    def argv(self) -> list[str]:
        return self._ip("link", "set", self.device, "master", self.bridge)

    def apply(self, host: Applier) -> None:
        self._set_link(host, self.device, master=host.index(self.bridge, self.netns))


@dataclass(frozen=True)
class SetPromisc(NetlinkStep):
    """Let a device accept frames for any MAC address, or stop it."""

    device: str
    on: bool = True

    def argv(self) -> list[str]:
        return self._ip("link", "set", self.device, "promisc", "on" if self.on else "off")

    def apply(self, host: Applier) -> None:
        if self.on:
            self._set_link(host, self.device, flags=IFF_PROMISC, change=IFF_PROMISC)
        else:
            unless_gone(lambda: self._set_link(host, self.device, flags=0, change=IFF_PROMISC))

    def undo(self) -> Step | None:
        return SetPromisc(self.device, on=False, netns=self.netns) if self.on else None

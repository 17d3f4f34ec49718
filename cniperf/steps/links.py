"""Namespaces and devices: ``ip netns`` and ``ip link``."""

from dataclasses import dataclass

from cniperf.steps.step import Applier, NetlinkStep, Step, unless_gone

IFF_PROMISC = 0x100  # linux/if.h


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
class AddVxlan(NetlinkStep):
    """Make a VTEP that learns nothing: who is where comes from its FDB alone.

    The outer UDP checksum is off unless asked for and the port is the kernel's old default, as
    flannel has them.
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
                        "udpcsum" if self.udpcsum else "noudpcsum")  # fmt: skip

    def apply(self, host: Applier) -> None:
        host.netlink(self.netns).link(
            "add",
            ifname=self.name,
            kind="vxlan",
            address=self.address,
            mtu=self.mtu,
            vxlan_id=self.vni,
            vxlan_local=self.local,
            vxlan_link=host.index(self.dev, self.netns),
            vxlan_port=self.port,
            vxlan_learning=False,
            vxlan_udp_csum=self.udpcsum,
        )

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


def created_devices(step: Step) -> tuple[str, ...]:
    """Return the names of the devices that a step makes in the namespace that it acts in."""
    match step:
        case AddVeth():
            return (step.name, step.peer)
        case AddMacvlan() | AddVxlan() | AddBridge():
            return (step.name,)
        case _:
            return ()

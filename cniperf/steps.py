"""The verbs a plan is made of: each is one change to one host, spelled two ways.

``argv()`` is the command a person would type on the host; ``apply()`` does the same through
netlink. What netlink cannot do (sysctl, ethtool, Open vSwitch) has the command alone.
Steps hold names, never interface indexes, and building one touches nothing. A step with
``netns`` acts inside that pod's network namespace, otherwise in the host's own.

``undo()`` gives the step that takes the change back, or None where the change goes with the
device it was made on.
"""

import errno
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

IFF_PROMISC = 0x100  # linux/if.h
NTF_SELF = 0x02  # linux/neighbour.h: the entry is the device's own, as `bridge fdb` means it
NUD_PERMANENT = 0x80
NUD_NOARP = 0x40
AF_BRIDGE = 7


class Applier(Protocol):
    """What a step needs of the host that it is applied to."""

    def netlink(self, netns: str | None) -> Any:  # noqa: ANN401
        """Return an open ``pyroute2.IPRoute`` in the pod's namespace, or the host's for None."""

    def index(self, device: str, netns: str | None) -> int:
        """Return the interface index of a device; NetlinkError ENODEV where there is none."""

    def add_netns(self, name: str) -> None:
        """Create a named network namespace."""

    def del_netns(self, name: str) -> None:
        """Delete a named network namespace; no error where there is none."""


@dataclass(frozen=True)
class Step(ABC):
    """One change to one host. A step that is no :class:`NetlinkStep` is made by its command."""

    netns: str | None = field(default=None, kw_only=True)

    @abstractmethod
    def argv(self) -> list[str]:
        """Return the step as the words of a command, to be run in the host's own namespace."""

    def undo(self) -> "Step | None":
        """Return the step that takes this one back."""
        return None

    def __str__(self) -> str:
        return shlex.join(self.argv())

    def _ip(self, *words: str) -> list[str]:
        return ["ip", *(["-n", self.netns] if self.netns else []), *words]

    def _inside(self, *words: str) -> list[str]:
        return [*(["ip", "netns", "exec", self.netns] if self.netns else []), *words]


@dataclass(frozen=True)
class NetlinkStep(Step):
    """A step that netlink can make, without a process."""

    @abstractmethod
    def apply(self, host: Applier) -> None:
        """Make the change."""

    def _set_link(self, host: Applier, device: str, **change: object) -> None:
        host.netlink(self.netns).link("set", index=host.index(device, self.netns), **change)


# ── namespaces ────────────────────────────────────────────────────────────────────────────────


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


# ── links ─────────────────────────────────────────────────────────────────────────────────────


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

    The outer UDP checksum is off and the port is the kernel's old default, as flannel has them.
    """

    name: str
    vni: int
    local: str
    dev: str
    address: str
    mtu: int
    port: int = 8472

    def argv(self) -> list[str]:
        return self._ip("link", "add", self.name, "address", self.address, "mtu", str(self.mtu),
                        "type", "vxlan", "id", str(self.vni), "local", self.local,
                        "dev", self.dev, "dstport", str(self.port), "nolearning",
                        "noudpcsum")  # fmt: skip

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
            vxlan_udp_csum=False,
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
        _unless_gone(
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
            _unless_gone(lambda: self._set_link(host, self.device, flags=0, change=IFF_PROMISC))

    def undo(self) -> Step | None:
        return SetPromisc(self.device, on=False, netns=self.netns) if self.on else None


# ── addresses, routes, neighbours ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class AddAddress(NetlinkStep):
    """Give a device an IPv4 address, written ``192.168.2.3/24``."""

    cidr: str
    device: str

    def argv(self) -> list[str]:
        return self._ip("addr", "add", self.cidr, "dev", self.device)

    def apply(self, host: Applier) -> None:
        address, prefixlen = self.cidr.split("/")
        host.netlink(self.netns).addr(
            "add",
            index=host.index(self.device, self.netns),
            address=address,
            prefixlen=int(prefixlen),
        )


@dataclass(frozen=True)
class AddRoute(NetlinkStep):
    """Add an IPv4 route to a prefix, an address or ``default``, by gateway, device or both."""

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
        dst = {"default": "0.0.0.0/0"}.get(self.to, self.to if "/" in self.to else f"{self.to}/32")
        request: dict[str, object] = {"dst": dst, "proto": "boot"}  # as `ip route` marks its own
        request |= {"gateway": self.via} if self.via else {"scope": "link"}
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
        _unless_gone(lambda: host.netlink(self.netns).route("del", **self._request(host)))

    def undo(self) -> Step:
        return AddRoute(self.to, self.via, self.dev, self.onlink, netns=self.netns)


@dataclass(frozen=True)
class AddNeighbour(NetlinkStep):
    """Write down the MAC address of an IPv4 neighbour, for good."""

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
    """Tell a VTEP behind which underlay address a MAC address lives."""

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


# ── what netlink does not reach ───────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SetSysctl(Step):
    """Set a kernel parameter of a device or namespace that the plan itself made."""

    key: str
    value: str

    def argv(self) -> list[str]:
        return self._inside("sysctl", "-q", "-w", f"{self.key}={self.value}")


@dataclass(frozen=True)
class SetFeatures(Step):
    """Switch a device's offloads, by ethtool's words: ``SetFeatures("veth-c", ("tx",), False)``."""

    device: str
    features: tuple[str, ...]
    on: bool

    def argv(self) -> list[str]:
        state = "on" if self.on else "off"
        words = [word for feature in self.features for word in (feature, state)]
        return self._inside("ethtool", "-K", self.device, *words)


@dataclass(frozen=True)
class AddOvsBridge(Step):
    """Make an Open vSwitch bridge that forwards nothing but what its flows say (fail_mode)."""

    name: str
    datapath: str = "system"

    def argv(self) -> list[str]:
        userspace = [] if self.datapath == "system" else [f"datapath_type={self.datapath}"]
        return ["ovs-vsctl", "add-br", self.name,
                "--", "set", "Bridge", self.name, "fail_mode=secure", *userspace]  # fmt: skip

    def undo(self) -> Step:
        return DelOvsBridge(self.name)


@dataclass(frozen=True)
class DelOvsBridge(Step):
    """Remove an Open vSwitch bridge and give its ports back to the host."""

    name: str

    def argv(self) -> list[str]:
        return ["ovs-vsctl", "--if-exists", "del-br", self.name]


@dataclass(frozen=True)
class AddOvsPort(Step):
    """Plug a device into an Open vSwitch bridge as a port of a chosen number."""

    bridge: str
    device: str
    ofport: int

    def argv(self) -> list[str]:
        return ["ovs-vsctl", "--may-exist", "add-port", self.bridge, self.device,
                "--", "set", "Interface", self.device, f"ofport_request={self.ofport}"]  # fmt: skip


@dataclass(frozen=True)
class AddOvsFlow(Step):
    """Add a flow to an Open vSwitch bridge."""

    bridge: str
    flow: str

    def argv(self) -> list[str]:
        return ["ovs-ofctl", "add-flow", self.bridge, self.flow]


def created_devices(step: Step) -> tuple[str, ...]:
    """Return the names of the devices that a step makes in the namespace that it acts in."""
    match step:
        case AddVeth():
            return (step.name, step.peer)
        case AddMacvlan() | AddVxlan() | AddBridge():
            return (step.name,)
        case _:
            return ()


def _unless_gone(take_back: Callable[[], object]) -> None:
    """Take something back; where the device, entry or namespace is gone already, that is done."""
    try:
        take_back()
    except Exception as problem:
        code = getattr(problem, "code", None) or getattr(problem, "errno", None)
        if code not in (errno.ENODEV, errno.ESRCH, errno.ENOENT):
            raise

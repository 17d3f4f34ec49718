"""What a lab is made of: its namespaces' names, what its NICs can do, the steps that build it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cniperf.beds.lab.steering import DEFAULT_MASK
from cniperf.hosts import Host, Pod
from cniperf.ip import EVERYWHERE, Version
from cniperf.nics import NICS
from cniperf.plan import with_segments
from cniperf.steps import (
    AddAddress,
    AddBridge,
    AddNetns,
    AddRoute,
    AddVeth,
    LinkUp,
    MoveLink,
    SetFeatures,
    SetMaster,
    SetSysctl,
    Step,
)

# The second NIC of each host, on its own wire: hostnetwork's, whatever a scheme does to the
# first one (Open vSwitch makes a port of it, macvlan takes its frames).
BARE_NIC = "eth1"
BARE_ADDRESSES = {"a": "192.168.21.42", "b": "192.168.21.43"}

FORWARD: dict[Version, str] = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
NO_DAD = "net.ipv6.conf.default.accept_dad"  # 0: no search for others that have an address


@dataclass(frozen=True)
class Names:
    """The names of a lab's namespaces, with so many pods on each host."""

    lab: str
    pairs: int = 1

    @property
    def wire(self) -> str:
        """The namespace of the bridge between the hosts."""
        return f"cniperf-{self.lab}-wire"

    def host(self, name: str) -> str:
        """The namespace of a host."""
        return f"cniperf-{self.lab}-{name}"

    def pod(self, name: str, number: int = 1) -> str:
        """The namespace of a pod on a host."""
        return f"cniperf-{self.lab}-pod-{name}{number if number > 1 else ''}"

    def pods(self, name: str, ip: Version = 4) -> tuple[Pod, ...]:
        """The pods on a host."""
        return Pod.several(self.pod(name), self.pairs, ip)

    def all(self) -> list[str]:
        """Every namespace that the lab may make, pods first."""
        pods = [pod.netns for name in "ab" for pod in self.pods(name)]
        return [*pods, self.host("a"), self.host("b"), self.wire]


@dataclass(frozen=True)
class Blueprint:
    """What a lab is built from, by steps that are taken in the namespace of its wire.

    Attributes:
        names: of its namespaces.
        hosts: the two of them.
        nic: what their NICs can do.
        gro: generic receive offload of the NICs: ``on``, ``off``, or ``default``.
        masks: by host the CPUs that receive for its NIC, see
            :func:`cniperf.beds.lab.steering.masks`.
    """

    names: Names
    hosts: Sequence[Host]
    nic: str
    gro: str = "default"
    masks: Mapping[str, str] | None = None

    def lab(self) -> list[Step]:
        """Return the steps that build the hosts, each with its NIC, and the wire between them."""
        steps: list[Step] = _bridge("br0", self.hosts[0])
        for host in self.hosts:
            inside = self.names.host(host.name)
            steps += [
                AddNetns(inside),
                # As soon as a device is up, so that no packet waits a second for its address.
                *([SetSysctl(NO_DAD, "0", netns=inside)] if host.ip == 6 else []),
                *self._veth(host, host.nic, f"port-{host.name}", "br0"),
                LinkUp("lo", netns=inside),
                LinkUp(host.nic, netns=inside),
                AddAddress(f"{host.address}/{host.prefixlen}", host.nic, netns=inside),
                # A host forwards for its pods, and answers for 169.254.1.1 only with a route there.
                AddRoute(EVERYWHERE[host.ip], dev=host.nic, netns=inside),
                SetSysctl(FORWARD[host.ip], "1", netns=inside),
                *self._offloads(host.nic, inside),
            ]
        return steps

    def bare(self) -> list[Step]:
        """Return the steps that give each host its second NIC, equal to the first."""
        steps: list[Step] = _bridge("br1", self.hosts[0])
        for host in self.hosts:
            inside = self.names.host(host.name)
            steps += [
                *self._veth(host, BARE_NIC, f"bare-{host.name}", "br1"),
                LinkUp(BARE_NIC, netns=inside),
                AddAddress(host.form(f"{BARE_ADDRESSES[host.name]}/24"), BARE_NIC, netns=inside),
                *self._offloads(BARE_NIC, inside),
            ]
        return steps

    def _veth(self, host: Host, nic: str, port: str, bridge: str) -> list[Step]:
        """A veth: one end is the host's NIC, the other a port of the wire's bridge."""
        made: list[Step] = [*with_segments(host, AddVeth(nic, port, host.mtu))]
        if self.masks:
            own = self.masks[host.name]
            made = [SetSysctl(DEFAULT_MASK, own), *made, SetSysctl(DEFAULT_MASK, "0")]
        return [
            *made,
            MoveLink(nic, into=self.names.host(host.name)),
            SetMaster(port, bridge),
            LinkUp(port),
        ]

    def _offloads(self, device: str, inside: str) -> list[Step]:
        """What a NIC of this kind cannot do is switched off."""
        steps: list[Step] = []
        if lacks := NICS[self.nic].lacks:
            steps += [SetFeatures(device, lacks, on=False, netns=inside)]
        if self.gro != "default":
            steps += [SetFeatures(device, ("gro",), on=self.gro == "on", netns=inside)]
        return steps


def _bridge(name: str, host: Host) -> list[Step]:
    return [AddBridge(name, host.mtu), LinkUp(name)]

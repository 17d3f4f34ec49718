"""What a lab is made of: its namespaces' names, what its NICs can do, the steps that build it."""

from collections.abc import Iterable
from dataclasses import dataclass

from cniperf.hosts import Host, Pod
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

NO_TUNNEL_SEGMENTATION = ("tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")

# What the NICs of the lab's hosts cannot do; veth itself can do everything.
NICS: dict[str, tuple[str, ...]] = {
    "virtio": NO_TUNNEL_SEGMENTATION,
    "offload": (),
    "plain": ("tso", "gso", "gro"),
}


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

    def pods(self, name: str) -> tuple[Pod, ...]:
        """The pods on a host."""
        return tuple(Pod(self.pod(name, n), n) for n in range(1, self.pairs + 1))

    def all(self) -> list[str]:
        """Every namespace that the lab may make, pods first."""
        pods = [pod.netns for name in "ab" for pod in self.pods(name)]
        return [*pods, self.host("a"), self.host("b"), self.wire]


def lab_steps(names: Names, hosts: Iterable[Host], nic: str, gro: str = "default") -> list[Step]:
    """Return the steps that build a lab, to be taken in the namespace of its wire."""
    steps: list[Step] = []
    for host in hosts:
        inside, port = names.host(host.name), f"port-{host.name}"
        if not steps:
            steps += [AddBridge("br0", host.mtu), LinkUp("br0")]
        steps += [
            AddNetns(inside),
            AddVeth(host.nic, port, host.mtu),
            MoveLink(host.nic, into=inside),
            SetMaster(port, "br0"),
            LinkUp(port),
            LinkUp("lo", netns=inside),
            LinkUp(host.nic, netns=inside),
            AddAddress(f"{host.address}/{host.prefixlen}", host.nic, netns=inside),
            # A host forwards for its pods, and answers for 169.254.1.1 only with a route there.
            AddRoute("default", dev=host.nic, netns=inside),
            SetSysctl("net.ipv4.ip_forward", "1", netns=inside),
        ]
        if NICS[nic]:
            steps += [SetFeatures(host.nic, NICS[nic], on=False, netns=inside)]
        if gro != "default":
            steps += [SetFeatures(host.nic, ("gro",), on=gro == "on", netns=inside)]
    return steps

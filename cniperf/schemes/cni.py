"""cni-bridge, cni-ptp, cni-macvlan, cni-ipvlan: the CNI plugins themselves wire the pods.

They are those of the project containernetworking, which kubelet calls on many clusters. ``cni`` is
any network that its user has a configuration of.
"""

from collections.abc import Callable, Mapping
from typing import Any

from cniperf.conflist import BIN, Conflist, network
from cniperf.hops import MASQUERADED, ROUTED, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.parts import host_routes
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddBridge, AddNetns, AttachCni, LinkUp, Step

DEVICE = "eth0"  # as kubelet calls it
SUBNET = {"a": "172.28.180", "b": "172.28.181"}
FLAT = {"a": "172.28.190.3/24", "b": "172.28.190.4/24"}
STEP = 2  # from pod to pod on the subnet that both hosts share

Network = Callable[[Host], Conflist]


def address(here: Host, pod: Pod, own: Conflist) -> str:
    """Return a pod's address with its prefix length."""
    if own.flat:
        return pod.address(FLAT[here.name], STEP)
    return pod.address(f"{SUBNET[here.name]}.3/24")


def wire(here: Host, there: Host, of: Network) -> list[Step]:
    """Call the plugins for each pod; where the hosts route, a route to the peer's pods."""
    own = of(here)
    # A host that has this bridge already keeps it as it is: the plugins would join it.
    bridge: list[Step] = [AddBridge(own.bridge, own.mtu(here.mtu))] if own.bridge else []
    pods = [step for pod in here.pods for step in attach(here, pod, own)]
    return [*bridge, *pods, *([] if own.flat else host_routes(there, SUBNET))]


def attach(here: Host, pod: Pod, own: Conflist) -> list[Step]:
    """Make one pod's namespace and let the plugins attach it."""
    cidr = address(here, pod, own)
    gateway = "" if own.flat else cidr.rpartition(".")[0] + ".1"
    calls = tuple(own.calls(here.nic, cidr, gateway))
    return [
        AddNetns(pod.netns),
        LinkUp("lo", netns=pod.netns),
        AttachCni(DEVICE, calls, own.folder, own.verbs, netns=pod.netns),
    ]


def endpoint(here: Host, pod: Pod, of: Network) -> Endpoint:
    """The pod behind the interface that the plugins made."""
    own = of(here)
    translated = here.address if own.masquerades else ""
    plain = address(here, pod, own).split("/")[0]
    return Endpoint(pod.netns, plain, DEVICE, own.mtu(here.mtu), translated)


def hops(here: Host, of: Network) -> list[Hop]:
    """From the pod's interface through what the first plugin makes.

    The host's end of a veth has a name that its plugin draws, so nothing is counted there.
    """
    own = of(here)
    if own.flat:
        return [Inside(DEVICE), Device(here.nic)]
    bridge: list[Hop] = [Device(own.bridge)] if own.bridge else []
    stack = MASQUERADED if own.masquerades else ROUTED
    return [Inside(DEVICE), *bridge, stack, Device(here.nic)]


def _scheme(name: str, order: int, summary: str, of: Network, **more: Any) -> Scheme:  # noqa: ANN401
    return Scheme(
        name=name, order=order, summary=summary,
        wire=lambda here, there: wire(here, there, of),
        endpoint=lambda here, pod: endpoint(here, pod, of),
        hops=lambda here: hops(here, of),
        ips=(4,),
        **more,
    )  # fmt: skip


def _of_one(plugin: str, settings: Mapping[str, Any], device: str, order: int, what: str) -> Scheme:
    """Return the scheme of one plugin, which keeps to the MTU of the host's NIC."""

    def of(here: Host) -> Conflist:
        own = {"type": plugin, **settings, "mtu": here.mtu, "ipam": {}}
        return network(f"cniperf-{plugin}", own)

    tools = {f"{BIN}/{name}": "containernetworking-plugins" for name in (plugin, "static")}
    return _scheme(f"cni-{plugin}", order, what, of, devices=(device,), tools=tools)


def _given(here: Host) -> Conflist:
    """Return the network that the user has given."""
    if here.cni is None:  # a plan without a run: any network will do to show its form
        return network("example", {"type": "ptp", "ipam": {}})
    return here.cni


SCHEMES = (
    _of_one("bridge", {"bridge": "cni0", "isGateway": True}, "bridge", 300,
            "the CNI plugin bridge wires the pod, host routes"),
    _of_one("ptp", {}, "veth", 310, "the CNI plugin ptp wires the pod, host routes"),
    _of_one("macvlan", {"mode": "bridge"}, "macvlan", 320, "the CNI plugin macvlan wires the pod"),
    _of_one("ipvlan", {"mode": "l2"}, "ipvlan", 330, "the CNI plugin ipvlan wires the pod"),
    _scheme("cni", 340, "the network of your own CNI configuration (--config)", _given, bed="lab",
            asks={"config": "the network to measure, as in --config 10-mynet.conflist"}),
)  # fmt: skip

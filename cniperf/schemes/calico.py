"""calico: the pod's veth is routed by the host, and the hosts route to each other."""

from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.parts import host_routes, routed_pod
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step

SUBNET = {"a": "172.28.0", "b": "172.28.1"}


def address(here: Host, pod: Pod) -> str:
    """Return a pod's address."""
    return pod.address(f"{SUBNET[here.name]}.3")


def pods(here: Host, mtu: int) -> list[Step]:
    """A routed veth to each pod."""
    return [
        step
        for pod in here.pods
        for step in routed_pod(pod, "calico", f"{address(here, pod)}/24", mtu)
    ]


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to each pod, a route to the peer's pods via the peer."""
    return [*pods(here, here.mtu), *host_routes(there, SUBNET)]


def endpoint(here: Host, pod: Pod, overhead: int = 0) -> Endpoint:
    """The pod behind the routed veth, whose MTU leaves room for a tunnel's bytes."""
    return Endpoint(pod.netns, address(here, pod), pod.device("calico-c"), here.mtu - overhead)


def hops(here: Host) -> list[Hop]:
    """A veth that the host routes."""
    return [Inside("calico-c"), Device("calico-h"), ROUTED, Device(here.nic)]


SCHEME = Scheme(
    name="calico",
    order=50,
    summary="routed veth, host routes: no bridge, no tunnel",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth",),
)

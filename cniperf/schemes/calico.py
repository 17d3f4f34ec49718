"""calico: the pod's veth is routed by the host, and the hosts route to each other."""

from cniperf.encapsulation import Encapsulation
from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.parts import host_routes, routed_pod
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step

SUBNET = {"a": "172.28.0", "b": "172.28.1"}


def address(here: Host, pod: Pod) -> str:
    """Return a pod's address."""
    return cidr(here, pod).split("/")[0]


def cidr(here: Host, pod: Pod) -> str:
    """Return a pod's address with its prefix length."""
    return pod.address(f"{SUBNET[here.name]}.3/24")


def pods(here: Host, mtu: int) -> list[Step]:
    """A routed veth to each pod."""
    return [step for pod in here.pods for step in routed_pod(pod, "calico", cidr(here, pod), mtu)]


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to each pod, a route to the peer's pods via the peer."""
    return [*pods(here, here.mtu), *host_routes(there, SUBNET)]


def endpoint(here: Host, pod: Pod, tunnel: Encapsulation | None = None) -> Endpoint:
    """The pod behind the routed veth, whose MTU leaves room for a tunnel's bytes."""
    mtu = here.mtu_in(tunnel) if tunnel else here.mtu
    return Endpoint(pod.netns, address(here, pod), pod.device("calico-c"), mtu)


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

"""calico: the pod's veth is routed by the host, and the hosts route to each other."""

from cniperf.hops import ROUTED, Device, Hop, Pod
from cniperf.hosts import Endpoint, Host
from cniperf.schemes.parts import host_route, routed_pod
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step

SUBNET = {"a": "172.28.0", "b": "172.28.1"}


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to the pod, a route to the peer's pods via the peer."""
    return [
        *routed_pod(here, "calico", f"{SUBNET[here.name]}.3/24", here.mtu),
        *host_route(there, f"{SUBNET[there.name]}.0/24"),
    ]


def endpoint(here: Host) -> Endpoint:
    """The pod behind the routed veth."""
    return Endpoint(here.pod, f"{SUBNET[here.name]}.3", "calico-c", here.mtu)


def hops(here: Host) -> list[Hop]:
    """A veth that the host routes."""
    return [Pod("calico-c"), Device("calico-h"), ROUTED, Device(here.nic)]


SCHEME = Scheme(
    name="calico",
    order=50,
    summary="routed veth, host routes: no bridge, no tunnel",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth",),
)

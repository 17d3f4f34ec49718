"""flannel-hostgw: the pod sits on docker0, and the hosts route to each other."""

from cniperf.hops import ROUTED, Device, Hop, Pod
from cniperf.hosts import Endpoint, Host
from cniperf.schemes.parts import FLANNEL_SUBNET, bridged_pod, host_route
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step


def wire(here: Host, there: Host) -> list[Step]:
    """A pod on docker0, a route to the peer's pods via the peer."""
    return [
        *bridged_pod(here, "flannel", here.mtu),
        *host_route(there, f"{FLANNEL_SUBNET[there.name]}.0/24"),
    ]


def endpoint(here: Host) -> Endpoint:
    """The pod behind docker0."""
    return Endpoint(here.pod, f"{FLANNEL_SUBNET[here.name]}.3", "flannel-c", here.mtu)


def hops(here: Host) -> list[Hop]:
    """Over docker0 into the host's routing."""
    return [Pod("flannel-c"), Device("flannel-h"), Device("docker0"), ROUTED, Device(here.nic)]


SCHEME = Scheme(
    name="flannel-hostgw",
    order=60,
    summary="pod on docker0, host routes: no tunnel",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth", "bridge"),
)

"""flannel-hostgw: the pod sits on docker0, and the hosts route to each other."""

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


SCHEME = Scheme(
    name="flannel-hostgw",
    order=60,
    summary="pod on docker0, host routes: no tunnel",
    path="pod veth → docker0 → host routing → eth0",
    wire=wire,
    endpoint=endpoint,
    devices=("veth", "bridge"),
)

"""flannel-hostgw: the pod sits on docker0, and the hosts route to each other."""

from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.parts import FLANNEL_SUBNET, bridged_address, bridged_pods, host_routes
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step


def wire(here: Host, there: Host) -> list[Step]:
    """The pods on docker0, a route to the peer's pods via the peer."""
    return [
        *bridged_pods(here, "flannel", here.mtu),
        *host_routes(there, FLANNEL_SUBNET),
    ]


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind docker0."""
    return Endpoint(pod.netns, bridged_address(here, pod), pod.device("flannel-c"), here.mtu)


def hops(here: Host) -> list[Hop]:
    """Over docker0 into the host's routing."""
    return [Inside("flannel-c"), Device("flannel-h"), Device("docker0"), ROUTED, Device(here.nic)]


SCHEME = Scheme(
    name="flannel-hostgw",
    order=60,
    summary="pod on docker0, host routes: no tunnel",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth", "bridge"),
)

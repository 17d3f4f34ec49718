"""canal: calico's routed veth to the pod, flannel's vxlan between the hosts."""

from cniperf.hops import ROUTED, Device, Hop, Pod
from cniperf.hosts import Endpoint, Host
from cniperf.schemes.parts import FLANNEL_SUBNET, VXLAN_OVERHEAD, routed_pod, vxlan
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to the pod, the peer's pods behind a VTEP."""
    cidr = f"{FLANNEL_SUBNET[here.name]}.103/24"
    return [
        *routed_pod(here, "canal", cidr, here.mtu - VXLAN_OVERHEAD),
        *vxlan(here, there),
    ]


def endpoint(here: Host) -> Endpoint:
    """The pod behind the routed veth."""
    pod = f"{FLANNEL_SUBNET[here.name]}.103"
    return Endpoint(here.pod, pod, "canal-c", here.mtu - VXLAN_OVERHEAD)


def hops(here: Host) -> list[Hop]:
    """A veth that the host routes into the VTEP."""
    return [
        Pod("canal-c"), Device("canal-h"), ROUTED,
        Device("flannel.1"), Device(here.nic, wrapped=True),
    ]  # fmt: skip


SCHEME = Scheme(
    name="canal",
    order=80,
    summary="routed veth, packets wrapped in VXLAN",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth", "vxlan"),
)

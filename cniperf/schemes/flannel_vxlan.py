"""flannel-vxlan: the pod sits on docker0, and flannel.1 wraps its packets in UDP."""

from cniperf.encapsulation import FLANNEL_VXLAN
from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.parts import bridged_address, bridged_pods, vxlan
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step


def wire(here: Host, there: Host) -> list[Step]:
    """The pods on docker0, the peer's pods behind a VTEP."""
    return [
        *bridged_pods(here, "flannel", here.mtu_in(FLANNEL_VXLAN)),
        *vxlan(here, there),
    ]


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind docker0."""
    device, mtu = pod.device("flannel-c"), here.mtu_in(FLANNEL_VXLAN)
    return Endpoint(pod.netns, bridged_address(here, pod), device, mtu)


def hops(here: Host) -> list[Hop]:
    """Over docker0 into the host's routing, and from there into the VTEP."""
    return [
        Inside("flannel-c"), Device("flannel-h"), Device("docker0"), ROUTED,
        Device("flannel.1"), Device(here.nic, FLANNEL_VXLAN),
    ]  # fmt: skip


SCHEME = Scheme(
    name="flannel-vxlan",
    order=70,
    summary="pod on docker0, packets wrapped in VXLAN",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth", "bridge", "vxlan"),
)

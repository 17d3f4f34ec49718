"""canal: calico's routed veth to the pod, flannel's vxlan between the hosts."""

from cniperf.encapsulation import FLANNEL_VXLAN
from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.parts import FLANNEL_SUBNET, routed_pod, vxlan
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step


def address(here: Host, pod: Pod) -> str:
    """Return a pod's address with its prefix length."""
    return pod.address(f"{FLANNEL_SUBNET[here.name]}.103/24")


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to each pod, the peer's pods behind a VTEP."""
    mtu = here.mtu_in(FLANNEL_VXLAN)
    return [
        *(step for pod in here.pods for step in routed_pod(pod, "canal", address(here, pod), mtu)),
        *vxlan(here, there),
    ]


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind the routed veth."""
    device, mtu = pod.device("canal-c"), here.mtu_in(FLANNEL_VXLAN)
    return Endpoint(pod.netns, address(here, pod).split("/")[0], device, mtu)


def hops(here: Host) -> list[Hop]:
    """A veth that the host routes into the VTEP."""
    return [
        Inside("canal-c"), Device("canal-h"), ROUTED,
        Device("flannel.1"), Device(here.nic, FLANNEL_VXLAN),
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

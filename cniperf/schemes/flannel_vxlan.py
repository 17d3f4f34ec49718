"""flannel-vxlan: the pod sits on docker0, and flannel.1 wraps its packets in UDP."""

from cniperf.hosts import Endpoint, Host
from cniperf.schemes.parts import FLANNEL_SUBNET, VXLAN_OVERHEAD, bridged_pod, vxlan
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step


def wire(here: Host, there: Host) -> list[Step]:
    """A pod on docker0, the peer's pods behind a VTEP."""
    return [
        *bridged_pod(here, "flannel", here.mtu - VXLAN_OVERHEAD),
        *vxlan(here, there),
    ]


def endpoint(here: Host) -> Endpoint:
    """The pod behind docker0."""
    pod = f"{FLANNEL_SUBNET[here.name]}.3"
    return Endpoint(here.pod, pod, "flannel-c", here.mtu - VXLAN_OVERHEAD)


SCHEME = Scheme(
    name="flannel-vxlan",
    order=70,
    summary="pod on docker0, packets wrapped in VXLAN",
    path="pod veth → docker0 → host routing → flannel.1 (VXLAN) → eth0",
    wire=wire,
    endpoint=endpoint,
    devices=("veth", "bridge", "vxlan"),
)

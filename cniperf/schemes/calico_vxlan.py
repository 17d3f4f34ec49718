"""calico-vxlan: calico's routed veth to the pod, Calico's VXLAN between the hosts."""

from functools import partial

from cniperf.encapsulation import VXLAN
from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Host
from cniperf.schemes.calico import SUBNET, endpoint, pods
from cniperf.schemes.parts import Overlay, vxlan
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step

# VNI and port are Calico's; its agent makes the MACs up, here they are chosen beforehand.
CALICO = Overlay(
    "vxlan.calico", 4096, 4789, SUBNET, {"a": "66:1c:0a:00:00:0a", "b": "66:1c:0a:00:00:0b"}
)


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to each pod, the peer's pods behind a VTEP."""
    return [*pods(here, here.mtu_in(VXLAN)), *vxlan(here, there, CALICO)]


def hops(here: Host) -> list[Hop]:
    """A veth that the host routes into the VTEP."""
    return [
        Inside("calico-c"), Device("calico-h"), ROUTED,
        Device(CALICO.device), Device(here.nic, VXLAN),
    ]  # fmt: skip


SCHEME = Scheme(
    name="calico-vxlan",
    order=140,
    summary="routed veth, packets wrapped in VXLAN, by Calico's numbers",
    wire=wire,
    endpoint=partial(endpoint, tunnel=VXLAN),
    hops=hops,
    devices=("veth", "vxlan"),
)

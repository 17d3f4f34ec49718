"""calico-ipip: calico's routed veth to the pod, IP in IP between the hosts."""

from functools import partial

from cniperf.encapsulation import IPIP
from cniperf.hops import ROUTED, Device, Hop, Inside
from cniperf.hosts import Host
from cniperf.schemes.calico import SUBNET, endpoint, pods
from cniperf.schemes.parts import tunnel_routes
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddAddress, AddIpip, LinkUp, Step

# Calico's is tunl0, which the kernel's module makes by itself and no command can remove.
DEVICE = "ipip.calico"


def wire(here: Host, there: Host) -> list[Step]:
    """A routed veth to each pod, the peer's pods behind the tunnel, whose gateway is the peer."""
    mtu = here.mtu_in(IPIP)
    return [
        *pods(here, mtu),
        AddIpip(DEVICE, local=here.address, mtu=mtu),
        AddAddress(f"{SUBNET[here.name]}.0/32", DEVICE),
        LinkUp(DEVICE),
        *tunnel_routes(there, SUBNET, there.address, DEVICE),
    ]


def hops(here: Host) -> list[Hop]:
    """A veth that the host routes into the tunnel."""
    return [
        Inside("calico-c"), Device("calico-h"), ROUTED,
        Device(DEVICE), Device(here.nic, IPIP),
    ]  # fmt: skip


SCHEME = Scheme(
    name="calico-ipip",
    order=130,
    summary="routed veth, packets wrapped in IP",
    wire=wire,
    endpoint=partial(endpoint, tunnel=IPIP),
    hops=hops,
    devices=("veth", "ipip"),
    ips=(4,),
)

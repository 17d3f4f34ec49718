"""docker-nat: the pod sits on docker0, and what it begins leaves with its host's address."""

from cniperf.hops import MASQUERADED, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.ip import FAMILY
from cniperf.schemes.parts import bridged_address, bridged_pods, host_routes, networks
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddNftChain, AddNftRule, AddNftTable, Step

SUBNET = {"a": "172.17.0", "b": "172.17.1"}
TABLE = "cniperf_nat"
SRCNAT = 100  # priority of source NAT, linux/netfilter_ipv4.h


def wire(here: Host, there: Host) -> list[Step]:
    """The pods on docker0, masqueraded by the host, a route to the peer's pods via the peer."""
    return [
        *bridged_pods(here, "docker", here.mtu, SUBNET),
        AddNftTable(TABLE, ip=here.ip),
        AddNftChain(TABLE, "postrouting", "nat", "postrouting", SRCNAT, ip=here.ip),
        *(masquerade(here, network) for network in networks(here, SUBNET)),
        *host_routes(there, SUBNET),
    ]


def masquerade(here: Host, network: str) -> Step:
    """The rule by which what a network sends out of the host leaves with the host's address."""
    rule = f"{FAMILY[here.ip]} saddr {network} oifname != docker0 masquerade"
    return AddNftRule(TABLE, "postrouting", rule, ip=here.ip)


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind docker0, and behind its host's address."""
    address = bridged_address(here, pod, SUBNET)
    return Endpoint(pod.netns, address, pod.device("docker-c"), here.mtu, here.address)


def hops(here: Host) -> list[Hop]:
    """Over docker0 into the host's routing, and out with its address."""
    return [Inside("docker-c"), Device("docker-h"), Device("docker0"), MASQUERADED,
            Device(here.nic)]  # fmt: skip


SCHEME = Scheme(
    name="docker-nat",
    order=180,
    summary="pod on docker0, its address translated to the host's",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth", "bridge"),
)

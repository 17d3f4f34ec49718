"""What schemes share: two ways to plug a pod into its host, two ways from host to host.

==================  ===========================  ==================
pod edge            host routes                  vxlan
==================  ===========================  ==================
``routed_pod``      calico                       canal
``bridged_pods``    flannel-hostgw               flannel-vxlan
==================  ===========================  ==================
"""

from collections.abc import Mapping

from cniperf.hosts import Host, Pod
from cniperf.steps import (
    AddAddress,
    AddBridge,
    AddFdb,
    AddNeighbour,
    AddNetns,
    AddRoute,
    AddVeth,
    AddVxlan,
    LinkUp,
    MoveLink,
    SetMaster,
    SetSysctl,
    Step,
)

VXLAN_OVERHEAD = 50  # bytes: outer Ethernet 14, IPv4 20, UDP 8, VXLAN 8 (RFC 7348)

# flannel's network in the article: each host has a /24 of it, the VTEPs' MACs are the ones
# that its flanneld had chosen.
FLANNEL_SUBNET = {"a": "10.5.58", "b": "10.5.47"}
FLANNEL_VTEP_MAC = {"a": "2a:33:36:9b:2f:28", "b": "8e:09:f3:4f:94:34"}


def routed_pod(pod: Pod, name: str, cidr: str, mtu: int) -> list[Step]:
    """Plug a pod in by a veth that the host routes to, Calico's way.

    The pod's only gateway is 169.254.1.1, an address that nobody has: the host's end of the veth
    answers for it (proxy ARP), which the kernel does only where the host has a route to it
    through another device, in practice a default route.
    """
    inside, outside = pod.device(f"{name}-c"), pod.device(f"{name}-h")
    address = cidr.split("/")[0]
    return [
        AddNetns(pod.netns),
        AddVeth(inside, outside, mtu),
        MoveLink(inside, into=pod.netns),
        LinkUp("lo", netns=pod.netns),
        LinkUp(inside, netns=pod.netns),
        AddAddress(cidr, inside, netns=pod.netns),
        AddRoute("169.254.1.1", dev=inside, netns=pod.netns),
        AddRoute("default", via="169.254.1.1", netns=pod.netns),
        LinkUp(outside),
        AddRoute(address, dev=outside),
        SetSysctl(f"net.ipv4.conf.{outside}.proxy_arp", "1"),
        # As Calico's felix has it, and the article has not: without, the first answer takes up
        # to 0.8 s.
        SetSysctl(f"net.ipv4.neigh.{outside}.proxy_delay", "0"),
    ]


def bridged_pods(here: Host, name: str, mtu: int) -> list[Step]:
    """Plug the pods in by veths into docker0, flannel's way; the bridge is their gateway."""
    return [
        AddBridge("docker0", mtu),
        *(AddAddress(f"{subnet}.1/24", "docker0") for subnet in flannel_subnets(here)),
        LinkUp("docker0"),
        *(step for pod in here.pods for step in _bridged_pod(here, pod, name, mtu)),
    ]


def _bridged_pod(here: Host, pod: Pod, name: str, mtu: int) -> list[Step]:
    inside, outside = pod.device(f"{name}-c"), pod.device(f"{name}-h")
    address = flannel_address(here, pod)
    return [
        AddNetns(pod.netns),
        AddVeth(inside, outside, mtu),
        SetMaster(outside, "docker0"),
        LinkUp(outside),
        MoveLink(inside, into=pod.netns),
        LinkUp("lo", netns=pod.netns),
        LinkUp(inside, netns=pod.netns),
        AddAddress(f"{address}/24", inside, netns=pod.netns),
        AddRoute("default", via=f"{address.rpartition('.')[0]}.1", netns=pod.netns),
    ]


def flannel_address(here: Host, pod: Pod) -> str:
    """Return the address of a pod on docker0."""
    return pod.address(f"{FLANNEL_SUBNET[here.name]}.3")


def flannel_subnets(here: Host) -> list[str]:
    """Return the first three bytes of the subnets that a host's pods lie in."""
    return subnets(here, FLANNEL_SUBNET)


def subnets(host: Host, first: Mapping[str, str]) -> list[str]:
    """Return the first three bytes of the subnets that a host's pods lie in, one a block.

    Args:
        host: the host.
        first: those of each host's first subnet.
    """
    firsts = (pod for pod in host.pods if pod.begins_block)
    return [pod.address(f"{first[host.name]}.0").rpartition(".")[0] for pod in firsts]


def host_routes(there: Host, first: Mapping[str, str]) -> list[Step]:
    """Reach the peer's pods by routes to the peer itself: packets stay as they are."""
    return [AddRoute(f"{subnet}.0/24", via=there.address) for subnet in subnets(there, first)]


def vxlan(here: Host, there: Host) -> list[Step]:
    """Reach the peer's pods through flannel.1, a VTEP whose table is written by hand."""
    vtep, mac = f"{FLANNEL_SUBNET[there.name]}.0", FLANNEL_VTEP_MAC[there.name]
    return [
        AddVxlan("flannel.1", vni=1, local=here.address, dev=here.nic,
                 address=FLANNEL_VTEP_MAC[here.name], mtu=here.mtu - VXLAN_OVERHEAD,
                 udpcsum=here.udpcsum),
        AddAddress(f"{FLANNEL_SUBNET[here.name]}.0/32", "flannel.1"),
        LinkUp("flannel.1"),
        AddNeighbour(vtep, mac, "flannel.1"),
        AddFdb(mac, there.address, "flannel.1"),
        *(AddRoute(f"{subnet}.0/24", via=vtep, dev="flannel.1", onlink=True)
          for subnet in flannel_subnets(there)),
    ]  # fmt: skip

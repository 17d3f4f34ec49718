"""What schemes share: two ways to plug a pod into its host, two ways from host to host.

==================  ===========================  ==================
pod edge            host routes                  vxlan
==================  ===========================  ==================
``routed_pod``      calico                       canal
``bridged_pod``     flannel-hostgw               flannel-vxlan
==================  ===========================  ==================
"""

from cniperf.hosts import Host
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


def routed_pod(here: Host, name: str, cidr: str, mtu: int) -> list[Step]:
    """Plug a pod in by a veth that the host routes to, Calico's way.

    The pod's only gateway is 169.254.1.1, an address that nobody has: the host's end of the veth
    answers for it (proxy ARP), which the kernel does only where the host has a route to it
    through another device, in practice a default route.
    """
    inside, outside = f"{name}-c", f"{name}-h"
    address = cidr.split("/")[0]
    return [
        AddNetns(here.pod),
        AddVeth(inside, outside, mtu),
        MoveLink(inside, into=here.pod),
        LinkUp("lo", netns=here.pod),
        LinkUp(inside, netns=here.pod),
        AddAddress(cidr, inside, netns=here.pod),
        AddRoute("169.254.1.1", dev=inside, netns=here.pod),
        AddRoute("default", via="169.254.1.1", netns=here.pod),
        LinkUp(outside),
        AddRoute(address, dev=outside),
        SetSysctl(f"net.ipv4.conf.{outside}.proxy_arp", "1"),
        # As Calico's felix has it, and the article has not: without, the first answer takes up
        # to 0.8 s.
        SetSysctl(f"net.ipv4.neigh.{outside}.proxy_delay", "0"),
    ]


def bridged_pod(here: Host, name: str, mtu: int) -> list[Step]:
    """Plug a pod in by a veth into docker0, flannel's way; the bridge is the pod's gateway."""
    inside, outside = f"{name}-c", f"{name}-h"
    subnet = FLANNEL_SUBNET[here.name]
    return [
        AddBridge("docker0", mtu),
        AddAddress(f"{subnet}.1/24", "docker0"),
        LinkUp("docker0"),
        AddNetns(here.pod),
        AddVeth(inside, outside, mtu),
        SetMaster(outside, "docker0"),
        LinkUp(outside),
        MoveLink(inside, into=here.pod),
        LinkUp("lo", netns=here.pod),
        LinkUp(inside, netns=here.pod),
        AddAddress(f"{subnet}.3/24", inside, netns=here.pod),
        AddRoute("default", via=f"{subnet}.1", netns=here.pod),
    ]


def host_route(there: Host, subnet: str) -> list[Step]:
    """Reach the peer's pods by a route to the peer itself: packets stay as they are."""
    return [AddRoute(subnet, via=there.address)]


def vxlan(here: Host, there: Host) -> list[Step]:
    """Reach the peer's pods through flannel.1, a VTEP whose table is written by hand."""
    subnet = FLANNEL_SUBNET[there.name]
    vtep, mac = f"{subnet}.0", FLANNEL_VTEP_MAC[there.name]
    return [
        AddVxlan("flannel.1", vni=1, local=here.address, dev=here.nic,
                 address=FLANNEL_VTEP_MAC[here.name], mtu=here.mtu - VXLAN_OVERHEAD,
                 udpcsum=here.udpcsum),
        AddAddress(f"{FLANNEL_SUBNET[here.name]}.0/32", "flannel.1"),
        LinkUp("flannel.1"),
        AddNeighbour(vtep, mac, "flannel.1"),
        AddFdb(mac, there.address, "flannel.1"),
        AddRoute(f"{subnet}.0/24", via=vtep, dev="flannel.1", onlink=True),
    ]  # fmt: skip

"""What schemes share: two ways to plug a pod into its host, two ways from host to host.

==================  ===========================  ======================
pod edge            host routes                  vxlan
==================  ===========================  ======================
``routed_pod``      calico, policy               canal, calico-vxlan
``bridged_pods``    flannel-hostgw, docker-nat   flannel-vxlan
==================  ===========================  ======================
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cniperf.encapsulation import VXLAN
from cniperf.hosts import Host, Pod
from cniperf.ip import EVERYWHERE, form
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

# flannel's network in the article: each host has a /24 of it, the VTEPs' MACs are the ones
# that its flanneld had chosen.
FLANNEL_SUBNET = {"a": "10.5.58", "b": "10.5.47"}
FLANNEL_VTEP_MAC = {"a": "2a:33:36:9b:2f:28", "b": "8e:09:f3:4f:94:34"}


@dataclass(frozen=True)
class Overlay:
    """A VXLAN between the hosts.

    Attributes:
        device: the VTEP on each host.
        vni, port: its number and UDP port.
        subnets: first three bytes of each host's first subnet; the VTEP has the .0 of it.
        macs: MAC address of each host's VTEP.
    """

    device: str
    vni: int
    port: int
    subnets: Mapping[str, str]
    macs: Mapping[str, str]


FLANNEL = Overlay("flannel.1", 1, 8472, FLANNEL_SUBNET, FLANNEL_VTEP_MAC)


def routed_pod(pod: Pod, name: str, cidr: str, mtu: int) -> list[Step]:
    """Plug a pod in by a veth that the host routes to, Calico's way."""
    inside, outside = pod.device(f"{name}-c"), pod.device(f"{name}-h")
    own = cidr.split("/")[0]
    return [
        AddNetns(pod.netns),
        AddVeth(inside, outside, mtu),
        MoveLink(inside, into=pod.netns),
        LinkUp("lo", netns=pod.netns),
        LinkUp(inside, netns=pod.netns),
        AddAddress(cidr, inside, netns=pod.netns),
        *(_link_local_gateway if pod.ip == 6 else _proxied_gateway)(pod, inside, outside, own),
    ]


def _proxied_gateway(pod: Pod, inside: str, outside: str, own: str) -> list[Step]:
    """Make 169.254.1.1 the pod's only gateway, an address that no host has.

    The host's end of the veth answers for it (proxy ARP), which the kernel does only where the host
    has a route to it through another device, in practice a default route.
    """
    return [
        AddRoute("169.254.1.1", dev=inside, netns=pod.netns),
        AddRoute("default", via="169.254.1.1", netns=pod.netns),
        LinkUp(outside),
        AddRoute(own, dev=outside),
        SetSysctl(f"net.ipv4.conf.{outside}.proxy_arp", "1"),
        # As Calico's felix sets it, unlike the article: without it, the first answer takes up
        # to 0.8 s.
        SetSysctl(f"net.ipv4.neigh.{outside}.proxy_delay", "0"),
    ]


def _link_local_gateway(pod: Pod, inside: str, outside: str, own: str) -> list[Step]:
    """Make the host's end of the veth the pod's only gateway, by its link-local address.

    Calico does so in IPv6: an address of a link needs no proxy.
    """
    return [
        AddAddress("fe80::1/64", outside),
        LinkUp(outside),
        AddRoute(own, dev=outside),
        AddRoute(EVERYWHERE[6], via="fe80::1", dev=inside, netns=pod.netns),
    ]


def bridged_pods(
    here: Host, name: str, mtu: int, first: Mapping[str, str] = FLANNEL_SUBNET
) -> list[Step]:
    """Plug the pods in by veths into docker0, flannel's way; the bridge is their gateway."""
    return [
        AddBridge("docker0", mtu),
        *(AddAddress(here.form(f"{subnet}.1/24"), "docker0") for subnet in subnets(here, first)),
        LinkUp("docker0"),
        *(
            step
            for pod in here.pods
            for step in _bridged_pod(pod, name, f"{first[here.name]}.3/24", mtu)
        ),
    ]


def _bridged_pod(pod: Pod, name: str, first: str, mtu: int) -> list[Step]:
    inside, outside = pod.device(f"{name}-c"), pod.device(f"{name}-h")
    gateway = form(f"{pod.ipv4(first).rpartition('.')[0]}.1", pod.ip)
    return [
        AddNetns(pod.netns),
        AddVeth(inside, outside, mtu),
        SetMaster(outside, "docker0"),
        LinkUp(outside),
        MoveLink(inside, into=pod.netns),
        LinkUp("lo", netns=pod.netns),
        LinkUp(inside, netns=pod.netns),
        AddAddress(pod.address(first), inside, netns=pod.netns),
        AddRoute(EVERYWHERE[pod.ip], via=gateway, netns=pod.netns),
    ]


def bridged_address(here: Host, pod: Pod, first: Mapping[str, str] = FLANNEL_SUBNET) -> str:
    """Return the address of a pod on docker0."""
    return pod.address(f"{first[here.name]}.3")


def subnets(host: Host, first: Mapping[str, str]) -> list[str]:
    """Return the first three bytes, in IPv4, of the subnets that a host's pods lie in, one a block.

    Args:
        host: the host.
        first: those of each host's first subnet.
    """
    firsts = (pod for pod in host.pods if pod.begins_block)
    return [pod.ipv4(f"{first[host.name]}.0").rpartition(".")[0] for pod in firsts]


def networks(host: Host, first: Mapping[str, str]) -> list[str]:
    """Return the same subnets as networks: ``172.28.0.0/24``, or that in IPv6."""
    return [host.form(f"{subnet}.0/24") for subnet in subnets(host, first)]


def host_routes(there: Host, first: Mapping[str, str]) -> list[Step]:
    """Reach the peer's pods by routes to the peer itself: packets stay as they are."""
    return [AddRoute(network, via=there.address) for network in networks(there, first)]


def vxlan(here: Host, there: Host, overlay: Overlay = FLANNEL) -> list[Step]:
    """Reach the peer's pods through a VTEP whose table is written by hand."""
    device = overlay.device
    vtep, mac = there.form(f"{overlay.subnets[there.name]}.0"), overlay.macs[there.name]
    return [
        AddVxlan(device, vni=overlay.vni, local=here.address, dev=here.nic,
                 address=overlay.macs[here.name], mtu=here.mtu_in(VXLAN),
                 port=overlay.port, udpcsum=here.udpcsum),
        AddAddress(here.form(f"{overlay.subnets[here.name]}.0/32"), device),
        LinkUp(device),
        AddNeighbour(vtep, mac, device),
        AddFdb(mac, there.address, device),
        *tunnel_routes(there, overlay.subnets, vtep, device),
    ]  # fmt: skip


def tunnel_routes(there: Host, first: Mapping[str, str], via: str, device: str) -> list[Step]:
    """Lead to the peer's pods through a tunnel's device, whose other end is a gateway in it."""
    return [
        AddRoute(network, via=via, dev=device, onlink=True) for network in networks(there, first)
    ]

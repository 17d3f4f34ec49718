"""ovs: the pod's veth and the NIC are ports of one Open vSwitch bridge with three flows."""

from collections.abc import Mapping

from cniperf.hops import Device, Flows, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.ip import Version
from cniperf.schemes.scheme import Scheme
from cniperf.steps import (
    AddAddress,
    AddNetns,
    AddOvsBridge,
    AddOvsFlow,
    AddOvsPort,
    AddVeth,
    LinkUp,
    MoveLink,
    SetFeatures,
    SetPromisc,
    Step,
)

POD = {"a": "172.28.200.3/24", "b": "172.28.200.4/24"}
STEP = 2  # from pod to pod: odd ones on host a, even ones on host b
# Open vSwitch's words for packets to an address, and for those that ask for its MAC address: ARP,
# and neighbour solicitations (ICMPv6 type 135, RFC 4861).
PACKETS: dict[Version, str] = {4: "ip, nw_dst=", 6: "ipv6, ipv6_dst="}
NEIGHBOURS: dict[Version, str] = {4: "arp, arp_tpa=", 6: "icmp6, icmp_type=135, nd_target="}
POD_PORT, NIC_PORT = 1, 2  # the article's; further pods have 3 and up


def address(here: Host, pod: Pod) -> str:
    """Return a pod's address with its prefix length."""
    return pod.address(POD[here.name], STEP)


def wire(here: Host, there: Host) -> list[Step]:
    """A veth from each pod into br-int, the NIC beside them."""
    return [
        AddOvsBridge("br-int", here.ovs_datapath),
        *nic_port(here),
        *(step for pod in here.pods for step in attach(here, pod)),
    ]


def attach(here: Host, pod: Pod) -> list[Step]:
    """The veth of one pod, a port of br-int, and the flows that lead there."""
    inside, outside = pod.device("veth-c"), pod.device("veth-ovs")
    port = POD_PORT if pod.number == 1 else pod.number + NIC_PORT - POD_PORT
    return [
        AddNetns(pod.netns),
        AddVeth(inside, outside, here.mtu),
        MoveLink(inside, into=pod.netns),
        LinkUp("lo", netns=pod.netns),
        LinkUp(inside, netns=pod.netns),
        AddAddress(address(here, pod), inside, netns=pod.netns),
        *checksums_for(here, inside, pod),
        SetPromisc(outside),
        LinkUp(outside),
        AddOvsPort("br-int", outside, port),
        *flows_to(address(here, pod).split("/")[0], port, here.ip),
    ]


def nic_port(here: Host) -> list[Step]:
    """The NIC as a port of br-int, and the flow by which all goes there that goes nowhere else."""
    return [
        AddOvsPort("br-int", here.nic, NIC_PORT),
        AddOvsFlow("br-int", f"table=0, priority=99, actions=output:{NIC_PORT}"),
    ]


def flows_to(pod: str, port: int, ip: Version) -> list[Step]:
    """The article's two flows to a pod: by IP, and by what asks for its MAC address."""
    matches = (PACKETS[ip], NEIGHBOURS[ip])
    return [
        AddOvsFlow("br-int", f"table=0, priority=100, {match}{pod} actions=output:{port}")
        for match in matches
    ]


def br_int_flows(here: Host, pods: Mapping[str, str]) -> Flows:
    """The two of these flows that carry the IP packets of a host's first pod.

    Args:
        here: the host.
        pods: the first pods' addresses in IPv4, by host.
    """
    pod = here.form(pods[here.name]).split("/")[0]
    into = f"priority=100,{PACKETS[here.ip].replace(' ', '')}{pod}"
    return Flows("br-int", out="priority=99", into=into)


def checksums_for(here: Host, device: str, pod: Pod) -> list[Step]:
    """The userspace datapath drops what a device left without a checksum, so the pod adds it."""
    if here.ovs_datapath == "system":
        return []
    return [SetFeatures(device, ("tx",), on=False, netns=pod.netns)]


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind br-int."""
    return Endpoint(pod.netns, address(here, pod).split("/")[0], pod.device("veth-c"), here.mtu)


def hops(here: Host) -> list[Hop]:
    """From port to port of br-int, by its flows."""
    return [
        Inside("veth-c"), Device("veth-ovs"), br_int_flows(here, POD), Device(here.nic)
    ]  # fmt: skip


SCHEME = Scheme(
    name="ovs",
    order=30,
    summary="pod and NIC are ports of one Open vSwitch bridge",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth",),
    ovs=True,
)

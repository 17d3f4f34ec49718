"""ovs-bridge: a Linux bridge between the pod and Open vSwitch, as OpenStack once had it."""

from cniperf.hops import Bridge, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.ovs import POD_PORT, STEP, br_int_flows, checksums_for, flows_to, nic_port
from cniperf.schemes.scheme import Scheme
from cniperf.steps import (
    AddAddress,
    AddBridge,
    AddNetns,
    AddOvsBridge,
    AddOvsPort,
    AddVeth,
    LinkUp,
    MoveLink,
    SetMaster,
    SetPromisc,
    Step,
)

POD = {"a": "172.28.100.3/24", "b": "172.28.100.4/24"}


def address(here: Host, pod: Pod) -> str:
    """Return a pod's address with its prefix length."""
    return pod.address(POD[here.name], STEP)


def wire(here: Host, there: Host) -> list[Step]:
    """The pods' veths into linux-br, a veth pair from there into br-int."""
    return [
        AddBridge("linux-br", here.mtu),
        LinkUp("linux-br"),
        AddOvsBridge("br-int", here.ovs_datapath),
        AddVeth("ovs-br", "br-ovs", here.mtu),
        SetPromisc("br-ovs"),
        SetPromisc("ovs-br"),
        LinkUp("br-ovs"),
        LinkUp("ovs-br"),
        SetMaster("ovs-br", "linux-br"),
        AddOvsPort("br-int", "br-ovs", POD_PORT),
        *nic_port(here),
        *(step for pod in here.pods for step in attach(here, pod)),
    ]


def attach(here: Host, pod: Pod) -> list[Step]:
    """The veth of one pod, a port of linux-br, and the flows that lead there."""
    inside, outside = pod.device("veth-c"), pod.device("veth-br")
    return [
        AddNetns(pod.netns),
        AddVeth(inside, outside, here.mtu),
        SetMaster(outside, "linux-br"),
        LinkUp(outside),
        MoveLink(inside, into=pod.netns),
        LinkUp("lo", netns=pod.netns),
        LinkUp(inside, netns=pod.netns),
        AddAddress(address(here, pod), inside, netns=pod.netns),
        *checksums_for(here, inside, pod),
        *flows_to(address(here, pod).split("/")[0], POD_PORT, here.ip),
    ]


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind linux-br."""
    return Endpoint(pod.netns, address(here, pod).split("/")[0], pod.device("veth-c"), here.mtu)


def hops(here: Host) -> list[Hop]:
    """Over the Linux bridge to br-int, and by its flows to the NIC."""
    return [
        Inside("veth-c"), Device("veth-br"), Bridge("linux-br"), Device("ovs-br"),
        Device("br-ovs"), br_int_flows(here, POD), Device(here.nic),
    ]  # fmt: skip


SCHEME = Scheme(
    name="ovs-bridge",
    order=40,
    summary="a Linux bridge between the pod and Open vSwitch",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("veth", "bridge"),
    ovs=True,
)

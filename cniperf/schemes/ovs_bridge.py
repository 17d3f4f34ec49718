"""ovs-bridge: a Linux bridge between the pod and Open vSwitch, as OpenStack once had it."""

from cniperf.hops import Bridge, Device, Hop, Pod
from cniperf.hosts import Endpoint, Host
from cniperf.schemes.ovs import br_int, br_int_flows, checksums_for
from cniperf.schemes.scheme import Scheme
from cniperf.steps import (
    AddAddress,
    AddBridge,
    AddNetns,
    AddOvsBridge,
    AddVeth,
    LinkUp,
    MoveLink,
    SetMaster,
    SetPromisc,
    Step,
)

POD = {"a": "172.28.100.3/24", "b": "172.28.100.4/24"}


def wire(here: Host, there: Host) -> list[Step]:
    """The pod's veth into linux-br, a second veth pair from there into br-int."""
    return [
        AddNetns(here.pod),
        AddBridge("linux-br", here.mtu),
        LinkUp("linux-br"),
        AddOvsBridge("br-int", here.ovs_datapath),
        AddVeth("ovs-br", "br-ovs", here.mtu),
        SetPromisc("br-ovs"),
        SetPromisc("ovs-br"),
        LinkUp("br-ovs"),
        LinkUp("ovs-br"),
        SetMaster("ovs-br", "linux-br"),
        AddVeth("veth-c", "veth-br", here.mtu),
        SetMaster("veth-br", "linux-br"),
        LinkUp("veth-br"),
        MoveLink("veth-c", into=here.pod),
        LinkUp("lo", netns=here.pod),
        LinkUp("veth-c", netns=here.pod),
        AddAddress(POD[here.name], "veth-c", netns=here.pod),
        *checksums_for(here, "veth-c"),
        *br_int(here, pod_port="br-ovs", pod=POD[here.name].split("/")[0]),
    ]


def endpoint(here: Host) -> Endpoint:
    """The pod behind linux-br."""
    return Endpoint(here.pod, POD[here.name].split("/")[0], "veth-c", here.mtu)


def hops(here: Host) -> list[Hop]:
    """Over the Linux bridge to br-int, and by its flows to the NIC."""
    return [
        Pod("veth-c"), Device("veth-br"), Bridge("linux-br"), Device("ovs-br"),
        Device("br-ovs"), br_int_flows(POD[here.name]), Device(here.nic),
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

"""ovs: the pod's veth and the NIC are ports of one Open vSwitch bridge with three flows."""

from cniperf.hops import Device, Flows, Hop, Pod
from cniperf.hosts import Endpoint, Host
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


def wire(here: Host, there: Host) -> list[Step]:
    """A veth from the pod into br-int, the NIC beside it."""
    return [
        AddNetns(here.pod),
        AddOvsBridge("br-int", here.ovs_datapath),
        AddVeth("veth-c", "veth-ovs", here.mtu),
        MoveLink("veth-c", into=here.pod),
        LinkUp("lo", netns=here.pod),
        LinkUp("veth-c", netns=here.pod),
        AddAddress(POD[here.name], "veth-c", netns=here.pod),
        *checksums_for(here, "veth-c"),
        SetPromisc("veth-ovs"),
        LinkUp("veth-ovs"),
        *br_int(here, pod_port="veth-ovs", pod=POD[here.name].split("/")[0]),
    ]


def br_int(here: Host, *, pod_port: str, pod: str) -> list[Step]:
    """The article's two ports and three flows: to the pod by IP and by ARP, all else out."""
    return [
        AddOvsPort("br-int", pod_port, 1),
        AddOvsPort("br-int", here.nic, 2),
        AddOvsFlow("br-int", f"table=0, priority=100, ip, nw_dst={pod} actions=output:1"),
        AddOvsFlow("br-int", f"table=0, priority=100, arp, arp_tpa={pod} actions=output:1"),
        AddOvsFlow("br-int", "table=0, priority=99, actions=output:2"),
    ]


def br_int_flows(pod: str) -> Flows:
    """The two of these flows that carry a pod's IP packets."""
    return Flows("br-int", out="priority=99", into=f"priority=100,ip,nw_dst={pod.split('/')[0]}")


def checksums_for(here: Host, device: str) -> list[Step]:
    """The userspace datapath drops what a device left without a checksum, so the pod adds it."""
    if here.ovs_datapath == "system":
        return []
    return [SetFeatures(device, ("tx",), on=False, netns=here.pod)]


def endpoint(here: Host) -> Endpoint:
    """The pod behind br-int."""
    return Endpoint(here.pod, POD[here.name].split("/")[0], "veth-c", here.mtu)


def hops(here: Host) -> list[Hop]:
    """From port to port of br-int, by its flows."""
    return [
        Pod("veth-c"), Device("veth-ovs"), br_int_flows(POD[here.name]), Device(here.nic)
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

"""ipvlan-l2, ipvlan-l3: the pod shares the NIC and its MAC, distinguished by its IP address.

In mode L2 the pod's own stack decides where a packet goes; in mode L3 the host's routes do.
"""

from cniperf.hops import SENT, Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.ip import EVERYWHERE
from cniperf.schemes.parts import host_routes
from cniperf.schemes.scheme import Scheme
from cniperf.steps import (
    AddAddress,
    AddIpvlan,
    AddNetns,
    AddRoute,
    IpvlanMode,
    LinkUp,
    MoveLink,
    Step,
)

POD = {"a": "172.28.160.3/24", "b": "172.28.160.4/24"}
STEP = 2  # from pod to pod: odd ones on host a, even ones on host b
SUBNET = {"a": "172.28.170", "b": "172.28.171"}
DEVICE = "ipvlan0"


def l2_address(here: Host, pod: Pod) -> str:
    """Return a pod's address with its prefix length: both hosts' pods share a subnet."""
    return pod.address(POD[here.name], STEP)


def l3_address(here: Host, pod: Pod) -> str:
    """Return a pod's address with its prefix length: each host has subnets of its own."""
    return pod.address(f"{SUBNET[here.name]}.3/32")


def wire_l2(here: Host, there: Host) -> list[Step]:
    """An ipvlan on the NIC for each pod, handed to it."""
    return [
        step
        for pod in here.pods
        for step in (
            *attach(here, pod, "l2"),
            AddAddress(l2_address(here, pod), pod.device(DEVICE), netns=pod.netns),
        )
    ]


def wire_l3(here: Host, there: Host) -> list[Step]:
    """The same, all that the pods send being led by the host's routes."""
    pods = [
        step
        for pod in here.pods
        for step in (
            *attach(here, pod, "l3"),
            AddAddress(l3_address(here, pod), pod.device(DEVICE), netns=pod.netns),
            AddRoute(EVERYWHERE[here.ip], dev=pod.device(DEVICE), netns=pod.netns),
        )
    ]
    return [*pods, *host_routes(there, SUBNET)]


def attach(here: Host, pod: Pod, mode: IpvlanMode) -> list[Step]:
    """The ipvlan of one pod."""
    device = pod.device(DEVICE)
    return [
        AddNetns(pod.netns),
        AddIpvlan(device, link=here.nic, mode=mode),
        MoveLink(device, into=pod.netns),
        LinkUp(device, netns=pod.netns),
        LinkUp("lo", netns=pod.netns),
    ]


def endpoint_l2(here: Host, pod: Pod) -> Endpoint:
    """The pod behind the ipvlan."""
    address = l2_address(here, pod).split("/")[0]
    return Endpoint(pod.netns, address, pod.device(DEVICE), here.mtu)


def endpoint_l3(here: Host, pod: Pod) -> Endpoint:
    """The pod behind the ipvlan."""
    address = l3_address(here, pod).split("/")[0]
    return Endpoint(pod.netns, address, pod.device(DEVICE), here.mtu)


def hops_l2(here: Host) -> list[Hop]:
    """From the pod's device straight to the NIC below it."""
    return [Inside(DEVICE), Device(here.nic)]


def hops_l3(here: Host) -> list[Hop]:
    """What a pod sends leaves as if the host had sent it; what comes in is handed to it at once."""
    return [Inside(DEVICE), SENT, Device(here.nic)]


SCHEMES = (
    Scheme(
        name="ipvlan-l2",
        order=110,
        summary="the pod shares the NIC and its MAC, on one subnet with its peer",
        wire=wire_l2,
        endpoint=endpoint_l2,
        hops=hops_l2,
        devices=("ipvlan",),
    ),
    Scheme(
        name="ipvlan-l3",
        order=120,
        summary="the pod shares the NIC and its MAC, and the host routes what it sends",
        wire=wire_l3,
        endpoint=endpoint_l3,
        hops=hops_l3,
        devices=("ipvlan",),
    ),
)

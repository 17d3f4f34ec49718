"""macvlan (bridge mode): the pod has its own MAC on the host's NIC, past the host's stack."""

from cniperf.hops import Device, Hop, Inside
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddAddress, AddMacvlan, AddNetns, LinkUp, MoveLink, SetPromisc, Step

POD = {"a": "192.168.2.3/24", "b": "192.168.2.5/24"}
STEP = 3  # from pod to pod: 3, 6, 9 … on host a, 5, 8, 11 … on host b


def address(here: Host, pod: Pod) -> str:
    """Return a pod's address with its prefix length."""
    return pod.address(POD[here.name], STEP)


def wire(here: Host, there: Host) -> list[Step]:
    """A macvlan on the NIC for each pod, handed to it."""
    return [*(step for pod in here.pods for step in attach(here, pod)), SetPromisc(here.nic)]


def attach(here: Host, pod: Pod) -> list[Step]:
    """The macvlan of one pod."""
    device = pod.device("macvlan0")
    return [
        AddNetns(pod.netns),
        AddMacvlan(device, link=here.nic),
        MoveLink(device, into=pod.netns),
        LinkUp(device, netns=pod.netns),
        LinkUp("lo", netns=pod.netns),
        AddAddress(address(here, pod), device, netns=pod.netns),
    ]


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind the macvlan."""
    return Endpoint(pod.netns, address(here, pod).split("/")[0], pod.device("macvlan0"), here.mtu)


def hops(here: Host) -> list[Hop]:
    """From the pod's device straight to the NIC below it."""
    return [Inside("macvlan0"), Device(here.nic)]


SCHEME = Scheme(
    name="macvlan",
    order=20,
    summary="the pod gets a MAC of its own on the host's NIC",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("macvlan",),
)

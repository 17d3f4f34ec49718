"""macvlan (bridge mode): the pod has a MAC of its own on the host's NIC, past the host's stack."""

from cniperf.hops import Device, Hop, Pod
from cniperf.hosts import Endpoint, Host
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddAddress, AddMacvlan, AddNetns, LinkUp, MoveLink, SetPromisc, Step

POD = {"a": "192.168.2.3/24", "b": "192.168.2.5/24"}


def wire(here: Host, there: Host) -> list[Step]:
    """A macvlan on the NIC, handed to the pod."""
    return [
        AddNetns(here.pod),
        AddMacvlan("macvlan0", link=here.nic),
        MoveLink("macvlan0", into=here.pod),
        LinkUp("macvlan0", netns=here.pod),
        LinkUp("lo", netns=here.pod),
        AddAddress(POD[here.name], "macvlan0", netns=here.pod),
        SetPromisc(here.nic),
    ]


def endpoint(here: Host) -> Endpoint:
    """The pod behind the macvlan."""
    return Endpoint(here.pod, POD[here.name].split("/")[0], "macvlan0", here.mtu)


def hops(here: Host) -> list[Hop]:
    """From the pod's device straight to the NIC below it."""
    return [Pod("macvlan0"), Device(here.nic)]


SCHEME = Scheme(
    name="macvlan",
    order=20,
    summary="the pod gets a MAC of its own on the host's NIC",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
    devices=("macvlan",),
)

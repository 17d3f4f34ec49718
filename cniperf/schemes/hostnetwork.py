"""hostnetwork: the load runs on the hosts themselves. The baseline of every loss."""

from cniperf.hops import LOCAL, Device, Hop
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step


def wire(here: Host, there: Host) -> list[Step]:
    """Nothing: the host's own stack is the path."""
    return []


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The host itself."""
    return Endpoint(None, here.address, here.nic, here.mtu)


def hops(here: Host) -> list[Hop]:
    """The host sends and receives itself."""
    return [LOCAL, Device(here.nic)]


SCHEME = Scheme(
    name="hostnetwork",
    order=10,
    summary="no pod namespace: the load runs on the hosts",
    wire=wire,
    endpoint=endpoint,
    hops=hops,
)

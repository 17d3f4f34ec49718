"""A host as a scheme sees it, and where the load meets it: nothing is asked of a machine."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Host:
    """One of the two hosts, described well enough to plan its wiring.

    Attributes:
        name: ``a`` (runs the client) or ``b`` (runs the server), the article's hosta and hostb.
        nic: the interface on the underlay.
        address: the NIC's IPv4 address on the underlay.
        prefixlen: length of the underlay's prefix.
        mtu: the underlay's MTU in bytes.
        pod: name of the network namespace that plays the pod.
        plain: True where no device may carry packets over the MTU (no TSO, GSO, GRO), so that
            devices made for pods are told so too.
        ovs_datapath: ``system`` (the kernel's) or ``netdev`` (userspace).
        udpcsum: True where a VTEP fills in the outer UDP checksum.
    """

    name: str
    nic: str = "eth0"
    address: str
    prefixlen: int = 24
    mtu: int = 1500
    pod: str
    plain: bool = False
    ovs_datapath: str = "system"
    udpcsum: bool = False


@dataclass(frozen=True)
class Endpoint:
    """Where one end of the load runs.

    Attributes:
        netns: the pod's namespace, or None for the host's own.
        address: the IPv4 address that the load is sent to or from.
        device: the interface that the load enters and leaves by.
        mtu: that interface's MTU in bytes.
    """

    netns: str | None
    address: str
    device: str
    mtu: int


# The addresses of the article's two machines.
ARTICLE_HOSTS = (
    Host(name="a", address="192.168.20.42", pod="pod-a"),
    Host(name="b", address="192.168.20.43", pod="pod-b"),
)

"""A host as a scheme sees it, and where the load meets it: no machine is contacted."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from cniperf.conflist import Conflist
from cniperf.encapsulation import Encapsulation
from cniperf.ip import Version, form

BLOCK = 64  # pods whose addresses lie in one /24 of their host


@dataclass(frozen=True)
class Pod:
    """A pod of a host. Pod n of host a and pod n of host b are a pair.

    Attributes:
        netns: the network namespace that plays it.
        number: counted from 1.
        ip: version of IP that its address is of.
    """

    netns: str
    number: int = 1
    ip: Version = 4

    @classmethod
    def several(cls, name: str, pairs: int, ip: Version = 4) -> "tuple[Pod, ...]":
        """Return the pods of a host, whose namespaces are called after the first one's."""
        return tuple(cls(f"{name}{n if n > 1 else ''}", n, ip) for n in range(1, pairs + 1))

    def device(self, name: str) -> str:
        """Return the name of a device of this pod: the first pod's, with the number behind."""
        return name if self.number == 1 else f"{name}{self.number}"

    def address(self, first: str, step: int = 1) -> str:
        """Return this pod's address.

        Args:
            first: the first pod's in IPv4, with or without a prefix length, which is kept.
            step: from one pod to the next, where two hosts share a subnet. After :data:`BLOCK`
                pods the next /24 but one follows, because the next one may be the peer's.
        """
        return form(self.ipv4(first, step), self.ip)

    def ipv4(self, first: str, step: int = 1) -> str:
        """Return what :meth:`address` does, in IPv4."""
        block, place = divmod(self.number - 1, BLOCK)
        address, slash, length = first.partition("/")
        return f"{IPv4Address(address) + 512 * block + step * place}{slash}{length}"

    @property
    def begins_block(self) -> bool:
        """True for the first pod of each of its host's subnets."""
        return self.number % BLOCK == 1


@dataclass(frozen=True, kw_only=True)
class Host:
    """One of the two hosts, described well enough to plan its wiring.

    Attributes:
        name: ``a`` (runs the client) or ``b`` (runs the server), the article's hosta and hostb.
        nic: the interface on the underlay.
        ip: version of IP of the hosts and their pods.
        address: the NIC's address on the underlay.
        prefixlen: length of the underlay's prefix.
        mtu: the underlay's MTU in bytes.
        pods: the pods to be wired; one on each host in the article.
        plain: True where no device may carry packets over the MTU (no TSO, GSO, GRO), so that
            devices made for pods get the same limit.
        segment: bytes that TCP may send at once through devices made for pods; 0 for the kernel's
            own limit.
        ovs_datapath: ``system`` (the kernel's) or ``netdev`` (userspace).
        udpcsum: True where a VTEP fills in the outer UDP checksum.
        cni: the network of scheme ``cni``, if there is one.
        made: the ends of the load, one a pod, where not the plan but a cluster makes them.
    """

    name: str
    ip: Version = 4
    nic: str = "eth0"
    address: str
    prefixlen: int = 24
    mtu: int = 1500
    pods: tuple[Pod, ...]
    plain: bool = False
    segment: int = 0
    ovs_datapath: str = "system"
    udpcsum: bool = False
    cni: Conflist | None = None
    made: "tuple[Endpoint, ...]" = ()

    def form(self, address: str) -> str:
        """Return the form of an IPv4 address in the version of IP in use here."""
        return form(address, self.ip)

    def speaking(self, ip: Version) -> "Host":
        """Return a host with IPv4 as one with this version of IP."""
        address, _, length = form(f"{self.address}/{self.prefixlen}", ip).partition("/")
        return replace(self, ip=ip, address=address, prefixlen=int(length))

    def mtu_in(self, tunnel: Encapsulation) -> int:
        """Return the bytes that a packet may have inside a tunnel between the hosts."""
        return self.mtu - tunnel.over(self.ip)


@dataclass(frozen=True)
class Endpoint:
    """Where one end of the load runs.

    Attributes:
        netns: the pod's namespace, or None for the host's own.
        address: the address that the load is sent to or from.
        device: the interface that the load enters and leaves by.
        mtu: that interface's MTU in bytes.
        translated: the address that stands for its own where it begins a connection, if one does.
        service: the address that stands for its own where a connection to it begins, if one does.
    """

    netns: str | None
    address: str
    device: str
    mtu: int
    translated: str = ""
    service: str = ""

    @property
    def target(self) -> str:
        """The address that a connection to it begins with."""
        return self.service or self.address

    @property
    def seen(self) -> str:
        """The address that its peers see when it opens a connection, and that they answer to."""
        return self.translated or self.address


# The addresses of the article's two machines.
ARTICLE_HOSTS = (
    Host(name="a", address="192.168.20.42", pods=(Pod("pod-a"),)),
    Host(name="b", address="192.168.20.43", pods=(Pod("pod-b"),)),
)

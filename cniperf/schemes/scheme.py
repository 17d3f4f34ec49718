"""What a scheme is: a name, a path, and a pure function from two hosts to steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cniperf.hops import Hop
from cniperf.hosts import ARTICLE_HOSTS, Endpoint, Host, Pod
from cniperf.ip import Version
from cniperf.steps import Step


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way to connect two pods across two hosts.

    Attributes:
        name: as given to ``cniperf run``.
        order: place in lists and charts; the article's eight have 10 to 80 in its own order.
        summary: one line for people.
        wire: steps that prepare the first host given and its pods, the second being its peer.
        endpoint: where the load of a pod starts or ends.
        hops: what a packet of the first pod passes to the wire; each run is checked against it.
        devices: kinds of device that the kernel must make, as ``veth`` or ``vxlan``.
        ovs: True where Open vSwitch is part of the path; with ``openvswitch`` among ``devices``
            only its kernel datapath will do.
        tools: commands that its steps need beside those of any run, with their Debian packages.
        root: True where only root's own kernel rights will do, as for eBPF programs.
        ips: versions of IP that it has.
        asks: parameters that it needs, each with what that is.
        bed: the one bed that has it; empty for one that is wired, wherever two hosts are.
    """

    name: str
    order: int
    summary: str
    wire: Callable[[Host, Host], list[Step]]
    endpoint: Callable[[Host, Pod], Endpoint]
    hops: Callable[[Host], list[Hop]]
    devices: tuple[str, ...] = ()
    ovs: bool = False
    tools: Mapping[str, str] = field(default_factory=dict)
    root: bool = False
    ips: tuple[Version, ...] = (4, 6)
    asks: Mapping[str, str] = field(default_factory=dict)
    bed: str = ""

    @property
    def path(self) -> str:
        """The hops from the pod to the wire, for people."""
        return self.path_on(ARTICLE_HOSTS[0])

    def path_on(self, host: Host) -> str:
        """Return the hops from a host's pod to the wire, for people."""
        return " → ".join(str(hop) for hop in self.hops(host))

"""policy-0, policy-100, policy-1000: as calico, and each packet passes so many rules on each host.

Three schemes and no parameter: they are compared with each other, and what a suite, its rounds
and its charts compare are schemes.
"""

from cniperf.hosts import Host
from cniperf.schemes import calico
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddNftChain, AddNftDrops, AddNftTable, Step

TABLE = "cniperf_policy"
FILTER = 0  # priority of filters, linux/netfilter_ipv4.h


def scheme(rules: int, order: int) -> Scheme:
    """Return the scheme with so many rules."""

    def wire(here: Host, there: Host) -> list[Step]:
        """What calico has, and a chain of rules that all that is forwarded passes."""
        return [
            *calico.wire(here, there),
            AddNftTable(TABLE, ip=here.ip),
            AddNftChain(TABLE, "forward", "filter", "forward", FILTER, ip=here.ip),
            *([AddNftDrops(TABLE, "forward", rules, ip=here.ip)] if rules else []),
        ]

    return Scheme(
        name=f"policy-{rules}",
        order=order,
        summary=f"calico, with {rules} rules in the host's forward hook",
        wire=wire,
        endpoint=calico.endpoint,
        hops=calico.hops,
        devices=("veth",),
    )


SCHEMES = (scheme(0, 190), scheme(100, 200), scheme(1000, 210))

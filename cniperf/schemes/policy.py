"""policy-*: as calico, and each host checks each packet against N rules, kept in one of four ways.

A packet is compared with each rule in turn, of nft (policy-N) or of iptables (policy-iptables-N),
its address is looked up in a set (policy-set-N), or packets of connections that are known already
pass before the rules (policy-established-N). Schemes and no parameter: they are compared with each
other, and what a suite, its rounds and its charts compare are schemes.
"""

from collections.abc import Callable, Mapping

from cniperf.hosts import Host
from cniperf.schemes import calico
from cniperf.schemes.scheme import Scheme
from cniperf.steps import (
    AddIptablesDrops,
    AddNftChain,
    AddNftDrops,
    AddNftDropSet,
    AddNftRule,
    AddNftTable,
    Step,
)

TABLE = "cniperf_policy"
FILTER = 0  # priority of filters, linux/netfilter_ipv4.h
CHAIN = "forward"
IPTABLES_CHAIN = "cniperf-policy"

Rules = Callable[[Host], list[Step]]


def chain(here: Host) -> list[Step]:
    """Return what adds nft's chain that all that is forwarded passes."""
    return [
        AddNftTable(TABLE, ip=here.ip),
        AddNftChain(TABLE, CHAIN, "filter", "forward", FILTER, ip=here.ip),
    ]


def listed(count: int) -> Rules:
    """Return what adds so many rules, one after the other."""
    if not count:
        return chain
    return lambda here: [*chain(here), AddNftDrops(TABLE, CHAIN, count, ip=here.ip)]


def in_a_set(count: int) -> Rules:
    """Return what adds one rule with a set of so many addresses."""
    return lambda here: [*chain(here), AddNftDropSet(TABLE, CHAIN, count, ip=here.ip)]


def established_first(count: int) -> Rules:
    """Return what lets known connections pass, and adds so many rules after that."""
    accept = "ct state established,related accept"
    return lambda here: [
        *chain(here),
        AddNftRule(TABLE, CHAIN, accept, ip=here.ip),
        AddNftDrops(TABLE, CHAIN, count, ip=here.ip),
    ]


def of_iptables(count: int) -> Rules:
    """Return what adds so many rules of iptables, one after the other."""
    return lambda here: [AddIptablesDrops(IPTABLES_CHAIN, count=count, ip=here.ip)]


def scheme(
    name: str, order: int, summary: str, rules: Rules, tools: Mapping[str, str] | None = None
) -> Scheme:
    """Return the scheme with these rules for all that is forwarded."""

    def wire(here: Host, there: Host) -> list[Step]:
        """What calico has, and the rules."""
        return [*calico.wire(here, there), *rules(here)]

    return Scheme(
        name=name,
        order=order,
        summary=summary,
        wire=wire,
        endpoint=calico.endpoint,
        hops=calico.hops,
        devices=("veth",),
        tools=tools or {},
    )


SCHEMES = (
    *(scheme(f"policy-{count}", order, f"calico, with {count} rules in the host's forward hook",
             listed(count)) for count, order in ((0, 190), (100, 200), (1000, 210))),
    scheme("policy-set-1000", 212, "calico, with 1000 addresses in a set that one rule looks up",
           in_a_set(1000)),
    scheme("policy-established-1000", 214,
           "calico, with 1000 rules that known connections pass by", established_first(1000)),
    scheme("policy-iptables-1000", 216, "calico, with 1000 rules of iptables in the host's FORWARD",
           of_iptables(1000), {"iptables": "iptables"}),
)  # fmt: skip

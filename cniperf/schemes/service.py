"""service-chain-N, service-map-N: as calico, and the load goes to a service, one among N.

A proxy on each node (kube-proxy) replaces a service's address by that of a pod behind it (DNAT).
With a rule for each service in one chain, a new connection is compared with one after the other.
A map is looked up once. Both translate in the same place: each connection's first packet finds the
pod, and connection tracking translates all others.
"""

from dataclasses import replace
from typing import Literal

from cniperf.hops import ROUTED, SERVED, Hop
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes import calico
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddNftChain, AddNftService, AddNftServices, AddNftTable, Step

TABLE = "cniperf_services"
DSTNAT = -100  # priority of destination NAT, linux/netfilter_ipv4.h
FIRST = "10.96.0.10"  # kubeadm's default network of services


def address(here: Host, pod: Pod) -> str:
    """Return the address of the service before a pod; only those of host b have one."""
    return pod.address(FIRST) if here.name == "b" else ""


def scheme(how: Literal["chain", "map"], count: int, order: int) -> Scheme:
    """Return the scheme with so many services, those of the pods being the last of them."""

    def wire(here: Host, there: Host) -> list[Step]:
        """What calico has, and the services before host b's pods, on both hosts."""
        served = here if here.name == "b" else there
        return [
            *calico.wire(here, there),
            AddNftTable(TABLE, ip=here.ip),
            AddNftChain(TABLE, "services", "nat", "prerouting", DSTNAT, ip=here.ip),
            AddNftServices(TABLE, how, count - 1, ip=here.ip),
            *(AddNftService(TABLE, how, f"service{pod.number}", address(served, pod),
                            calico.address(served, pod), ip=here.ip) for pod in served.pods),
        ]  # fmt: skip

    return Scheme(
        name=f"service-{how}-{count}",
        order=order,
        summary=f"calico, to a service that is the last of {count} in a {how}",
        wire=wire,
        endpoint=endpoint,
        hops=hops,
        devices=("veth",),
    )


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The pod behind the routed veth and, on host b, behind its service."""
    return replace(calico.endpoint(here, pod), service=address(here, pod))


def hops(here: Host) -> list[Hop]:
    """What calico has; the host replaces the service's address."""
    return [SERVED if hop is ROUTED else hop for hop in calico.hops(here)]


SCHEMES = (
    scheme("chain", 10, 220), scheme("chain", 10_000, 230),
    scheme("map", 10, 240), scheme("map", 10_000, 250),
)  # fmt: skip

"""calico-ebpf: as calico, and eBPF programs pass the pods' packets on before the hosts' stacks.

It is what eBPF host routing is made of: at the pod's veth a program sends packets through the NIC
to the next hop (``bpf_redirect_neigh``), at the NIC another hands them into the pod
(``bpf_redirect_peer``). No netfilter hook sees them.
"""

from cniperf.hops import Device, Hop, Inside, Redirected
from cniperf.hosts import Host
from cniperf.ip import HOST
from cniperf.schemes import calico
from cniperf.schemes.parts import networks
from cniperf.schemes.scheme import Scheme
from cniperf.steps import AddClsact, Redirect, Step


def wire(here: Host, there: Host) -> list[Step]:
    """What calico has, and a program at the NIC and at each pod's veth."""
    return [
        *calico.wire(here, there),
        AddClsact(here.nic),
        *(step for pod in here.pods for step in (
            AddClsact(pod.device("calico-h")),
            *(Redirect(pod.device("calico-h"), network, here.nic, "neigh", number)
              for number, network in enumerate(networks(there, calico.SUBNET), 1)),
            Redirect(here.nic, f"{calico.address(here, pod)}/{HOST[here.ip]}",
                     pod.device("calico-h"), "peer", pod.number),
        )),
    ]  # fmt: skip


def hops(here: Host) -> list[Hop]:
    """A veth, and straight to the NIC; what comes in goes from the NIC into the pod."""
    return [Inside("calico-c"), Redirected("calico-h"), Device(here.nic)]


SCHEME = Scheme(
    name="calico-ebpf",
    order=160,
    summary="routed veth, redirected by eBPF past the host's stack",
    wire=wire,
    endpoint=calico.endpoint,
    hops=hops,
    devices=("veth",),
    tools={"tc": "iproute2", "base64": "coreutils"},
    root=True,
)

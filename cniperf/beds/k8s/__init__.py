"""``k8s``: two nodes of a Kubernetes cluster, and the network that it has already."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cniperf.beds.kind import Kind
from cniperf.hosts import Endpoint
from cniperf.schemes import BASELINE, schemes_of
from cniperf.schemes.cluster import POD, SAME_NODE, SECONDARY

if TYPE_CHECKING:
    from cniperf.beds.k8s.bed import ClusterBed
    from cniperf.hosts import Host
    from cniperf.params import Experiment

IMAGE = "localhost/cniperf-load:1"


class K8sKind(Kind):
    """See :class:`cniperf.beds.k8s.bed.ClusterBed`."""

    name = "k8s"
    order = 5
    summary = "two nodes of a Kubernetes cluster, and its own network"
    building = "starting pods"
    own = ("nodes", "unlike_nodes", "kubeconfig", "context", "image", "network",
           "namespace_prefix")  # fmt: skip
    nics = ("own",)
    usual = (BASELINE, POD.name, SAME_NODE.name)
    # TCP forgets its window over a rest of 200 ms and more (tcp_slow_start_after_idle), which a pod
    # may not change: two turns of the other and three rests are shorter.
    turns = MappingProxyType({"slice": 0.03})

    def defaults(self) -> Mapping[str, Any]:
        """The nodes' NICs are theirs, and ordinary pods are what is asked about."""
        return {"nic": "own", "image": IMAGE, "scheme": POD.name}

    def refusal(self, asked: "Experiment") -> str:
        """It wires nothing."""
        here = schemes_of(self.name)
        if asked.scheme != BASELINE and asked.scheme not in here:
            return (f"scheme={asked.scheme!r} is wired by cniperf, and bed='k8s' measures what the "
                    f"cluster has: {', '.join([BASELINE, *here])}")  # fmt: skip
        if (asked.scheme == SECONDARY.name) != bool(asked.network):
            return f"scheme={SECONDARY.name!r} and network=NAMESPACE/NAME go together"
        if asked.pairs > 1:
            return "bed='k8s' loads one pair of pods: leave pairs out"
        if asked.gro != "default" or asked.udpcsum:
            return "bed='k8s' takes the nodes as they are: leave gro and udpcsum out"
        return ""

    def foreseen(self, asked: "Experiment") -> dict[str, Any]:
        """Return that TCP forgets its window over a rest, which is the kernel's default."""
        return {"idle_restart": True}

    def no_turns(self, asked: "Experiment") -> str:
        """Both have pods of their own, and the clock of their node in common."""
        return ""

    def check(self, asked: "Experiment") -> None:
        """Ask nothing yet: the cluster is asked once it is opened."""

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Lock nothing: no load is on this machine."""
        return nullcontext()

    def hosts(self, asked: "Experiment") -> "tuple[Host, Host]":
        """Return two nodes of which nothing is known yet: the cluster gives the pods' addresses."""
        a, b = (
            replace(host, made=tuple(Endpoint(pod.netns, "", "eth0", host.mtu)
                                     for pod in host.pods))
            for host in super().hosts(asked)
        )  # fmt: skip
        return a, b

    def sweep(self, kubeconfig: Path | None = None, context: str = "") -> list[str]:
        """Delete the namespaces that carry our label."""
        from cniperf.beds.k8s.client import Cluster
        from cniperf.beds.k8s.sweep import sweep

        return sweep(Cluster.connect(kubeconfig, context))

    def open(self, asked: "Experiment") -> "ClusterBed":
        """Return the two nodes, no pod made yet."""
        from cniperf.beds.k8s.bed import ClusterBed
        from cniperf.beds.k8s.client import Cluster

        return ClusterBed(Cluster.connect(asked.kubeconfig, asked.context), asked)


BED = K8sKind()

"""What a Kubernetes cluster has and lacks for a run, asked before anything is made in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cniperf.beds.k8s import network
from cniperf.beds.k8s.nodes import Node, choose
from cniperf.beds.k8s.rights import asked
from cniperf.doctor import Finding
from cniperf.errors import CniperfError

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster


def examine(cluster: "Cluster") -> Iterator[tuple[str, list[Finding]]]:
    """Ask a cluster for its version, this login's rights, its nodes and its network.

    Yields:
        A heading, and the findings below it.
    """
    version = cluster.version()
    yield f"Cluster {cluster.name}", [Finding("API server", True, f"{version} at {cluster.server}")]
    lacks = dict(asked(cluster))
    yield (
        "Rights of this login",
        [
            Finding(
                right.resource, not verbs or right.optional,
                f"{', '.join(right.verbs)}: {right.why}"
                + (f"; not allowed: {', '.join(verbs)}" if verbs else ""),
                "" if not verbs or right.optional else "cniperf k8s role | kubectl apply -f -",
            )
            for right, verbs in lacks.items()
        ],
    )  # fmt: skip
    if any(right.resource == "nodes" and verbs for right, verbs in lacks.items()):
        return
    nodes = [Node.read(each) for each in cluster.nodes()]
    yield "Nodes", [_node(node) for node in nodes] + [_pair(nodes)]
    found = network.identify(cluster, nodes, {})
    mode = ", ".join(f"{name}={value}" for name, value in found["mode"].items())
    words = " ".join(filter(None, (found["plugin"], found["version"], mode)))
    proxy = found["kube_proxy"] or "not readable"
    yield "Network", [Finding("plugin", True, f"{words}: {found['why']}"),
                      Finding("kube-proxy", True, proxy)]  # fmt: skip


def _node(node: Node) -> Finding:
    said = f"{node.arch}, kernel {node.kernel}, {node.runtime}, kubelet {node.kubelet}"
    return Finding(node.name, True, f"{said}; {node.problem}" if node.problem else said)


def _pair(nodes: list[Node]) -> Finding:
    try:
        a, b = choose(nodes, "")
    except CniperfError as problem:
        return Finding("two that fit", False, str(problem), "name two, as --nodes a,b")
    return Finding("two that fit", True, f"{a.name},{b.name}")

"""What a Kubernetes cluster has and lacks for a run. The check changes nothing in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cniperf.beds.k8s import network
from cniperf.beds.k8s.nodes import Node, choose
from cniperf.beds.k8s.rights import Right, asked
from cniperf.doctor import Finding
from cniperf.errors import CniperfError

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster

# The command that gives a login every right of a run.
GRANT = "cniperf k8s role | kubectl apply -f -, and a ClusterRoleBinding of this login to it"


def examine(cluster: "Cluster") -> Iterator[tuple[str, list[Finding]]]:
    """Check a cluster: its version, this login's rights, its nodes and its network.

    Yields:
        A heading, and the findings below it.
    """
    version = cluster.version()
    yield f"Cluster {cluster.name}", [Finding("API server", True, f"{version} at {cluster.server}")]
    lacks = dict(asked(cluster))
    yield "Rights of this login", [_right(right, verbs) for right, verbs in lacks.items()]
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


def _right(right: Right, lacks: list[str]) -> Finding:
    wanted = f"{', '.join(right.verbs)}: {right.why}"
    if not lacks:
        return Finding(right.resource, True, wanted)
    says = f"not allowed: {', '.join(lacks)} (needs {wanted})"
    return Finding(right.resource, right.optional, says, (GRANT,))


def _node(node: Node) -> Finding:
    facts = f"{node.arch}, kernel {node.kernel}, {node.runtime}, kubelet {node.kubelet}"
    return Finding(node.name, True, f"{facts}; {node.problem}" if node.problem else facts)


def _pair(nodes: list[Node]) -> Finding:
    try:
        a, b = choose(nodes, "")
    except CniperfError as problem:
        return Finding(
            "two that fit", False, str(problem), ("name two with --nodes, for example --nodes a,b",)
        )
    return Finding("two that fit", True, f"{a.name},{b.name}")

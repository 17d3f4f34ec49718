"""The two nodes between which a cluster's network is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from cniperf.errors import NotAble, ParameterError, unknown


@dataclass(frozen=True)
class Node:
    """A node as its cluster reports it.

    Attributes:
        name: as ``kubectl get nodes`` has it.
        address: its InternalIP.
        kernel, arch, runtime, kubelet, os: of ``status.nodeInfo``.
        problem: why no pod can be measured on it; empty where one can.
        annotations: what network plugins write on it, among others.
        pod_cidrs: the pods' networks that the controller-manager gave it; unused by some plugins.
    """

    name: str
    address: str
    kernel: str
    arch: str
    runtime: str
    kubelet: str
    os: str
    problem: str
    annotations: Mapping[str, str]
    pod_cidrs: tuple[str, ...]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "Node":
        """Read one of the API's objects."""
        status, spec, meta = found.get("status", {}), found.get("spec", {}), found["metadata"]
        info = status.get("nodeInfo", {})
        given = status.get("addresses", ())  # a node that has just joined has none
        addresses = {each["type"]: each["address"] for each in reversed(given)}
        return cls(
            name=meta["name"], address=addresses.get("InternalIP", ""),
            kernel=info.get("kernelVersion", ""), arch=info.get("architecture", ""),
            runtime=info.get("containerRuntimeVersion", ""),
            kubelet=info.get("kubeletVersion", ""), os=info.get("operatingSystem", "linux"),
            problem=_problem(status, spec), annotations=meta.get("annotations", {}),
            pod_cidrs=tuple(spec.get("podCIDRs", ())),
        )  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """Return what a reader must know about it."""
        return {name: getattr(self, name)
                for name in ("name", "kernel", "arch", "runtime", "kubelet")}  # fmt: skip


def _problem(status: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Return why no pod can be measured on a node; empty where one can."""
    states = {each["type"]: each for each in status.get("conditions", ())}
    if states.get("Ready", {}).get("status") != "True":
        return f"is not Ready ({states.get('Ready', {}).get('message', 'its kubelet is silent')})"
    if states.get("NetworkUnavailable", {}).get("status") == "True":
        return "has no network for pods (NetworkUnavailable)"
    if spec.get("unschedulable"):
        return "is cordoned: kubectl uncordon it, or name another"
    return ""


def choose(found: Sequence[Node], asked: str, *, unlike: bool = False) -> tuple[Node, Node]:
    """Return the two nodes to measure between.

    Args:
        found: the cluster's nodes.
        asked: two names with a comma between; empty for two that fit.
        unlike: take nodes of different kernels.

    Raises:
        ParameterError: a name that is not there, or twice the same.
        NotAble: a node on which no pod can be measured, or two that are unlike.
    """
    if asked:
        a, b = (_named(name, found) for name in asked.split(","))
        if a is b:
            raise ParameterError(f"nodes={asked!r} is not allowed: two different nodes")
        _require_alike(a, b, unlike=unlike)
        return a, b
    fit = [node for node in found if not node.problem and node.os == "linux"]
    for a, b in combinations(fit, 2):
        if a.arch == b.arch and (unlike or a.kernel == b.kernel):
            return a, b
    reasons = [f"{node.name} {node.problem}" for node in found if node.problem]
    if len(fit) > 1:
        reasons = [f"{node.name} has {node.arch} and kernel {node.kernel}" for node in fit]
        reasons.append("name two, as --nodes a,b")
    raise NotAble(
        "the cluster needs two suitable nodes with one architecture and one kernel, and "
        f"{len(fit)} of {len(found)} nodes are suitable"
        f"{': ' if reasons else ''}{'; '.join(reasons)}"
    )


def _named(name: str, found: Sequence[Node]) -> Node:
    for node in found:
        if node.name == name:
            if node.problem:
                raise NotAble(f"node {name} {node.problem}")
            return node
    raise ParameterError(unknown("node", name, [node.name for node in found]))


def _require_alike(a: Node, b: Node, *, unlike: bool) -> None:
    if a.arch != b.arch:
        raise NotAble(f"nodes {a.name} and {b.name} are unlike: {a.arch} and {b.arch}")
    if a.kernel != b.kernel and not unlike:
        raise NotAble(
            f"nodes {a.name} and {b.name} have different kernels, {a.kernel} and {b.kernel}, which "
            "would change the figures: measure them with --unlike-nodes"
        )

"""What a run asks of the cluster, whether this login may do it, and the role that would do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster


@dataclass(frozen=True)
class Right:
    """Something that a run does.

    Attributes:
        verbs: of the API.
        resource: plural, with its subresource behind a slash.
        group: its API group.
        why: what it is needed for.
        optional: a run works without it, and reports less.
    """

    verbs: tuple[str, ...]
    resource: str
    why: str
    group: str = ""
    optional: bool = False


CALICO = "crd.projectcalico.org"

RIGHTS = (
    Right(("list",), "nodes", "to choose two that are alike"),
    Right(("create", "delete", "list"), "namespaces", "the run's own, which it deletes"),
    Right(("create", "get", "list", "delete"), "pods", "the load runs in them"),
    Right(("create", "get"), "pods/exec", "how the load is started, and its figures are fetched"),
    Right(("list",), "events", "why a pod does not start", optional=True),
    Right(("create",), "services", "scheme pod-to-service", optional=True),
    Right(
        ("create", "delete"),
        "networkpolicies",
        "does a policy take effect?",
        "networking.k8s.io",
        optional=True,
    ),
    Right(("list",), "daemonsets", "which plugin it is", "apps", optional=True),
    Right(("get",), "configmaps", "the plugin's mode, kube-proxy's mode", optional=True),
    Right(("list",), "ippools", "Calico's encapsulation", CALICO, optional=True),
    Right(("list",), "felixconfigurations", "Calico's dataplane", CALICO, optional=True),
)


def asked(cluster: "Cluster") -> Iterator[tuple[Right, list[str]]]:
    """Yield each right with the verbs of it that this login lacks."""
    for right in RIGHTS:
        resource, _, part = right.resource.partition("/")
        yield right, [
            verb for verb in right.verbs
            if not cluster.may(verb, resource, group=right.group, subresource=part)
        ]  # fmt: skip


def role() -> str:
    """Return the ClusterRole that allows a run, as YAML for ``kubectl apply``."""
    import yaml

    rules = [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
        for right in RIGHTS
    ]
    whole = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "cniperf"}, "rules": rules,
    }  # fmt: skip
    return str(yaml.safe_dump(whole, sort_keys=False))

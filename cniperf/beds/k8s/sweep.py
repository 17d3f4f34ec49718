"""Deleting what runs have left in a cluster: the namespaces that carry their label, no other."""

from typing import TYPE_CHECKING

from cniperf.beds.k8s.manifests import OURS, RUN

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster


def sweep(cluster: "Cluster", run: str = "") -> list[str]:
    """Delete the namespaces of a run, or of all runs; return their names.

    One that is being deleted already is left to that.
    """
    labels = {**OURS, RUN: run} if run else OURS
    found = [
        each["metadata"]["name"] for each in cluster.list("Namespace", labels=labels)
        if RUN in each["metadata"].get("labels", {})
        and not each["metadata"].get("deletionTimestamp")
    ]  # fmt: skip
    for name in found:
        _empty(cluster, name)
    return [name for name in found if cluster.delete("Namespace", name)]


def _empty(cluster: "Cluster", namespace: str) -> None:
    """Delete the pods of a namespace at once: Kubernetes removes it only after them.

    A namespace looks for what remains in it ever more rarely, and would stand for minutes.
    """
    for pod in cluster.list("Pod", namespace):
        cluster.delete("Pod", pod["metadata"]["name"], namespace, grace=0)

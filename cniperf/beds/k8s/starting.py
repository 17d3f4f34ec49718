"""Waiting until a pod runs, and why one does not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cniperf.beds.k8s.trouble import TooLate
from cniperf.errors import NotAble

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster
    from cniperf.beds.k8s.manifests import Manifest

SOON = 20.0  # seconds after which a failure that is tried again is taken for one
PULLED = 180.0  # seconds that a pod may take: its image is pulled first
HOPELESS = {
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff",
}  # fmt: skip


def await_running(cluster: "Cluster", namespace: str, name: str) -> "Manifest":
    """Wait until a pod runs; return it as the cluster has it.

    Raises:
        NotAble: it does not: the scheduler's, the kubelet's or the cluster's own reason.
    """
    try:
        pod = _once_decided(cluster, namespace, name)
    except TooLate as late:
        raise NotAble(
            f"{late}: {_told(cluster, namespace, name) or 'no reason is given'}"
        ) from None
    if pod is None:
        raise NotAble(f"pod {name} was deleted during its start: `kubectl -n {namespace} get "
                      "events` may show the cause")  # fmt: skip
    if running(pod):
        return pod
    said = reason(pod) or _told(cluster, namespace, name)
    raise NotAble(f"pod {name} does not start: {said or 'no reason is given'}{_advice(said)}")


def _once_decided(cluster: "Cluster", namespace: str, name: str) -> "Manifest | None":
    """Wait until a pod runs or will not; one whose network cannot be made is tried for ever."""
    try:
        return cluster.wait("Pod", name, namespace, _decided, SOON)
    except TooLate as late:
        if (said := _told(cluster, namespace, name)).startswith("Failed"):
            raise NotAble(f"pod {name} does not start: {said}{_advice(said)}") from None
        if late.last is None:
            raise
    return cluster.wait("Pod", name, namespace, _decided, PULLED)


def _told(cluster: "Cluster", namespace: str, name: str) -> str:
    """Return the newest event about a pod that reports a failure, or else the newest."""
    events = cluster.events(namespace, name)
    failed = [each for each in events if each.startswith("Failed")]
    return next(iter([*failed[-1:], *events[-1:]]), "")


def running(pod: Mapping[str, Any]) -> bool:
    """Return whether all containers of a pod are ready."""
    status = pod.get("status", {})
    containers = status.get("containerStatuses", ())
    return (
        status.get("phase") == "Running"
        and bool(containers)
        and bool(status.get("podIP"))
        and all(each.get("ready") for each in containers)
    )


def _decided(pod: Mapping[str, Any] | None) -> bool:
    return pod is None or running(pod) or bool(reason(pod))


def reason(pod: Mapping[str, Any]) -> str:
    """Return why a pod will not run; empty while it may."""
    status = pod.get("status", {})
    for each in status.get("containerStatuses", ()):
        state = each.get("state", {})
        waiting = state.get("waiting", {})
        if waiting.get("reason") in HOPELESS:
            return f"{waiting['reason']}: {waiting.get('message', '')}"
        if ended := state.get("terminated"):
            return f"its container ended: {ended.get('reason')} ({ended.get('message', '')})"
    if status.get("phase") in ("Failed", "Succeeded"):
        return f"{status.get('reason', status['phase'])}: {status.get('message', '')}"
    for each in status.get("conditions", ()):
        if each.get("type") == "PodScheduled" and each.get("reason") == "Unschedulable":
            return f"Unschedulable: {each.get('message', '')}"
    return ""


def _advice(said: str) -> str:
    """Return the next step, where the reason is a known one."""
    if "ImagePull" in said or "ErrImage" in said or "InvalidImageName" in said:
        return "; name an image that the nodes can pull: --image, see `cniperf k8s image`"
    if "Unschedulable" in said:
        return "; see kubectl describe node, or name other nodes: --nodes a,b"
    if "runAsNonRoot" in said or "executable file not found" in said:
        return "; the image must be as `cniperf k8s image` writes it"
    return ""

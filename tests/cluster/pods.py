"""Pods of the tests, as restricted as the strictest of Kubernetes' own pod security standards asks."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cluster.session import Cluster
from cniperf.beds.k8s.manifests import WORK


class Pods:
    """Pods in one namespace of a cluster."""

    def __init__(self, cluster: Cluster, client: Any, namespace: str) -> None:
        self.cluster, self.client, self.namespace = cluster, client, namespace

    def start(self, name: str, node: str, command: str, **spec: Any) -> None:
        """Start a pod that runs a line of shell on a node."""
        from lightkube.models.meta_v1 import ObjectMeta
        from lightkube.resources.core_v1 import Pod

        settings = Pod.from_dict({"spec": self._spec(node, command) | spec}).spec
        self.client.create(
            Pod(metadata=ObjectMeta(name=name, namespace=self.namespace), spec=settings)
        )

    def _spec(self, node: str, command: str) -> dict[str, Any]:
        place = {"key": "metadata.name", "operator": "In", "values": [node]}
        required = {"nodeSelectorTerms": [{"matchFields": [place]}]}
        return {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}
            },
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "load",
                    "image": self.cluster.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", command],
                    "env": [{"name": "TMPDIR", "value": WORK}],  # iperf3 keeps its buffers there
                    "volumeMounts": [{"name": "work", "mountPath": WORK}],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
            "volumes": [{"name": "work", "emptyDir": {}}],
        }

    def get(self, name: str) -> Any:
        """Return a pod as the API server has it now."""
        from lightkube.resources.core_v1 import Pod

        return self.client.get(Pod, name, namespace=self.namespace)

    def wait(self, name: str, wanted: Callable[[Any], object], within: float = 60.0) -> Any:
        """Wait until a pod is as it is wanted, and return it."""
        end = time.monotonic() + within
        while not wanted(pod := self.get(name)):
            assert time.monotonic() < end, f"{name}: {pod.status}"
            time.sleep(0.1)
        return pod

    def address(self, name: str) -> str:
        """Wait until a pod runs, and return its address."""
        pod = self.wait(name, lambda pod: pod.status.phase == "Running" and pod.status.podIP)
        return str(pod.status.podIP)

    def said(self, name: str, node: str, command: str, **spec: Any) -> str:
        """Run a line of shell in a pod of its own, to its end, and return what it says."""
        self.start(name, node, command, **spec)
        pod = self.wait(name, lambda pod: pod.status.phase in ("Succeeded", "Failed"))
        said = "".join(self.client.log(name, namespace=self.namespace))
        assert pod.status.phase == "Succeeded", f"{pod.status}: {said}"
        return said

    def clear(self) -> None:
        """Delete all pods, and wait until they are gone."""
        from lightkube.resources.core_v1 import Pod

        self.client.deletecollection(Pod, namespace=self.namespace)
        end = time.monotonic() + 60
        while left := list(self.client.list(Pod, namespace=self.namespace)):
            assert time.monotonic() < end, f"{[pod.metadata.name for pod in left]} do not end"
            time.sleep(0.1)


def client_of(cluster: Cluster) -> Any:
    """Return a client of a cluster."""
    from lightkube import Client, KubeConfig

    return Client(KubeConfig.from_file(cluster.kubeconfig), trust_env=False)


@contextmanager
def pods_of(cluster: Cluster, namespace: str) -> Iterator[Pods]:
    """A namespace of a cluster for pods; it is gone at the end, and so are they."""
    from lightkube import ApiError
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import Namespace

    client = client_of(cluster)
    client.create(Namespace(metadata=ObjectMeta(name=namespace)))
    try:
        yield Pods(cluster, client, namespace)
    finally:
        client.delete(Namespace, namespace)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                client.get(Namespace, namespace)
            except ApiError as problem:
                assert problem.status.code == 404
                break
            time.sleep(0.1)
        else:
            raise AssertionError(f"namespace {namespace} does not end")

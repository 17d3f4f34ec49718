"""What is asked of the cluster: namespaces, pods, a service, a policy. Making one asks nothing.

Nothing stays behind: bare pods end by themselves (``activeDeadlineSeconds``), whatever becomes of
the process that made them, and all lies in two namespaces that carry the run's label. The pods of
both kinds are alike but for their network, so that nothing else is compared.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cniperf.beds import metronome

Manifest = dict[str, Any]

OURS = {"app.kubernetes.io/managed-by": "cniperf"}
RUN = "cniperf/run"  # label: which run made it
CONTAINER = "load"
WORK = "/work"  # folder of each pod that it may write to
NOBODY = 65534

# A proxy beside the load would stand in its path.
NO_SIDECAR = {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"}

# What pods of the policy `restricted` must declare. Pods on the hosts also declare it.
RESTRICTED: Manifest = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}

# The first process: it ends with the pod, and buries the processes that others leave.
FIRST = 'trap "exit 0" TERM INT; while :; do sleep 3600 & wait $!; done'


@dataclass(frozen=True, kw_only=True)
class Order:
    """What all pods of a run have in common.

    Attributes:
        run: the run's id, letters and digits.
        prefix: what the namespaces' names begin with.
        image: of the load.
        seconds: after which the cluster ends the pods by itself.
        networks: Multus annotation of the pods; empty for none.
    """

    run: str
    prefix: str
    image: str
    seconds: int
    networks: str = ""

    def namespace_name(self, kind: str) -> str:
        """Return the name of the namespace of the ``pods``, or of the ``hosts``."""
        return f"{self.prefix}-{self.run}-{kind}"

    def namespace(self, kind: str) -> Manifest:
        """Return the namespace of the ``pods``, or of the ``hosts``, whose pods have its network.

        hostNetwork is forbidden by the policies baseline and restricted, so these are set apart.
        """
        level = "privileged" if kind == "hosts" else "restricted"
        labels = {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn")}
        return {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.namespace_name(kind),
                         "labels": {**self._labels, **labels, "istio-injection": "disabled"}},
        }  # fmt: skip

    def pod(self, name: str, node: str, *, on_host: bool = False) -> Manifest:
        """Return a pod on a node, by the scheduler, so that a refusal of the node is reported."""
        annotations = dict(NO_SIDECAR)
        if self.networks and not on_host:
            annotations["k8s.v1.cni.cncf.io/networks"] = self.networks
        here = {"key": "metadata.name", "operator": "In", "values": [node]}
        return {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": self.namespace_name("hosts" if on_host else "pods"),
                "labels": {**self._labels, **NO_SIDECAR, "cniperf/pod": name},
                "annotations": annotations,
            },
            "spec": {
                "restartPolicy": "Never", "activeDeadlineSeconds": self.seconds,
                "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
                "dnsPolicy": "Default", "enableServiceLinks": False, "hostNetwork": on_host,
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"operator": "Exists"}],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchFields": [here]}]}}},
                "securityContext": {
                    "runAsNonRoot": True, "runAsUser": NOBODY, "runAsGroup": NOBODY,
                    "fsGroup": NOBODY, "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": CONTAINER, "image": self.image, "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", FIRST], "workingDir": WORK,
                    "env": [{"name": name, "value": text}
                            for name, text in {"TMPDIR": WORK, **programs()}.items()],
                    "securityContext": RESTRICTED,
                    "volumeMounts": [{"name": "work", "mountPath": WORK}],
                }],
                "volumes": [{"name": "work", "emptyDir": {"sizeLimit": "64Mi"}}],
            },
        }  # fmt: skip

    def service(self, pod: str, ports: Sequence[int]) -> Manifest:
        """Return a service whose one endpoint is a pod, by some TCP and UDP ports."""
        return {
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": pod, "namespace": self.namespace_name("pods"),
                         "labels": self._labels},
            "spec": {
                "selector": {RUN: self.run, "cniperf/pod": pod},
                "ports": [{"name": f"{protocol.lower()}-{port}", "port": port,
                           "protocol": protocol}
                          for port in ports for protocol in ("TCP", "UDP")],
            },
        }  # fmt: skip

    def deny(self) -> Manifest:
        """Return a policy that lets nothing in to the pods of this run."""
        return {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "deny", "namespace": self.namespace_name("pods"),
                         "labels": self._labels},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
        }  # fmt: skip

    @property
    def _labels(self) -> Mapping[str, str]:
        return {**OURS, RUN: self.run}


def programs() -> Mapping[str, str]:
    """Return cniperf's programs that run in pods, by the variable that brings each there.

    A variable needs neither a stream into the pod nor a right more.
    """
    folder = Path(metronome.__file__).parent
    return {
        variable(file): (folder / file).read_text(encoding="utf-8")
        for file in ("metronome.py", "quota.py", "burst.py")
    }


def variable(file: str) -> str:
    """Return the variable that brings a program, as ``CNIPERF_METRONOME``."""
    return f"CNIPERF_{Path(file).stem.upper()}"


def second_address(pod: Manifest, networks: str) -> tuple[str, str]:
    """Return the address and the device of a pod's second network, as Multus reports them.

    Args:
        pod: as the cluster has it.
        networks: as the annotation asks for it.

    Returns:
        Both empty where Multus reports none.
    """
    status = pod["metadata"].get("annotations", {}).get("k8s.v1.cni.cncf.io/network-status", "[]")
    wanted = networks.partition("@")[0].rpartition("/")[2]
    try:
        for network in json.loads(status):
            if network.get("name", "").rpartition("/")[2] == wanted and network.get("ips"):
                return network["ips"][0], network.get("interface", "")
    except (ValueError, AttributeError, TypeError):  # another writes that annotation
        pass
    return "", ""

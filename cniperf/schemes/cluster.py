"""What a Kubernetes cluster has wired by itself: bed ``k8s`` measures it, and wires nothing."""

from cniperf.hops import Hop
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.scheme import Scheme
from cniperf.steps import Step

BED = "k8s"


def wire(here: Host, there: Host) -> list[Step]:
    """Nothing: the cluster's plugin has wired the pods."""
    return []


def endpoint(here: Host, pod: Pod) -> Endpoint:
    """The end that the cluster made."""
    return here.made[pod.number - 1]


def hops(here: Host) -> list[Hop]:
    """Nothing is declared: the path is read off the devices that count the probe's packets."""
    return []


def _scheme(name: str, order: int, summary: str) -> Scheme:
    return Scheme(name=name, order=order, summary=summary, wire=wire, endpoint=endpoint, hops=hops,
                  bed=BED)  # fmt: skip


POD = _scheme("pod-to-pod", 400, "ordinary pods on two nodes: the cluster's own network")
SERVICE = _scheme("pod-to-service", 410, "the same, by the ClusterIP of a service")
SAME_NODE = _scheme("same-node", 420, "both pods on one node")
SECONDARY = _scheme("secondary-network", 430, "a second network of the pods, by Multus")

SCHEMES = (POD, SERVICE, SAME_NODE, SECONDARY)

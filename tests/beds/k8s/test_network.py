"""A network plugin is named where the API and the node's devices agree, and nowhere else."""

import pytest

from cniperf.beds.k8s.network import UNKNOWN, Evidence, identify, named
from cniperf.beds.k8s.nodes import Node
from cniperf.beds.k8s.resources import KINDS


def evidence(agents=(), devices=(), settings=()):
    return Evidence(dict.fromkeys(agents, "v1"), {name: {"mode": "x"} for name in settings},
                    list(devices), {})  # fmt: skip


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (evidence(["calico"], ["calico"]), "calico"),
        (evidence(["calico", "flannel"], ["calico", "flannel"]), "canal"),
        (evidence(["cilium", "flannel"], ["cilium"]), "cilium"),  # an old DaemonSet is left over
        (evidence(["calico"], ["flannel"]), UNKNOWN),
        (evidence([], ["flannel"]), UNKNOWN),
        (evidence([], ["flannel"], ["flannel"]), "flannel"),  # k3s has it inside
        (evidence(["cilium", "calico"], ["cilium", "calico"]), UNKNOWN),
        (evidence(), UNKNOWN),
    ],
)
def test_both_must_agree(found, name):
    assert named(found, seen=True)[0] == name


def test_one_agent_is_believed_where_the_devices_cannot_be_seen():
    assert named(evidence(["calico"]), seen=False)[0] == "calico"
    assert named(evidence(["calico", "cilium"]), seen=False)[0] == UNKNOWN


class FakeCluster:
    """A cluster that has some objects, and lets the others not be read."""

    def __init__(self, **objects):
        self._objects = objects

    def read(self, resource, name="", namespace=""):
        return self._objects.get(f"{resource.plural}/{name}" if name else resource.plural)


def daemon(name, image):
    container = {"image": image}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [container]}}}}


def node(**annotations):
    return Node("n", "", "", "", "", "", "linux", "", annotations, ())


def test_calico_is_named_with_its_version_and_its_mode():
    pool = {"spec": {"ipipMode": "CrossSubnet", "vxlanMode": "Never", "natOutgoing": True}}
    cluster = FakeCluster(
        daemonsets={"items": [daemon("calico-node", "registry.example/node:v3.29.1@sha256:0")]},
        ippools={"items": [pool]},
    )
    found = identify(cluster, [node(), node()], {"cali12ab": "veth", "tunl0": "ipip", "eth0": ""})
    assert (found["plugin"], found["version"]) == ("calico", "v3.29.1")
    assert found["mode"] == {"ipipMode": "CrossSubnet", "natOutgoing": "true"}
    assert found["tunnels"] == {"tunl0": "ipip"} and found["kube_proxy"] == ""


def test_flannels_backend_counts_where_both_nodes_have_it():
    cluster = FakeCluster(
        **{"configmaps/kube-proxy": {"data": {"config.conf": 'mode: "nftables"'}}}
    )
    backend = {"flannel.alpha.coreos.com/backend-type": "vxlan"}
    found = identify(cluster, [node(**backend), node(**backend)], {"flannel.1": "vxlan"})
    assert (found["plugin"], found["mode"]) == ("flannel", {"backend": "vxlan"})
    assert found["kube_proxy"] == "nftables"
    other = {"flannel.alpha.coreos.com/backend-type": "host-gw"}
    assert identify(cluster, [node(**backend), node(**other)], {})["plugin"] == UNKNOWN


def test_every_kind_that_is_read_has_a_path():
    assert KINDS["DaemonSet"].path() == "/apis/apps/v1/daemonsets"

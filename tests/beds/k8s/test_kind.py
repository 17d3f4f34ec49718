"""What bed k8s takes and refuses, before any cluster is asked."""

import pytest

from cniperf.beds import find
from cniperf.errors import ParameterError
from cniperf.params import Experiment


def asked(**parameters):
    return Experiment.of(bed="k8s", **parameters)


def test_ordinary_pods_take_turns_with_their_nodes_network():
    found = asked()
    assert (found.scheme, found.design, found.slice, found.nic) == (
        "pod-to-pod", "interleaved", 0.03, "own")  # fmt: skip
    assert Experiment.of(**found.model_dump(exclude_none=True)) == found


def test_the_turns_of_the_other_leave_tcp_its_window():
    """It forgets it over a rest of 200 ms, and a pod may not change that."""
    from cniperf.measure.turns import REST, SETTLE

    assert 2 * (SETTLE + asked().slice + REST) + REST < 0.2


def test_a_notebook_as_it_came_measures_pods():
    names = {"scheme": "macvlan", "bed": "k8s", "rounds": 4}
    assert Experiment.from_namespace(names).scheme == "pod-to-pod"
    injected = ["", "# Parameters\nscheme = 'same-node'\n", "now"]
    assert Experiment.from_namespace({**names, "scheme": "same-node", "In": injected}).scheme == (
        "same-node"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"scheme": "calico"}, "wired by cniperf, and bed='k8s' measures what the cluster has"),
        ({"scheme": "secondary-network"}, "network=NAMESPACE/NAME go together"),
        ({"network": "kube-system/fast"}, "network=NAMESPACE/NAME go together"),
        ({"pairs": 2}, "leave pairs out"),
        ({"gro": "off"}, "leave gro and udpcsum out"),
        ({"nic": "virtio"}, "nic='virtio' goes with bed"),
        ({"hosts": "hosts.yaml"}, "hosts goes with bed='ssh' only"),
        ({"nodes": "node-a"}, "nodes='node-a' is not allowed"),
        ({"network": "a b"}, "as kube-system/macvlan-conf"),
        ({"namespace_prefix": "Big_"}, "lower-case letters"),
    ],
)
def test_what_does_not_go_is_said_before_anything_is_asked(given, words):
    with pytest.raises(ParameterError, match=words):
        asked(**given)


def test_what_is_a_clusters_goes_nowhere_else():
    with pytest.raises(ParameterError, match="scheme='pod-to-pod' goes with bed='k8s' only"):
        Experiment.of(scheme="pod-to-pod")
    with pytest.raises(ParameterError, match="nodes goes with bed='k8s' only"):
        Experiment.of(nodes="a,b")


def test_a_suite_measures_the_control_the_pods_and_one_node():
    assert find("k8s").usual == ("hostnetwork", "pod-to-pod", "same-node")
    assert find("lab").usual[:2] == ("hostnetwork", "macvlan")

"""What is asked of a cluster: pods that end by themselves, alike but for their network."""

import json

import pytest

from cniperf.beds.k8s.manifests import OURS, Order, second_address

ORDER = Order(run="ab12", prefix="cniperf", image="registry.example/load:1", seconds=300)


def pod(**how):
    return ORDER.pod("pod-a", "node-a", **how)


def test_both_kinds_of_pod_are_alike_but_for_their_network():
    ours, base = pod(), pod(on_host=True)
    assert (ours["spec"].pop("hostNetwork"), base["spec"].pop("hostNetwork")) == (False, True)
    assert ours["metadata"].pop("namespace") == "cniperf-ab12-pods"
    assert base["metadata"].pop("namespace") == "cniperf-ab12-hosts"
    assert ours == base


def test_a_pod_ends_by_itself_and_comes_not_again():
    spec = pod()["spec"]
    assert spec["activeDeadlineSeconds"] == 300 and spec["restartPolicy"] == "Never"


def test_a_pod_is_restricted_and_has_no_limit():
    spec = pod()["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert "resources" not in container


def test_a_pod_is_placed_by_its_nodes_name_whatever_taints_it():
    """Not by the label of its host name, which may be another."""
    spec = pod()["spec"]
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    assert term == {"matchFields": [{"key": "metadata.name", "operator": "In",
                                     "values": ["node-a"]}]}  # fmt: skip
    assert spec["tolerations"] == [{"operator": "Exists"}] and "nodeName" not in spec


def test_all_that_is_made_carries_the_label_of_the_run():
    made = [ORDER.namespace("pods"), ORDER.namespace("hosts"), pod(), ORDER.service("pod-b", [5201]),
            ORDER.deny()]  # fmt: skip
    for each in made:
        assert each["metadata"]["labels"].items() >= {**OURS, "cniperf/run": "ab12"}.items()


def test_only_the_nodes_network_asks_for_a_privileged_namespace():
    levels = {kind: ORDER.namespace(kind)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
              for kind in ("pods", "hosts")}  # fmt: skip
    assert levels == {"pods": "restricted", "hosts": "privileged"}


def test_no_proxy_stands_beside_the_load():
    meta = pod()["metadata"]
    assert meta["labels"]["sidecar.istio.io/inject"] == "false"
    assert meta["annotations"]["linkerd.io/inject"] == "disabled"


STATUS = [{"name": "cbr0", "interface": "eth0", "ips": ["10.0.0.2"]},
          {"name": "kube-system/fast", "interface": "net1", "ips": ["10.9.0.2"]}]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "found"),
    [("kube-system/fast", ("10.9.0.2", "net1")), ("fast@net1", ("10.9.0.2", "net1")),
     ("slow", ("", ""))],
)  # fmt: skip
def test_the_second_network_is_the_one_that_was_asked_for(asked, found):
    annotations = {"k8s.v1.cni.cncf.io/network-status": json.dumps(STATUS)}
    assert second_address({"metadata": {"annotations": annotations}}, asked) == found
    assert second_address({"metadata": {}}, asked) == ("", "")


@pytest.mark.parametrize("status", ["", "no JSON", "{}", "7", '["a"]', '[{"name": 7}]', "null"])
def test_an_annotation_that_is_something_else_has_no_address(status):
    annotations = {"k8s.v1.cni.cncf.io/network-status": status}
    assert second_address({"metadata": {"annotations": annotations}}, "fast") == ("", "")

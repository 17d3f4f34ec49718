"""Between which two nodes a cluster is measured, and which are refused."""

import pytest

from cniperf.beds.k8s.nodes import Node, choose
from cniperf.errors import CniperfError


def node(name, *, ready="True", arch="amd64", kernel="6.1.0", cordoned=False, more=()):
    return Node.read({
        "metadata": {"name": name},
        "spec": {"unschedulable": cordoned},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.168.20.42"},
                          {"type": "InternalIP", "address": "fd00::1"},
                          {"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": ready, "message": "kubelet is silent"}, *more],
            "nodeInfo": {"architecture": arch, "kernelVersion": kernel, "operatingSystem": "linux"},
        },
    })  # fmt: skip


def test_two_that_fit_are_found():
    found = [node("a", ready="Unknown"), node("b", arch="arm64"), node("c"), node("d")]
    assert [each.name for each in choose(found, "")] == ["c", "d"]


def test_the_first_address_counts():
    assert node("a").address == "192.168.20.42"


def test_those_that_are_named_are_taken_in_their_order():
    assert [each.name for each in choose([node("a"), node("b")], "b,a")] == ["b", "a"]


NO_NETWORK = {"type": "NetworkUnavailable", "status": "True"}


@pytest.mark.parametrize(
    ("found", "asked", "words"),
    [
        ([node("a"), node("b")], "a,a", "two different nodes"),
        ([node("a"), node("b")], "a,c", "unknown node 'c'; did you mean|unknown node 'c'"),
        (
            [node("a"), node("b", ready="False")],
            "a,b",
            r"node b is not Ready \(kubelet is silent\)",
        ),
        ([node("a"), node("b", cordoned=True)], "a,b", "node b is cordoned: kubectl uncordon"),
        ([node("a"), node("b", more=[NO_NETWORK])], "a,b", "NetworkUnavailable"),
        ([node("a"), node("b", arch="arm64")], "a,b", "unlike: amd64 and arm64"),
        ([node("a"), node("b", kernel="6.12")], "a,b", "--unlike-nodes"),
        ([node("a")], "", "1 of 1 nodes are suitable"),
        ([], "", "0 of 0"),
        ([node("a"), node("b", ready="False")], "", "b is not Ready"),
        ([node("a"), node("b", kernel="6.12")], "", "b has amd64 and kernel 6.12"),
    ],
)
def test_what_does_not_fit_is_said(found, asked, words):
    with pytest.raises(CniperfError, match=words):
        choose(found, asked)


def test_other_kernels_are_taken_where_that_is_wanted():
    found = [node("a"), node("b", kernel="6.12")]
    assert choose(found, "a,b", unlike=True) == tuple(found) == choose(found, "", unlike=True)


def test_a_node_that_has_just_joined_is_not_ready():
    found = [Node.read({"metadata": {"name": "a"}}), node("b")]
    with pytest.raises(CniperfError, match="node a is not Ready"):
        choose(found, "a,b")

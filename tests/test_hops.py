"""The points that follow from a scheme's hops; no machine is touched."""

import pytest

from cniperf.hops import ROUTED, points
from cniperf.hosts import ARTICLE_HOSTS
from cniperf.plan import make_plan
from cniperf.schemes import all_schemes
from cniperf.steps import created_devices

SCHEMES = list(all_schemes().values())
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)


def of(scheme, wants):
    a, b = (scheme.hops(host) for host in ARTICLE_HOSTS)
    return [str(p) for p in points(a, b, ("port-a", "port-b")) if p.wants == wants]


def test_a_routed_and_wrapped_path_is_counted_from_pod_to_pod():
    assert of(all_schemes()["canal"], "all") == [
        "pod-a:canal-c", "a:canal-h", "a:prerouting", "a:forward", "a:postrouting", "a:flannel.1",
        "a:eth0 (in VXLAN)", "wire:port-a (in VXLAN)", "wire:port-b (in VXLAN)",
        "b:eth0 (in VXLAN)", "b:flannel.1", "b:prerouting", "b:forward", "b:postrouting",
        "b:canal-h", "pod-b:canal-c",
    ]  # fmt: skip
    assert {"a:eth0", "wire:port-a", "a:local"} <= set(of(all_schemes()["canal"], "none"))


def test_a_bypassed_stack_must_see_nothing():
    hooks = {f"{host}:{hook}" for host in "ab"
             for hook in ("prerouting", "forward", "postrouting", "local")}  # fmt: skip
    for name in ("macvlan", "ovs"):
        assert hooks <= set(of(all_schemes()[name], "none"))
    lent = {name for name in hooks if not name.endswith("local")}  # by br_netfilter
    assert lent == set(of(all_schemes()["ovs-bridge"], "any"))
    assert "a:forward" in of(all_schemes()["hostnetwork"], "none")


def test_an_ipvlan_in_mode_l3_passes_the_stack_on_its_way_out_only():
    scheme = all_schemes()["ipvlan-l3"]
    assert of(scheme, "there") == ["a:local", "a:postrouting"]
    assert of(scheme, "back") == ["b:local", "b:postrouting"]
    assert {"a:forward", "a:prerouting", "b:forward"} <= set(of(scheme, "none"))


def test_a_translation_holds_from_the_nic_on_and_before_the_hosts_hooks_on_the_way_back():
    a, b = (all_schemes()["docker-nat"].hops(host) for host in ARTICLE_HOSTS)
    ways = {str(p): p.translated for p in points(a, b, ("port-a",)) if p.wants == "all"}
    assert [name for name, way in ways.items() if not way] == [
        "pod-a:docker-c", "a:docker-h", "a:docker0", "a:forward", "a:postrouting",
    ]  # fmt: skip
    assert [name for name, way in ways.items() if way == "back"] == ["a:prerouting"]
    assert not any(p.translated for p in points([*a[:3], ROUTED, a[-1]], b))


@every_scheme
def test_every_scheme_is_counted_on_both_hosts_alike(scheme):
    wanted = [name for name in of(scheme, "all") if not name.startswith("wire")]
    a = [name.replace("pod-a", "pod").removeprefix("a:") for name in wanted if "a:" in name[:6]]
    b = [name.replace("pod-b", "pod").removeprefix("b:") for name in wanted if "b:" in name[:6]]
    assert a and sorted(a) == sorted(b)


@every_scheme
def test_hops_are_devices_that_the_plan_makes(scheme):
    for side in make_plan(scheme):
        made = {name for step in side.steps for name in created_devices(step)}
        devices = {
            p.name for p in points(scheme.hops(side.host), scheme.hops(side.host))
            if p.kind == "device"
        }  # fmt: skip
        assert devices <= made | {side.host.nic}

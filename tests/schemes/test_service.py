"""Services before host b's pods: where their address is seen, and that each leads to its pod."""

import pytest

from cniperf.beds.lab.bed import Lab
from cniperf.hops import points
from cniperf.hosts import ARTICLE_HOSTS, Pod
from cniperf.measure.evidence import greet_others, prove
from cniperf.measure.run import run as measure
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.runs import load_evidence, load_runs
from cniperf.schemes import find

NAMES = ("service-chain-10", "service-chain-10000", "service-map-10", "service-map-10000")


@pytest.mark.parametrize("name", NAMES)
def test_only_host_bs_pods_are_behind_a_service(name):
    a, b = make_plan(name)
    assert (a.endpoint.target, b.endpoint.target) == ("172.28.0.3", "10.96.0.10")
    assert b.endpoint.address == "172.28.1.3"
    for side in (a, b):  # a proxy on each node has all services
        assert "10.96.0.10" in side.script() and "dnat to 172.28.1.3" in side.script()


def test_the_services_address_is_seen_before_host_as_routing_only():
    a, b = (find("service-map-10").hops(host) for host in ARTICLE_HOSTS)
    seen = {f"{point.place}:{point.name}": point.translated for point in points(a, b)
            if point.wants == "all"}  # fmt: skip
    assert {place: way for place, way in seen.items() if way} == {
        "pod-a:calico-c": "both", "a:calico-h": "both", "a:prerouting": "there"
    }  # fmt: skip


@pytest.mark.parametrize("how", ["chain", "map"])
def test_each_pod_has_a_service_of_its_own(how):
    host = ARTICLE_HOSTS[1]
    pods = Pod.several("pod-b", 3)
    assert len({find(f"service-{how}-10").endpoint(host, pod).target for pod in pods}) == 3


@pytest.mark.lab
@pytest.mark.parametrize("name", ["service-chain-10", "service-map-10"])
def test_each_pod_is_reached_by_its_own_service(name):
    with Lab(pairs=3) as lab:
        plan = make_plan(name, *lab.hosts)
        lab.apply(plan)
        assert prove(lab, plan).problem == ""
        greet_others(lab, plan)
        rules = lab.command("a", ["nft", "list", "table", "ip", "cniperf_services"])
        assert rules.count("goto ") == 9 + 3 and rules.count("dnat to") == 3
        lab.undo(plan)
        assert "cniperf_services" not in lab.command("a", ["nft", "list", "ruleset"])


@pytest.mark.lab
@pytest.mark.parametrize("mode", ["stream", "crr"])
def test_a_load_goes_to_the_service(mode, tmp_path):
    asked = Experiment.of(scheme="service-map-10", mode=mode, duration=1, data_dir=tmp_path)
    measure(asked)
    runs = load_runs(tmp_path)
    assert runs["status"].tolist() == ["ok"] and runs["figure"][0] > 0
    hops = load_evidence(runs["path"][0])["hops"]
    assert [hop["translated"] for hop in hops if hop["name"] == "calico-h"] == ["both", ""]

"""Loads in IPv6, and BIG TCP: short ones, as only that they are what they say is judged."""

import pytest

import cniperf
from cniperf.analysis.compare import heading
from cniperf.analysis.loss import conditions
from cniperf.params import Experiment
from cniperf.runs import load_evidence, load_runs

pytestmark = pytest.mark.lab

HEADERS = 72  # bytes: IPv6 40, TCP 20, timestamps 12


@pytest.mark.parametrize("asked", [
    {"scheme": "calico", "rounds": 1},
    {"scheme": "flannel-vxlan", "direction": "reverse", "streams": 2},
    {"scheme": "macvlan", "pairs": 2},
    {"scheme": "docker-nat", "generator": "iperf", "duration": 2},
    {"scheme": "service-map-10", "mode": "crr"},
    {"scheme": "hostnetwork", "mode": "udp"},
], ids=lambda asked: " ".join(map(str, asked.values())))  # fmt: skip
def test_every_load_goes_in_ipv6(tmp_path, asked):
    quick = {"duration": 1, "omit": 0, "ip": 6, "data_dir": tmp_path}
    cniperf.run(Experiment.of(**{**quick, **asked}))
    runs = load_runs(tmp_path)
    assert set(runs["status"]) == {"ok"} and set(runs["ip"]) == {6}
    for run in runs.to_dict("records"):
        assert run["figure"] > 0 and "mtu" not in run["flags"]
        if run["mss"] == run["mss"]:
            assert run["mss"] == run["pod_mtu"] - HEADERS
        said = load_evidence(run["path"])
        assert said["ip"] == 6 and all(":" in address for address in said["pods"].values())
    ((condition, _),) = conditions(runs)
    assert "IPv6" in heading(condition)


def test_both_versions_are_compared_in_one_suite_and_never_in_one_ratio(tmp_path):
    for ip in (4, 6):
        cniperf.run(Experiment.of(scheme="calico", ip=ip, duration=1, data_dir=tmp_path))
    found = list(conditions(load_runs(tmp_path)))
    assert sorted(condition["ip"] for condition, _ in found) == [4, 6]
    headings = [heading(each, [other for other, _ in found]) for each, _ in found]
    assert "IPv4" in headings[0] and "IPv6" in headings[1]

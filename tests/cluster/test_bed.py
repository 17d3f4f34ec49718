"""Bed k8s in a real cluster: what a run measures there, and that nothing of it is left."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import cniperf
from cniperf.beds.k8s import client
from cniperf.beds.k8s.manifests import OURS
from cniperf.beds.k8s.sweep import sweep
from cniperf.errors import CniperfError
from cniperf.runs import load_evidence
from cniperf.timeline import load_turns

pytestmark = [pytest.mark.lab, pytest.mark.cluster, pytest.mark.timeout(300)]

SOON = 60.0  # seconds that a namespace may take to go


@pytest.fixture
def reached(cluster):
    """The cluster as the bed reaches it; at the end nothing of ours is in it."""
    found = client.Cluster.connect(cluster.kubeconfig)
    yield found
    assert settled(found) == []
    found.close()


def left(reached):
    return [each["metadata"]["name"] for each in reached.list("Namespace", labels=OURS)]


def settled(reached):
    """What of ours is there, once deleting has had its time."""
    end = time.monotonic() + SOON
    while (found := left(reached)) and time.monotonic() < end:
        time.sleep(0.5)
    return found


@pytest.fixture
def given(cluster, tmp_path):
    """What every run here has in common: pods of this machine's kernel may not have cubic."""
    return {
        "bed": "k8s", "kubeconfig": cluster.kubeconfig, "nodes": ",".join(cluster.nodes),
        "image": cluster.image, "data_dir": tmp_path, "congestion": "reno",
    }  # fmt: skip


def measured(**parameters):
    (folder,) = cniperf.run(cniperf.Experiment.of(**parameters), lambda moment: None)
    return folder, json.loads((folder / "run.json").read_text())


def test_pods_take_turns_with_their_nodes_network(reached, given):
    folder, run = measured(scheme="pod-to-pod", **given)
    turns = load_turns(folder)
    assert set(turns["leg"]) == {"scheme", "hostnetwork"}
    assert turns.groupby(["sitting", "block"])["leg"].value_counts().eq(2).all()
    assert (turns["drained"].shift() < turns["began"]).iloc[1:].mean() > 0.9
    assert run["summary"]["gbps"] > 0.1 and run["summary"]["base"] > 0.1
    assert run["summary"]["cpu_per_gb_b"] > 0 and run["summary"]["base_cpu_per_gb_b"] > 0
    assert run["params"]["slice"] == 0.03 and run["bed"]["nodes"]["a"]["name"] == "node-a"
    assert sorted(file.name for file in folder.iterdir()) == [
        "evidence.json", "host-a.sh", "host-b.sh", "run.json", "turns.csv"
    ]  # fmt: skip


def test_the_devices_show_the_way_of_the_packets(reached, given):
    folder, _ = measured(scheme="pod-to-pod", duration=1, **given)
    found = load_evidence(folder)
    assert found["arrived"]["there"] >= 1900 and found["counted_by"] == "devices"
    way = [(hop["place"], hop["name"].rstrip("0123456789abcdef")) for hop in found["hops"]]
    assert way[0] == ("pod-a", "eth") and way[-1] == ("pod-b", "eth")
    assert way.index(("a", "cni")) < way.index(("a", "eth")) < way.index(("b", "eth"))
    assert not any(hop["wrapped"] for hop in found["hops"])
    # The cluster's bridge plugin knows no policy.
    assert found["policy"] == {"sent": 20, "dropped": 0, "arrived": 20}


@pytest.mark.parametrize("scheme", ["hostnetwork", "pod-to-service", "same-node"])
def test_each_scheme_leaves_a_whole_run(reached, given, scheme):
    _, run = measured(scheme=scheme, duration=1, **given)
    assert run["status"] == "ok" and run["summary"]["log_ratio"] is not None
    assert (run["summary"]["cpu_per_gb_b"] is None) == (scheme == "same-node")


@pytest.mark.parametrize("mode", ["rr", "udp"])
def test_another_load_has_runs_of_its_own(reached, given, mode):
    given.pop("congestion")
    _, run = measured(scheme="pod-to-pod", mode=mode, duration=1, **given)
    assert run["summary"]["per_second"] > 10 and run["params"]["design"] == "separate"


WRONG = {
    "unknown node": ({"nodes": "node-a,node-x"}, "unknown node 'node-x'"),
    "one node twice": ({"nodes": "node-a,node-a"}, "two different nodes"),
    "unknown context": ({"context": "nowhere"}, "'nowhere'"),
    "no such file": ({"kubeconfig": Path("/nowhere/config")}, "/nowhere/config"),
    "image that cannot be pulled": ({"image": "localhost:1/none:1"}, "--image"),
    "congestion that pods may not have": ({"congestion": "cubic"}, "its node allows"),
    "another MTU": ({"mtu": 1400}, "give mtu=1500"),
    "a second network without Multus": (
        {"scheme": "secondary-network", "network": "kube-system/none"}, "no second network"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_go_is_one_line_and_leaves_nothing(reached, given, name):
    changes, words = WRONG[name]
    asked = {"scheme": "pod-to-pod", "duration": 1, **given, **changes}
    with pytest.raises(CniperfError) as told:
        measured(**asked)
    assert words in str(told.value) and "\n" not in str(told.value)
    assert not list(given["data_dir"].glob("*/run.json")) or "congestion" in name


def started(given, *more):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return subprocess.Popen(
        [sys.executable, "-m", "cniperf", "run", "pod-to-pod", "--rounds", "1", *words, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("after", [0.5, 2.0, 4.0, 8.0])
def test_a_run_that_is_killed_leaves_nothing(reached, given, after):
    process = started(given)
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert settled(reached) == []


def test_a_run_that_is_stopped_leaves_nothing(reached, given):
    process = started(given)
    time.sleep(5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143 and err.count("\n") == 1, (out, err)
    assert settled(reached) == []


def test_an_api_server_that_pauses_in_the_middle_ends_no_run_half(cluster, reached, given):
    if cluster.rig is None:
        pytest.skip("the API server of this cluster is not the tests' own")
    process = started(given)
    time.sleep(9)
    cluster.rig.control.pause_api_server()
    try:
        timer = threading.Timer(20, cluster.rig.control.resume_api_server)
        timer.start()
        out, err = process.communicate(timeout=200)
    finally:
        cluster.rig.control.resume_api_server()
    assert "Traceback" not in out + err
    (run,) = [json.loads(file.read_text()) for file in given["data_dir"].glob("*/run.json")]
    assert (run["status"] == "ok") == (process.returncode == 0), err
    assert not list(given["data_dir"].glob(".partial*"))


def test_sweeping_takes_exactly_ours(reached, cluster):
    for name, labels in (("ours-test", {**OURS, "cniperf/run": "abc"}), ("theirs-test", OURS)):
        reached.create({"apiVersion": "v1", "kind": "Namespace",
                        "metadata": {"name": name, "labels": labels}})  # fmt: skip
    try:
        words = [sys.executable, "-m", "cniperf", "clean", "--bed", "k8s",
                 "--kubeconfig", str(cluster.kubeconfig)]  # fmt: skip
        assert "removed: ours-test" in subprocess.check_output(words, text=True)
        assert sweep(reached) == [] and "theirs-test" in left(reached)
    finally:
        reached.delete("Namespace", "theirs-test")

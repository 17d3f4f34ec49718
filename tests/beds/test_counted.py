"""The bed that counts instructions: real guests, whose figures no other load on the machine moves."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import cannot_here

from cniperf.beds import counted
from cniperf.beds.bottle import qemu
from cniperf.errors import MeasurementFailed
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.runs import load_evidence, load_raw, load_runs

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

BUSY = "import time; end = time.time() + 300\nwhile time.time() < end: pass"


@pytest.fixture(autouse=True)
def _can():
    if gone := qemu.missing():
        cannot_here(f"no guest without {', '.join(gone)}")


def asked(scheme, **more):
    return Experiment.of(scheme=scheme, bed="counted", **more)


def told(experiment, seed=1):
    """Everything that a guest told, but for the versions of its tools."""
    found = counted.measure(experiment, seed, lambda text: None)
    assert "error" not in found.found, found.found["error"]
    return found.facts, found.found


def test_the_same_seed_gives_the_same_digits_however_busy_the_machine_is():
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(told, [asked("calico")] * 2)
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in os.sched_getaffinity(0)]
    try:
        third = told(asked("calico"))
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    assert first == second == third
    other = told(asked("calico"), seed=2)
    assert other[1]["files"] != first[1]["files"], "a seed changes nothing: is it used?"


def measured(tmp_path, scheme, **more):
    run(asked(scheme, data_dir=tmp_path, **more), lambda moment: None)


def test_schemes_come_in_the_articles_order(tmp_path):
    """With every offload, as a NIC of today has them."""
    order = ["hostnetwork", "macvlan", "ovs", "calico", "flannel-hostgw", "canal", "flannel-vxlan"]
    for scheme in order:
        measured(tmp_path, scheme, nic="offload")
    runs = load_runs(tmp_path).set_index("scheme")
    assert runs["status"].eq("ok").all()
    assert list(runs["figure"].sort_values().index) == order
    assert runs["gbps"].isna().all(), "this clock is none: it has no Gbit/s"
    assert runs.loc["ovs", "ovs_datapath"] == "system"
    for path in runs["path"]:
        assert load_evidence(path)["problem"] == ""
        assert set(load_raw(path)) == {"iperf3-client.json", "iperf3-server.json"}


def test_the_way_of_copying_moves_every_figure(tmp_path):
    measured(tmp_path, "hostnetwork")
    measured(tmp_path, "hostnetwork", erms=True)
    runs = load_runs(tmp_path).set_index("erms")
    assert runs.loc[True, "figure"] > 2 * runs.loc[False, "figure"]


def test_a_cpu_that_waited_has_no_figure():
    assert counted.per_byte(used=1.0, gbps=8.0) == 1.0
    with pytest.raises(MeasurementFailed, match="waited for 50% of the time"):
        counted.per_byte(used=0.5, gbps=8.0)

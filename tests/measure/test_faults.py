"""Faults planted in real labs: each is caught by the check that is meant for it."""

import subprocess
import sys

import pytest

from cniperf.analysis.flags import flag_table
from cniperf.beds.lab.bed import Lab
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.runs import load_runs

# A hypervisor that moves the CPUs meanwhile is none of the faults here.
pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.usefixtures("one_placement")]


def measured(tmp_path, scheme="hostnetwork", number=1, duration=1):
    """Leave a run of a suite and return its throughput."""
    (folder,) = run(
        Experiment.of(
            scheme=scheme, design="separate", duration=duration, omit=0, suite="s", first_round=number,
            data_dir=tmp_path,
        ),
        progress=lambda moment: None,
    )  # fmt: skip
    return float(load_runs(folder)["gbps"].iloc[0])


@pytest.fixture
def plant(monkeypatch):
    """Do something in the lab after it is wired."""
    wire = Lab.apply

    def planted(fault):
        def apply(self, plan, **by):
            wire(self, plan, **by)
            fault(self)

        monkeypatch.setattr(Lab, "apply", apply)

    return planted


def capped(gbps):
    """Return a fault: a rate limit on the wire towards host b."""

    def tbf(lab):
        wire = ["ip", "netns", "exec", lab.names.wire, "tc", "qdisc", "add", "dev", "port-b"]
        shape = ["root", "tbf", "rate", f"{gbps:.3f}gbit", "burst", "1mb", "latency", "20ms"]
        subprocess.run([*wire, *shape], check=True)

    return tbf


def test_a_rate_cap_in_one_round_is_caught_by_that_rounds_number(tmp_path, plant):
    plant(capped(4))  # the machine's own speed is no matter: every round has a wire of 4 Gbit/s
    for number in (1, 2, 3, 5):
        measured(tmp_path, number=number)
    plant(capped(0.8))
    measured(tmp_path, number=4)
    odd = flag_table(load_runs(tmp_path))
    assert odd[odd["kind"].eq("round")]["round"].tolist() == [4]


def test_a_wire_slower_than_both_cpus_is_caught(tmp_path, plant):
    measured(tmp_path, number=1, duration=2)
    plant(capped(2))
    measured(tmp_path, number=2, duration=2)
    runs = load_runs(tmp_path).set_index("round")
    told = runs[["gbps", "cpu_a", "cpu_b", "flags"]].to_string()
    assert "wire" not in runs["flags"][1].split(","), told
    assert "wire" in runs["flags"][2].split(","), told


def test_a_busy_loop_on_the_servers_cpu_is_caught_as_others(tmp_path, plant):
    measured(tmp_path, number=1)
    loops = []

    def busy(lab):
        cpu = str(lab.cpus["b"][0])
        loops.append(subprocess.Popen(["taskset", "-c", cpu, sys.executable, "-c", LOOP]))

    plant(busy)
    try:
        measured(tmp_path, number=2, duration=2)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    runs = load_runs(tmp_path).set_index("round")
    assert "others" in runs["flags"][2].split(",")
    assert runs["others"][2] > 25


LOOP = "import time; end = time.time() + 30\nwhile time.time() < end: pass"


def test_an_mtu_of_1400_in_one_pod_is_caught(tmp_path, plant):
    measured(tmp_path, "macvlan", number=1)

    def small(lab):
        pod = lab.names.pod("b")
        subprocess.run(["ip", "-n", pod, "link", "set", "macvlan0", "mtu", "1400"], check=True)

    plant(small)
    measured(tmp_path, "macvlan", number=2)
    runs = load_runs(tmp_path).set_index("round")
    assert "mtu" not in runs["flags"][1].split(",")
    assert "mtu" in runs["flags"][2].split(",")


def test_a_quiet_run_tells_what_its_cpus_did(tmp_path):
    measured(tmp_path, duration=2)
    run_ = load_runs(tmp_path).iloc[0]
    assert 50 < run_["cpu_a"] <= 100 and 0 < run_["cpu_b"] <= 100
    assert run_["others"] >= 0 and run_["stolen"] >= 0
    assert run_["trend_low"] <= run_["trend"] <= run_["trend_high"]

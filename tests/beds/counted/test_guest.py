"""The bed that counts instructions: real guests, whose figures no other load on the machine moves."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT, cannot_here

from cniperf.beds.bottle import qemu
from cniperf.beds.counted import guest as counted
from cniperf.errors import MeasurementFailed, ParameterError
from cniperf.params import Experiment
from cniperf.runs import load_evidence, load_raw, load_runs, read_run

# Not alone: this guest's clock counts instructions, however busy the machine is.
pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(600)]

# The article's order: what costs least first.
ORDER = ["hostnetwork", "macvlan", "ovs", "calico", "flannel-hostgw", "canal", "flannel-vxlan"]
BUSY = "import time; end = time.time() + 300\nwhile time.time() < end: pass"


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A round of a suite with every offload, as a NIC of today has them."""
    if gone := qemu.missing():
        cannot_here(f"no guest without {', '.join(gone)}")
    folder = tmp_path_factory.mktemp("counted")
    command = [sys.executable, "-m", "cniperf", "suite", *ORDER, "--bed", "counted", "--rounds", "1",
               "--nic", "offload", "--no-erms", "--data-dir", folder / "data", "--out-dir",
               folder / "out"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (folder / "out/report.pdf").exists()
    return load_runs(folder / "data").set_index("scheme")


def told(scheme="calico", rounds=1, **more):
    """What the generator said in a guest, and all that was drawn by chance there."""
    asked = Experiment.of(scheme=scheme, bed="counted", nic="offload", rounds=rounds, **more)
    with counted.Counting() as bed:
        found = bed.measure(asked, lambda text: None).found
    assert "error" not in found, found["error"]
    return found


def figure(load):
    """Instructions a byte of a load."""
    said = json.loads(load["files"]["iperf3-client.json"])["end"]["sum_received"]
    return counted.per_byte(load["used"], said["bits_per_second"] / 1e9)


def test_schemes_come_in_the_articles_order(suite):
    assert suite["status"].eq("ok").all()
    figures = suite["figure"].sort_values()
    assert list(figures.index) == ORDER, figures.to_dict()
    assert suite["meter"].eq("instructions").all()
    assert suite["gbps"].isna().all(), "this clock is none: it has no Gbit/s"
    assert suite.loc["ovs", "ovs_datapath"] == "system"
    for path in suite["path"]:
        assert load_evidence(path)["problem"] == ""


@pytest.mark.parametrize("scheme", ["hostnetwork", "macvlan", "ovs", "calico", "flannel-hostgw"])
def test_a_load_has_its_whole_window_from_the_start(suite, scheme):
    """The receiver's is the most that its buffer allows, and slow start did not end below it."""
    path = suite.loc[scheme, "path"]
    said = json.loads(load_raw(path)["iperf3-client.json"])
    windows = [each["streams"][0]["snd_wnd"] for each in said["intervals"]]
    most = int(read_run(Path(path)).environment.sysctl["net.ipv4.tcp_rmem"].split()[-1])
    assert most == 6 << 20 and min(windows) > 0.9 * most / 2  # half of the buffer is bookkeeping
    assert said["intervals"][0]["streams"][0]["snd_cwnd"] > windows[0]


def test_the_same_seed_gives_the_same_digits_however_busy_the_machine_is(suite):
    first = load_raw(suite.loc["calico", "path"])
    with ThreadPoolExecutor(2) as threads:
        second, both = threads.map(lambda rounds: told(rounds=rounds), [1, 2])
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in os.sched_getaffinity(0)]
    try:
        third = told()
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    assert first == second["loads"][0]["files"] == third["loads"][0]["files"]
    assert second == third  # the names of namespaces, too, which are drawn by chance
    one, other = both["loads"]
    assert one["files"] != other["files"], "a round is one draw of chance"
    assert figure(one) == pytest.approx(suite.loc["calico", "figure"], rel=0.02)
    assert figure(one) == pytest.approx(figure(other), rel=0.02)


def test_the_way_of_copying_moves_every_figure(suite):
    """A byte an instruction, where the CPU claims ERMS, is more than twice as dear as eight."""
    (load,) = told(scheme="hostnetwork", erms=True)["loads"]
    assert figure(load) > 2 * suite.loc["hostnetwork", "figure"]


def test_a_cpu_that_waited_has_no_figure():
    assert counted.per_byte(used=1.0, gbps=8.0) == 1.0
    with pytest.raises(MeasurementFailed, match="waited for 50 % of the time"):
        counted.per_byte(used=0.5, gbps=8.0)


@pytest.mark.parametrize(
    "more", [{"rate": 1.0}, {"pairs": 2}, {"mode": "rr"}, {"generator": "iperf"}]
)
def test_a_load_that_lets_the_cpu_wait_is_refused(more):
    with pytest.raises(ParameterError, match="does not go with bed='counted'"):
        Experiment.of(scheme="calico", bed="counted", **more)

"""Many pods on the same two hosts."""

import json
import subprocess

import pytest

import cniperf
from cniperf.beds.lab.bed import Lab
from cniperf.errors import MeasurementFailed
from cniperf.measure.evidence import greet_others
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.runs import load_runs
from cniperf.schemes import all_schemes

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("scheme", all_schemes())
def test_each_pair_of_each_scheme_reaches_its_own_peer(scheme):
    with Lab(pairs=3, ovs=all_schemes()[scheme].ovs) as lab:
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan)
        greet_others(lab, plan)
        lab.undo(plan)


def test_a_pair_that_is_cut_off_is_named():
    with Lab(pairs=3) as lab:
        plan = make_plan("calico", *lab.hosts)
        lab.apply(plan)
        cut = ["ip", "-n", lab.names.pod("b", 3), "link", "set", "calico-c3", "down"]
        subprocess.run(cut, check=True)
        with pytest.raises(MeasurementFailed, match=r"pair 3 \(172.28.0.5, 172.28.1.5\)"):
            greet_others(lab, plan)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["calico", "flannel-vxlan"])
def test_sixty_four_pairs_are_wired_proven_loaded_and_removed(tmp_path, scheme):
    """The load is less than the CPUs can do: 128 ends on two of them would not end in time."""
    asked = Experiment.of(scheme=scheme, pairs=64, duration=2, omit=1, data_dir=tmp_path,
                          design="separate", rate=0.005)  # fmt: skip
    (folder,) = cniperf.run(asked, lambda moment: None)
    summary = json.loads((folder / "run.json").read_text())["summary"]
    assert len(summary["pair_figures"]) == 64 and min(summary["pair_figures"]) > 0
    (row,) = load_runs(tmp_path).to_dict("records")
    assert row["gbps"] == pytest.approx(sum(summary["pair_figures"])) and row["jain"] > 0.1
    assert not [p for p in folder.iterdir() if p.name == "gate"]
    namespaces = subprocess.check_output(["ip", "netns", "list"], text=True)
    assert "-pod-" not in namespaces

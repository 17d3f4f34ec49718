import numpy as np
import pandas as pd
import pytest

from cniperf.analysis.claims import claims_table
from cniperf.analysis.completed import claims_of_both, completing, completing_of
from cniperf.runs import load_runs

OVS = {"ovs": 1.35, "ovs-bridge": 1.52}


@pytest.fixture
def runs(shelf):
    """A lab without Open vSwitch, and a guest that has it."""
    shelf.add_labs(hostnetwork=[1.0] * 8, macvlan=[0.98, 0.985] * 4, calico=[0.78, 0.79] * 4)
    for seed in (1, 2):
        for scheme, insn in {"hostnetwork": 1.12, "calico": 1.53, **OVS}.items():
            shelf.count(scheme, insn + seed / 1000, seed=seed, suite="s",
                        ovs_datapath="system" if scheme in OVS else None)  # fmt: skip
    return load_runs(shelf.folder)


def test_the_runs_of_a_suites_other_bed_complete_it(runs):
    found = completing(runs)
    assert runs[found]["bed"].unique().tolist() == ["counted"]
    own = runs[~found]
    assert completing_of(runs, own)["run"].tolist() == runs[found]["run"].tolist()


def test_which_runs_complete_hangs_on_no_number_of_theirs(runs):
    few = pd.concat([runs[completing(runs)], runs[~completing(runs)].head(3)])
    assert few["bed"].value_counts().to_dict() == {"counted": 8, "lab": 3}
    assert few[completing(few)]["bed"].unique().tolist() == ["counted"]


def test_another_suite_and_runs_outside_suites_complete_nothing(runs):
    for name in ("", "other"):
        apart = runs.assign(suite=runs["suite"].where(runs["bed"].eq("lab"), name))
        assert not completing(apart).any()


def test_a_claim_is_judged_by_the_guest_where_the_lab_cannot(runs):
    own = runs[~completing(runs)]
    table = claims_of_both(own, completing_of(runs, own)).set_index("claim")
    alone = claims_table(own).set_index("claim")
    through = ["ovs is next after macvlan", "ovs with a Linux bridge is slower than ovs",
               "calico is slower than ovs"]  # fmt: skip
    assert table.index[table["completed"].astype(bool)].tolist() == through
    assert table.loc["ovs is next after macvlan", "ours"] == pytest.approx(
        1.12 / 1.35 - 1, abs=2e-3
    )
    assert table.loc[through, "direction"].tolist() == ["holds"] * 3
    rest = [claim for claim in table.index if claim not in through]
    assert table.loc[rest, alone.columns].equals(alone.loc[rest])


def test_without_a_guest_the_table_is_the_labs(runs):
    own = runs[~completing(runs)]
    table = claims_of_both(own, own.iloc[:0])
    assert not table["completed"].any() and np.isnan(table["ours"]).sum() >= 3

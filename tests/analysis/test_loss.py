import numpy as np
import pytest

from cniperf.analysis.loss import changes, conditions, loss_table
from cniperf.runs import load_runs


def test_in_a_suite_a_run_is_set_against_the_baseline_of_its_own_round(shelf):
    for number, (base, calico) in enumerate([(20.0, 10.0), (40.0, 30.0)], 1):
        shelf.add("hostnetwork", base, suite="s", round=number)
        shelf.add("calico", calico, suite="s", round=number)
    found = changes(load_runs(shelf.folder), "calico", "hostnetwork")
    assert sorted(found) == [-0.5, -0.25]


def test_outside_a_suite_a_run_is_set_against_the_median_baseline(shelf):
    for gbps in (10.0, 20.0, 60.0):
        shelf.add("hostnetwork", gbps)
    shelf.add("calico", 15.0)
    assert changes(load_runs(shelf.folder), "calico", "hostnetwork").tolist() == [-0.25]


def test_without_a_baseline_no_loss_is_told(shelf):
    shelf.add("calico", 15.0)
    table = loss_table(load_runs(shelf.folder))
    assert np.isnan(table.loc["calico", "loss"]) and table.loc["calico", "gbps"] == 15.0


def test_the_table_has_median_and_extremes(shelf):
    shelf.add("hostnetwork", 20.0)
    for gbps in (10.0, 12.0, 16.0):
        shelf.add("calico", gbps)
    row = loss_table(load_runs(shelf.folder)).loc["calico"]
    assert (row["gbps_low"], row["gbps"], row["gbps_high"]) == (10.0, 12.0, 16.0)
    assert row["loss"] == pytest.approx(0.4)
    assert (row["loss_low"], row["loss_high"]) == pytest.approx((0.2, 0.5))


def test_a_failed_scheme_stays_in_the_table_with_its_reason(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    row = loss_table(load_runs(shelf.folder)).loc["canal"]
    assert row["runs"] == 0 and row["failed"] == 1 and "refused" in row["error"]
    assert np.isnan(row["gbps"]) and np.isnan(row["loss"])


def test_a_failed_baseline_is_no_zero(shelf):
    shelf.add("hostnetwork")
    shelf.add("calico", 15.0)
    table = loss_table(load_runs(shelf.folder))
    assert np.isnan(table.loc["hostnetwork", "loss"]) and np.isnan(table.loc["calico", "loss"])


@pytest.mark.parametrize(
    "change",
    [{"nic": "plain"}, {"mtu": 9000}, {"streams": 4}, {"bed": "vm"}, {"duration": 60}],
)
def test_unlike_runs_never_meet_in_one_ratio(shelf, change):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 15.0, **change)
    groups = [group for _, group in conditions(load_runs(shelf.folder))]
    assert len(groups) == 2
    assert all(np.isnan(loss_table(g)["loss"].get("calico", np.nan)) for g in groups)


def test_the_userspace_datapath_is_marked(shelf):
    shelf.add("ovs", 1.0, ovs_datapath="netdev")
    shelf.add("ovs-bridge", 1.0, ovs_datapath="system")
    marked = loss_table(load_runs(shelf.folder))["userspace"]
    assert marked["ovs"] and not marked["ovs-bridge"]


def test_no_runs_give_an_empty_table(shelf):
    shelf.folder.mkdir()
    assert loss_table(load_runs(shelf.folder)).empty

import numpy as np
import pytest
from conftest import COUNTED

from cniperf.analysis.loss import conditions, loss_table, widest
from cniperf.runs import load_runs


def test_without_a_baseline_no_loss_is_told(shelf):
    shelf.add("calico", 15.0)
    table = loss_table(load_runs(shelf.folder))
    assert np.isnan(table.loc["calico", "loss"]) and table.loc["calico", "figure"] == 15.0


def test_the_table_has_median_and_extremes(shelf):
    shelf.add("hostnetwork", 20.0)
    for gbps in (10.0, 12.0, 16.0):
        shelf.add("calico", gbps)
    row = loss_table(load_runs(shelf.folder)).loc["calico"]
    assert (row["figure_low"], row["figure"], row["figure_high"]) == (10.0, 12.0, 16.0)
    assert row["loss"] == pytest.approx(0.4)
    assert np.isnan(row["loss_low"]) and np.isnan(row["loss_high"])  # three runs have no interval


def test_six_rounds_have_an_interval(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 6, calico=[15.0, 15.1, 15.2, 15.3, 15.4, 15.5])
    row = loss_table(load_runs(shelf.folder)).loc["calico"]
    assert 0.22 < row["loss_low"] < row["loss"] < row["loss_high"] < 0.26


def test_the_widest_interval_is_the_stop_rules(shelf):
    shelf.add_rounds(
        hostnetwork=[20.0] * 6, calico=[15.0, 15.1] * 3, canal=[4.0, 5.0, 6.0, 4.5, 5.5, 6.5]
    )
    scheme, half = widest(loss_table(load_runs(shelf.folder)))
    assert scheme == "canal" and 0.01 < half < 0.1


def test_a_scheme_without_an_interval_keeps_the_suite_going(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 6, calico=[15.0] * 6)
    shelf.add("canal", 5.0, suite="s", round=1)
    assert widest(loss_table(load_runs(shelf.folder))) == ("", np.inf)


def test_a_scheme_that_never_ran_does_not(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 6, calico=[15.0] * 6)
    shelf.add("ovs", suite="s", round=1)
    assert widest(loss_table(load_runs(shelf.folder))) == ("calico", 0.0)


def test_a_failed_scheme_stays_in_the_table_with_its_reason(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    row = loss_table(load_runs(shelf.folder)).loc["canal"]
    assert row["runs"] == 0 and row["failed"] == 1 and "refused" in row["error"]
    assert np.isnan(row["figure"]) and np.isnan(row["loss"])


def test_a_failed_baseline_is_no_zero(shelf):
    shelf.add("hostnetwork")
    shelf.add("calico", 15.0)
    table = loss_table(load_runs(shelf.folder))
    assert np.isnan(table.loc["hostnetwork", "loss"]) and np.isnan(table.loc["calico", "loss"])


@pytest.mark.parametrize(
    "change",
    [
        {"nic": "plain"},
        {"mtu": 9000},
        {"streams": 4},
        {"bed": "vm"},
        {"duration": 60},
        {"gro": "on"},
        {"udpcsum": True},
        {"erms": True},
        {"accelerator": "tcg"},
        {"meter": "instructions", "insn_per_byte": 1.0},
    ],
)
def test_unlike_runs_never_meet_in_one_ratio(shelf, change):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 15.0, **change)
    groups = [group for _, group in conditions(load_runs(shelf.folder))]
    assert len(groups) == 2
    assert all(np.isnan(loss_table(g)["loss"].get("calico", np.nan)) for g in groups)


def test_a_loss_of_instructions_is_one_minus_hostnetwork_over_the_scheme(shelf):
    for seed, (host, canal) in enumerate([(1.0, 2.0), (1.1, 2.0), (0.9, 2.0)], 1):
        shelf.count("hostnetwork", host, seed)
        shelf.count("canal", canal, seed)
    row = loss_table(load_runs(shelf.folder)).loc["canal"]
    assert [row["loss_low"], row["loss"], row["loss_high"]] == pytest.approx([0.45, 0.5, 0.55])
    assert row["figure"] == 2.0 and np.isnan(row["cost"])


def test_one_seed_has_a_loss_and_no_spread(shelf):
    shelf.count("hostnetwork", 1.0)
    shelf.count("canal", 2.0)
    row = loss_table(load_runs(shelf.folder)).loc["canal"]
    assert row["loss"] == 0.5 and np.isnan(row["loss_low"])


def test_guests_that_count_have_an_interval_and_each_hosts_share(shelf):
    for number, wobble in enumerate([1.0, 1.01, 0.99, 1.0, 1.02, 0.98], 1):
        here = {**COUNTED, "bed": "vm", "suite": "s", "round": number}
        shelf.add("hostnetwork", 1.5, **here, insn_per_byte=1.0)
        shelf.add("calico", 1.3, **here, insn_per_byte=1.25 * wobble, insn_per_byte_a=0.8,
                  insn_per_byte_b=0.45)  # fmt: skip
    row = loss_table(load_runs(shelf.folder)).loc["calico"]
    assert row["loss"] == pytest.approx(0.2)
    assert 0.18 < row["loss_low"] < 0.2 < row["loss_high"] < 0.22
    assert (row["insn_per_byte_a"], row["insn_per_byte_b"]) == (0.8, 0.45)


def test_the_userspace_datapath_is_marked(shelf):
    shelf.add("ovs", 1.0, ovs_datapath="netdev")
    shelf.add("ovs-bridge", 1.0, ovs_datapath="system")
    marked = loss_table(load_runs(shelf.folder))["userspace"]
    assert marked["ovs"] and not marked["ovs-bridge"]


def test_no_runs_give_an_empty_table(shelf):
    shelf.folder.mkdir()
    assert loss_table(load_runs(shelf.folder)).empty

import numpy as np
import pytest
from conftest import COUNTED

from cniperf.analysis.loss import conditions, loss_table, sittings, widest
from cniperf.errors import ParameterError
from cniperf.runs import load_runs


def test_without_a_baseline_no_loss_is_told(shelf):
    shelf.add("calico", 15.0)
    table = loss_table(load_runs(shelf.folder))
    assert np.isnan(table.loc["calico", "loss"]) and table.loc["calico", "figure"] == 15.0


def test_the_table_has_geometric_mean_and_extremes(shelf):
    shelf.add("hostnetwork", 20.0)
    for gbps in (8.0, 10.0, 12.5):
        shelf.add("calico", gbps)
    row = loss_table(load_runs(shelf.folder)).loc["calico"]
    found = [row["figure_low"], row["figure"], row["figure_high"]]
    assert found == pytest.approx([8.0, 10.0, 12.5])
    assert row["loss"] == pytest.approx(0.5)
    assert np.isnan(row["loss_low"]) and np.isnan(row["loss_high"])  # hostnetwork ran once


def test_two_rounds_have_an_interval_and_one_has_none(shelf):
    shelf.add_rounds(hostnetwork=[20.0], calico=[15.0])
    assert np.isnan(loss_table(load_runs(shelf.folder)).loc["calico", "loss_low"])
    shelf.add_rounds(hostnetwork=[20.0] * 6, calico=[15.0, 15.1, 15.2, 15.3, 15.4, 15.5])
    row = loss_table(load_runs(shelf.folder)).loc["calico"]
    assert 0.22 < row["loss_low"] < row["loss"] < row["loss_high"] < 0.26


@pytest.mark.parametrize("rounds", [3, 7, 8, 13])
@pytest.mark.parametrize("design", ["separate", "interleaved"])
def test_figures_and_losses_agree_to_the_digit(shelf, rounds, design):
    """Gbit/s that imply 3.8 % beside a loss of 2.0 % are a defect."""
    dice = np.random.default_rng(rounds)
    for number in range(1, rounds + 1):
        machine = dice.lognormal(3, 0.2)
        for scheme, share in (("macvlan", 0.98), ("canal", 0.2)):
            own, cost = share * dice.lognormal(0, 0.05), dice.lognormal(0, 0.05)
            here = {"suite": "s", "round": number, "cpu_per_gb_a": cost, "cpu_per_gb_b": cost}
            if design == "interleaved":
                shelf.lab(
                    scheme, own, machine, **here, base_cpu_per_gb_a=0.2, base_cpu_per_gb_b=0.3
                )
            else:
                shelf.add(scheme, machine * own, **here)
        if design == "separate":
            here["cpu_per_gb_a"] = 0.4
            shelf.add("hostnetwork", machine, **here)
    table = loss_table(load_runs(shelf.folder))
    base = table.loc["hostnetwork"]
    for _, row in table.iterrows():
        assert row["figure"] == pytest.approx(base["figure"] * (1 - row["loss"]))
        assert row["cost"] == pytest.approx(base["cost"] * (1 + row["cost_more"]))
        assert row["figure_low"] <= row["figure"] <= row["figure_high"]
        assert row["loss_low"] <= row["loss"] <= row["loss_high"]
        assert row["cost_more_low"] <= row["cost_more"] <= row["cost_more_high"]


def test_a_lone_interleaved_scheme_has_a_loss_and_hostnetwork_a_figure(shelf):
    for ratio in (0.70, 0.71, 0.72):
        shelf.lab("calico", ratio)
    table = loss_table(load_runs(shelf.folder))
    assert list(table.index) == ["hostnetwork", "calico"]
    assert table.loc["hostnetwork", "figure"] == pytest.approx(20.0)
    assert table.loc["hostnetwork", "runs"] == 3
    assert 0.26 < table.loc["calico", "loss_low"] < 0.29 < table.loc["calico", "loss_high"] < 0.32


def test_two_placements_give_one_range_and_the_wider_interval_decides(shelf):
    for number in range(1, 7):
        for lie, share in ((1.5, 0.76), (4.7, 0.84)):
            share += (0.002 if lie < 2 else 0.004) * (-1) ** number
            shelf.lab("calico", share, suite="s", round=number, handover=[lie, lie])
    table = loss_table(load_runs(shelf.folder))
    row = table.loc["calico"]
    assert row["loss_low"] < 0.16 and row["loss_high"] > 0.24
    assert 0.003 < row["known"] < 0.01 and widest(table) == ("calico", row["known"])


def test_two_suites_are_two_sittings(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    for number in (1, 2):
        for scheme, gbps in (("hostnetwork", 30.0), ("calico", 29.0)):
            shelf.add(scheme, gbps, suite="t", round=number)
    shelf.add("calico", 1.0)
    found = {one["suite"]: group for one, group in sittings(load_runs(shelf.folder))}
    assert list(found) == ["s", "t", ""]
    losses = {name: loss_table(group)["loss"].get("calico") for name, group in found.items()}
    assert losses["s"] == pytest.approx(0.25) and losses["t"] == pytest.approx(1 / 30)


def test_two_suites_never_meet_in_one_table(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    shelf.add("hostnetwork", 30.0)
    with pytest.raises(ParameterError, match=r"several suites \(none, s\).*sittings"):
        loss_table(load_runs(shelf.folder))


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


def test_no_suite_stops_for_two_rounds_that_lie_close_by_chance(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 5, calico=[15.0] * 5)
    assert widest(loss_table(load_runs(shelf.folder))) == ("", np.inf)
    for scheme, gbps in (("hostnetwork", 20.0), ("calico", 15.0)):
        shelf.add(scheme, gbps, suite="s", round=6)
    assert widest(loss_table(load_runs(shelf.folder)))[0] == "calico"


def test_a_scheme_that_never_ran_does_not(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 6, calico=[15.0] * 6)
    shelf.add("ovs", suite="s", round=1)
    scheme, half = widest(loss_table(load_runs(shelf.folder)))
    assert scheme == "calico" and half == pytest.approx(0, abs=1e-12)


def test_a_failed_scheme_stays_in_the_table_with_its_reason(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    row = loss_table(load_runs(shelf.folder)).loc["canal"]
    assert row["runs"] == 0 and row["failed"] == 1 and "failed: no" in row["error"]
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


def test_a_rest_that_resets_tcps_window_is_a_condition_of_turns_alone(shelf):
    for idle_restart in (False, True):
        shelf.lab("calico", 0.75, idle_restart=idle_restart)
        shelf.add("calico", 15.0, idle_restart=idle_restart)
    found = {(each["design"], each["idle_restart"]): len(group)
             for each, group in conditions(load_runs(shelf.folder))}  # fmt: skip
    assert found == {("separate", False): 2, ("interleaved", False): 1, ("interleaved", True): 1}


def test_a_loss_of_instructions_is_one_minus_hostnetwork_over_the_scheme(shelf):
    for seed, (host, canal) in enumerate([(1.0, 2.0), (1.1, 2.0), (0.9, 2.0)], 1):
        shelf.count("hostnetwork", host, seed)
        shelf.count("canal", canal, seed)
    row = loss_table(load_runs(shelf.folder)).loc["canal"]
    assert [row["loss_low"], row["loss_high"]] == pytest.approx([0.45, 0.55])
    assert row["loss"] == pytest.approx(0.5, abs=0.002)
    assert row["figure"] == pytest.approx(2.0) and np.isnan(row["cost"])


def test_one_seed_has_a_loss_and_no_spread(shelf):
    shelf.count("hostnetwork", 1.0)
    shelf.count("canal", 2.0)
    row = loss_table(load_runs(shelf.folder)).loc["canal"]
    assert row["loss"] == pytest.approx(0.5) and np.isnan(row["loss_low"])


def test_guests_that_count_have_an_interval_and_each_hosts_share(shelf):
    for number, wobble in enumerate([1.0, 1.01, 0.99, 1.0, 1.02, 0.98], 1):
        here = {**COUNTED, "bed": "vm", "suite": "s", "round": number}
        shelf.add("hostnetwork", 1.5, **here, insn_per_byte=1.0)
        shelf.add("calico", 1.3, **here, insn_per_byte=1.25 * wobble, insn_per_byte_a=0.8,
                  insn_per_byte_b=0.45)  # fmt: skip
    row = loss_table(load_runs(shelf.folder)).loc["calico"]
    assert row["loss"] == pytest.approx(0.2, abs=1e-3)
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

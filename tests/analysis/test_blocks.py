import pytest

from cniperf.analysis.blocks import Blocks, broken_rounds
from cniperf.runs import load_runs


def test_in_a_suite_a_run_is_set_against_the_baseline_of_its_own_round(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 40.0], calico=[10.0, 30.0])
    assert sorted(Blocks(load_runs(shelf.folder)).changes("calico")) == [-0.5, -0.25]


def test_a_baseline_that_ran_twice_counts_with_its_mean(shelf):
    shelf.add_rounds(hostnetwork=[(18.0, 22.0)], calico=[10.0])
    assert Blocks(load_runs(shelf.folder)).changes("calico").tolist() == [-0.5]


def test_outside_a_suite_a_run_is_set_against_the_median_baseline(shelf):
    for gbps in (10.0, 20.0, 60.0):
        shelf.add("hostnetwork", gbps)
    shelf.add("calico", 15.0)
    assert Blocks(load_runs(shelf.folder)).changes("calico").tolist() == [-0.25]


def test_a_round_that_a_failure_broke_is_dropped_whole(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.0], calico=[10.0, 18.0], macvlan=[20.0])
    shelf.add("macvlan", suite="s", round=2)
    runs = load_runs(shelf.folder)
    assert broken_rounds(runs)[["round", "scheme"]].to_numpy().tolist() == [[2, "macvlan"]]
    assert Blocks(runs).changes("calico").tolist() == [-0.5]


def test_in_a_suite_only_the_placement_of_most_runs_counts(shelf):
    for number, lie in enumerate([1.5, 1.5, 4.7], 1):
        for scheme, gbps in (("hostnetwork", 20.0), ("calico", 10.0 + lie)):
            shelf.add(scheme, gbps, suite="s", round=number, handover=[lie, lie])
    shelf.add("calico", 1.0, suite="s", round=1, handover=[1.5, 4.7])
    shelf.add("macvlan", 19.0, handover=[4.7, 4.7])
    runs = load_runs(shelf.folder)
    assert Blocks(runs).changes("calico").tolist() == pytest.approx([-0.425, -0.425])
    assert "macvlan" in set(Blocks(runs).runs["scheme"])  # outside a suite it has no say


def test_a_scheme_that_never_ran_breaks_no_round(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.0], calico=[10.0, 18.0])
    for number in (1, 2):
        shelf.add("ovs", suite="s", round=number)
    runs = load_runs(shelf.folder)
    assert broken_rounds(runs).empty
    assert len(Blocks(runs).changes("calico")) == 2


def test_a_scheme_against_itself_is_no_change(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 30.0])
    blocks = Blocks(load_runs(shelf.folder))
    assert blocks.change("hostnetwork") == (0.0, 0.0, 0.0)
    assert blocks.change("calico").middle != blocks.change("calico").middle  # NaN


def test_without_a_shared_round_the_interval_resamples_both_sides(shelf):
    for place in range(8):
        shelf.add("hostnetwork", 20.0 + place % 3)
        shelf.add("calico", 10.0 + place % 2)
    found = Blocks(load_runs(shelf.folder)).change("calico")
    assert found.low < found.middle < found.high
    assert found.middle == pytest.approx(10.5 / 21 - 1)

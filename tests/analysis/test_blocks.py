import numpy as np
import pytest

from cniperf.analysis.blocks import Blocks, broken_rounds, that_count, usable
from cniperf.errors import ParameterError
from cniperf.runs import load_runs


def changes(shelf, scheme="calico"):
    (found,) = Blocks(load_runs(shelf.folder)).changes(scheme).values()
    return found.tolist()


def test_in_a_suite_a_run_is_set_against_the_baseline_of_its_own_round(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 40.0], calico=[10.0, 30.0])
    assert sorted(changes(shelf)) == pytest.approx([-0.5, -0.25])


def test_a_baseline_that_ran_twice_counts_with_its_geometric_mean(shelf):
    shelf.add_rounds(hostnetwork=[(16.0, 25.0)], calico=[10.0])
    assert changes(shelf) == pytest.approx([-0.5])


def test_outside_a_suite_a_run_is_set_against_the_geometric_mean_of_the_baseline(shelf):
    for gbps in (10.0, 20.0, 40.0):
        shelf.add("hostnetwork", gbps)
    shelf.add("calico", 15.0)
    assert Blocks(load_runs(shelf.folder)).change("calico").middle == pytest.approx(-0.25)


def test_an_interleaved_run_has_its_own_baseline_outside_any_suite(shelf):
    """`papermill run_scheme.ipynb -p scheme macvlan` by itself: no hostnetwork run anywhere."""
    for ratio, base in ((0.97, 20.0), (0.98, 30.0), (0.975, 25.0)):
        shelf.lab("macvlan", ratio, base)
    found = Blocks(load_runs(shelf.folder)).change("macvlan")
    assert found.middle == pytest.approx((0.97 * 0.98 * 0.975) ** (1 / 3) - 1)
    assert -0.04 < found.low < found.middle < found.high < -0.01


def test_the_control_does_not_enter_the_ratio_of_a_scheme(shelf):
    shelf.add_labs(hostnetwork=[1.1, 1.1], calico=[0.7, 0.7])
    assert Blocks(load_runs(shelf.folder)).change("calico").middle == pytest.approx(-0.3)
    assert Blocks(load_runs(shelf.folder)).change("hostnetwork") == (0, 0, 0)


def test_interleaved_schemes_are_set_against_each_other_within_a_round(shelf):
    shelf.add_labs(calico=[0.70, 0.80, 0.60], macvlan=[0.875, 1.0, 0.75])
    found = Blocks(load_runs(shelf.folder)).change("calico", "macvlan")
    assert found == pytest.approx((-0.2, -0.2, -0.2))


def test_schemes_that_share_no_round_are_still_set_against_each_other(shelf):
    for number, ratio in enumerate([0.70, 0.72, 0.71, 0.69]):
        shelf.lab("calico", ratio)
        shelf.lab("macvlan", ratio + 0.2 + number / 1000)
    found = Blocks(load_runs(shelf.folder)).change("calico", "macvlan")
    assert found.low < found.middle < found.high < 0


def test_cost_follows_the_same_way(shelf):
    for own, base in ((0.6, 0.5), (0.66, 0.55)):
        shelf.lab("calico", 0.8, cpu_per_gb_a=own / 2, cpu_per_gb_b=own / 2,
                  base_cpu_per_gb_a=base / 2, base_cpu_per_gb_b=base / 2)  # fmt: skip
    cost = Blocks(load_runs(shelf.folder), "cost")
    assert cost.change("calico") == pytest.approx((0.2, 0.2, 0.2))
    assert cost.figure("hostnetwork") == pytest.approx((0.5 * 0.55) ** 0.5)
    assert cost.figure("calico") == pytest.approx(1.2 * (0.5 * 0.55) ** 0.5)


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ({"nic": "offload"}, {"mtu": 9000}, r"nic offload, virtio; mtu 1500, 9000"),
        ({"mode": "rr", "per_second": 30_000.0}, {}, r"mode rr, stream"),
        ({"design": "interleaved", "base": 20.0, "log_ratio": 0.0}, {}, r"design interleaved, sep"),
    ],
)
def test_mixed_conditions_are_refused_by_what_differs(shelf, one, other, says):
    shelf.add("hostnetwork", 20.0, **one)
    shelf.add("calico", 15.0, **other)
    with pytest.raises(ParameterError, match=says):
        Blocks(load_runs(shelf.folder))


def test_a_round_that_a_failure_broke_is_dropped_whole(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.0], calico=[10.0, 18.0], macvlan=[20.0])
    shelf.add("macvlan", suite="s", round=2)
    runs = load_runs(shelf.folder)
    assert broken_rounds(runs)[["round", "scheme"]].to_numpy().tolist() == [[2, "macvlan"]]
    assert changes(shelf) == pytest.approx([-0.5])


def test_each_placement_is_estimated_by_itself_and_none_is_the_right_one(shelf):
    for number in range(1, 13):
        near = number > 3
        lie, gbps = (1.5, 15.0) if near else (4.7, 17.0)
        for scheme, figure in (("hostnetwork", 20.0), ("calico", gbps)):
            shelf.add(scheme, figure, suite="s", round=number, handover=[lie, lie])
    blocks = Blocks(load_runs(shelf.folder))
    each = blocks.each("calico")
    assert {name: round(one.middle, 3) for name, one in each.items()} == {
        "shared": -0.25, "apart": -0.15,
    }  # fmt: skip
    found = blocks.change("calico")
    assert found == pytest.approx((-0.25, (0.75 * 0.85) ** 0.5 - 1, -0.15))


def test_a_placement_counts_from_three_runs_of_each_scheme_on(shelf):
    def placed(**many):
        return {name: load_runs(shelf.folder).query("cache == @name") for name in many}

    for lie, times in ((1.5, 9), (4.7, 2)):
        for number in range(1, times + 1):
            shelf.lab("calico", 0.8, suite="s", round=number, handover=[lie, lie])
    assert that_count(placed(shared=9, apart=2)) == ["shared"]
    shelf.lab("calico", 0.8, suite="s", round=9, handover=[4.7, 4.7])
    assert that_count(placed(shared=9, apart=3)) == ["shared", "apart"]


def test_of_placements_with_fewer_than_three_runs_those_with_an_interval_count(shelf):
    for number, lie in enumerate([1.5, 1.5, 4.7], 1):
        shelf.lab("calico", 0.8, suite="s", round=number, handover=[lie, lie])
    assert set(Blocks(load_runs(shelf.folder)).each("calico")) == {"shared"}


def test_where_no_placement_has_enough_all_count(shelf):
    for number, lie in enumerate([1.5, 4.7], 1):
        shelf.lab("calico", 0.8, suite="s", round=number, handover=[lie, lie])
    assert set(Blocks(load_runs(shelf.folder)).each("calico")) == {"shared", "apart"}


def test_an_interleaved_round_need_not_lie_in_one_placement(shelf):
    for number in range(1, 9):
        for scheme, lie in (("calico", 1.5), ("macvlan", 4.7)):
            here = {"suite": "s", "round": number, "handover": [lie, lie]}
            shelf.lab(scheme, 0.8 + 0.001 * number, **here)
    blocks = Blocks(load_runs(shelf.folder))
    assert len(blocks.runs) == 16 and not np.isnan(blocks.change("macvlan").low)


def test_what_was_moved_does_not_count_nor_what_strayed_from_its_round(shelf):
    for number in (1, 2):
        for scheme, gbps in (("hostnetwork", 20.0), ("calico", 10.0)):
            shelf.add(scheme, gbps, suite="s", round=number, handover=[1.5, 1.5])
    shelf.add("calico", 1.0, suite="s", round=1, handover=[1.5, 4.7])
    shelf.add("calico", 1.0, suite="s", round=2, handover=[4.7, 4.7])
    shelf.add("hostnetwork", 1.0, suite="s", round=3, handover=[1.5, 4.7])
    found = usable(load_runs(shelf.folder))
    assert len(found) == 4 and set(found["round"]) == {1, 2}
    shelf.lab("macvlan", 0.9, handover=[1.5, 4.7])
    assert "macvlan" not in set(usable(load_runs(shelf.folder))["scheme"])


def test_a_single_run_of_the_separate_design_has_no_placement(shelf):
    shelf.add("hostnetwork", 20.0, handover=[1.5, 1.5])
    shelf.add("macvlan", 19.0, handover=[4.7, 4.7])
    assert Blocks(load_runs(shelf.folder)).change("macvlan").middle == pytest.approx(-0.05)


def test_a_failed_lab_breaks_no_round(shelf):
    shelf.add_labs(calico=[0.7, 0.8], macvlan=[0.9, 0.9])
    shelf.add("macvlan", suite="s", round=2, design="interleaved", slice=0.2)
    runs = load_runs(shelf.folder)
    assert broken_rounds(runs).empty and len(usable(runs)) == 4


def test_a_scheme_that_never_ran_breaks_no_round(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.0], calico=[10.0, 18.0])
    for number in (1, 2):
        shelf.add("ovs", suite="s", round=number)
    runs = load_runs(shelf.folder)
    assert broken_rounds(runs).empty
    assert len(changes(shelf)) == 2


def test_a_scheme_against_itself_is_no_change(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 30.0])
    blocks = Blocks(load_runs(shelf.folder))
    assert blocks.change("hostnetwork") == (0.0, 0.0, 0.0)
    assert blocks.change("calico").middle != blocks.change("calico").middle  # NaN


def test_without_a_shared_round_the_interval_holds_the_noise_of_both_sides(shelf):
    for place in range(8):
        shelf.add("hostnetwork", 20.0 + place % 3)
        shelf.add("calico", 10.0 + place % 2)
    found = Blocks(load_runs(shelf.folder)).change("calico")
    assert found.low < found.middle < found.high
    assert found.middle == pytest.approx(10.5 / 21 - 1, abs=0.005)

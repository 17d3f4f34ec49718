import numpy as np
import pytest

from cniperf.analysis.flags import CHECKS, flag_table, limits, two_modes
from cniperf.runs import load_runs

ODD = {
    "trend": {"trend": 0.3, "trend_low": 0.2, "trend_high": 0.4},
    "retransmits": {"retransmits": 50_000},
    "mtu": {"mss": 1348},
    "stolen": {"stolen": 9.0},
    "throttled": {"throttled": 0.4},
    "others": {"others": 60.0},
    "moved": {"handover": [1.5, 4.7]},
    "emulated": {"accelerator": "tcg"},
    "wire": {"cpu_a": 60.0, "cpu_b": 40.0},
}


def test_each_check_has_a_case_here():
    assert set(ODD) == set(CHECKS)


@pytest.mark.parametrize(("kind", "facts"), ODD.items())
def test_an_odd_run_has_its_flag_and_only_that_one(shelf, kind, facts):
    shelf.add("calico", 20.0)
    shelf.add("calico", 20.0, **facts)
    runs = load_runs(shelf.folder)
    assert runs["flags"].tolist() == ["", kind]
    (row,) = flag_table(runs).itertuples()
    assert row.kind == kind and row.run == runs["run"].iloc[1] and row.says


@pytest.mark.parametrize(
    "kind", ["trend", "stolen", "throttled", "others", "moved", "emulated", "wire"]
)
def test_a_count_has_no_flag_that_is_about_time(shelf, kind):
    run = {"bed": "vm", "meter": "instructions", "accelerator": "tcg", "insn_per_byte": 1.0}
    shelf.add("calico", 1.3, **{**run, **ODD[kind]})
    shelf.add("calico", 1.3, **{**run, **ODD[kind], "retransmits": 50_000})
    runs = load_runs(shelf.folder)
    assert runs["flags"].tolist() == ["", "retransmits"] and set(limits(runs)) == {""}


def test_a_fall_is_a_trend_too(shelf):
    shelf.add("calico", 20.0, trend=-0.3, trend_low=-0.4, trend_high=-0.2)
    (row,) = flag_table(load_runs(shelf.folder)).itertuples()
    assert row.says == "throughput fell by 30 % within the run"


def test_what_an_old_run_does_not_tell_is_not_flagged(shelf):
    shelf.add("calico", 20.0, **dict.fromkeys(
        ["cpu_a", "cpu_b", "stolen", "throttled", "others", "trend", "trend_low", "trend_high", "retransmits"]
    ))  # fmt: skip
    runs = load_runs(shelf.folder)
    assert runs["flags"].tolist() == [""] and limits(runs).tolist() == [""]


@pytest.mark.parametrize(
    ("cpu_a", "cpu_b", "held"),
    [(100, 50, "sender"), (50, 100, "receiver"), (99, 99, "both"), (50, 50, "wire")],
)
def test_what_held_a_run_back(shelf, cpu_a, cpu_b, held):
    shelf.add("calico", 20.0, cpu_a=cpu_a, cpu_b=cpu_b)
    assert limits(load_runs(shelf.folder)).tolist() == [held]


def kinds(shelf):
    return set(flag_table(load_runs(shelf.folder))["kind"])


def test_a_round_on_another_machine_is_flagged_by_its_number(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.4, 12.0, 20.2, 19.9, 20.1])
    table = flag_table(load_runs(shelf.folder))
    assert table[["kind", "round"]].to_numpy().tolist() == [["round", 3]]


def test_a_noisy_machine_makes_no_round_odd(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 24.0, 18.0, 22.0, 25.0, 19.0])
    assert kinds(shelf) == set()


def test_a_baseline_that_drifts_is_flagged(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.9, 21.8, 22.7, 23.6, 24.5, 25.4])
    assert kinds(shelf) == {"drift"}


def test_a_round_that_was_dropped_is_told(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.0], calico=[10.0])
    shelf.add("calico", suite="s", round=2)
    (row,) = flag_table(load_runs(shelf.folder)).itertuples()
    assert row.kind == "broken" and row.round == 2 and "whole round is left out" in row.says


def test_two_modes_are_flagged(shelf):
    shelf.add_rounds(calico=[10.0, 14.0, 10.1, 14.2, 9.9, 13.9, 10.2, 14.1, 10.0, 14.0])
    (row,) = flag_table(load_runs(shelf.folder)).itertuples()
    assert row.kind == "modes" and "10.04 and 14.04" in row.says


@pytest.mark.parametrize("n", [10, 20, 60])
def test_one_mode_is_not_taken_for_two(n):
    dice = np.random.default_rng(5)
    found = sum(two_modes(np.sort(dice.normal(20, 3, n)))[1] > 0 for _ in range(500))
    assert found / 500 < 0.03


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_two_modes_are_found_in_noise(share):
    dice = np.random.default_rng(6)
    found = 0
    for _ in range(200):
        low = dice.normal(16, 0.5, round(20 * share))
        high = dice.normal(24, 0.5, 20 - len(low))
        found += two_modes(np.sort([*low, *high]))[1] > 0
    assert found / 200 > 0.95


def test_two_placements_of_the_cpus_are_no_two_modes(shelf):
    for number in range(1, 9):
        for lie, share in ((1.5, 0.76), (4.7, 0.84)):
            shelf.lab("calico", share + number / 1e4, suite="s", round=number, handover=[lie, lie])
    runs = load_runs(shelf.folder)
    assert "modes" not in set(flag_table(runs)["kind"])
    assert "modes" in set(flag_table(runs.assign(cache=""))["kind"])

import numpy as np
import pandas as pd
import pytest

from cniperf.analysis.blocks import Blocks
from cniperf.analysis.interval import ENOUGH, median_interval, ratio_interval

SUITES = 500


@pytest.mark.parametrize("rounds", [8, 12, 20])
def test_the_interval_holds_the_true_loss_as_often_as_it_says(rounds):
    """500 suites with a known loss, on a machine that drifts, has outliers, and speeds up."""
    dice = np.random.default_rng(1)
    truth = 0.17
    held = 0
    for _ in range(SUITES):
        machine = 25 * np.exp(np.cumsum(dice.normal(0, 0.05, rounds)))  # drifts round by round

        def runs(share, machine=machine):
            noise = np.exp(0.03 * dice.standard_t(4, rounds))  # with outliers
            return machine * share * noise

        suite = synthetic(hostnetwork=[runs(1), runs(1)], calico=[runs(1 - truth)])
        held += Blocks(suite).change("calico").holds(-truth)
    assert 0.92 <= held / SUITES <= 0.98


def synthetic(**schemes):
    """Lay out a suite as load_runs does, as far as the analysis reads it."""
    rows = [
        {
            "suite": "s",
            "round": number,
            "scheme": scheme,
            "status": "ok",
            "cache": "",
            "bed": "lab",
            "mode": "stream",
            "meter": "clock",
            "figure": figure,
        }
        for scheme, times in schemes.items()
        for series in times
        for number, figure in enumerate(series)
    ]
    return pd.DataFrame(rows)


def test_it_is_the_same_every_time_and_around_the_median():
    values = np.random.default_rng(2).normal(1, 0.1, 15)
    found = median_interval(values)
    assert found == median_interval(values)
    assert found.low < found.middle == np.median(values) < found.high
    assert found.half_width == pytest.approx((found.high - found.low) / 2)


def test_it_narrows_with_more_rounds():
    values = np.random.default_rng(3).normal(1, 0.1, 200)
    assert median_interval(values).half_width < 0.8 * median_interval(values[:20]).half_width


def test_too_few_values_have_a_median_but_no_interval():
    low, middle, high = median_interval(list(range(1, ENOUGH)))
    assert middle == 3 and np.isnan(low) and np.isnan(high)
    assert not np.isnan(median_interval(list(range(1, ENOUGH + 1))).low)
    assert np.isnan(median_interval([]).middle)


def test_a_ratio_of_unpaired_values_holds_the_noise_of_both():
    dice = np.random.default_rng(4)
    ours, theirs = dice.normal(8, 0.1, 30), dice.normal(10, 1.5, 30)
    found = ratio_interval(ours, theirs)
    assert found.low < -0.2 < found.high
    steady = ratio_interval(ours, np.full(30, 10.0))
    assert found.half_width > 2 * steady.half_width
    assert np.isnan(ratio_interval(ours[:3], theirs).low)
    assert np.isnan(ratio_interval([], theirs).middle)

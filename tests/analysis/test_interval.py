import numpy as np
import pytest
from scipy.stats import t, wilcoxon

from cniperf.analysis.interval import (
    EXACT,
    MANY,
    RANKS,
    Interval,
    _signed_ranks,
    apart,
    estimate,
    extremes,
    hodges_lehmann,
    p_above,
    walsh,
)

DICE = np.random.default_rng(7)


def test_hodges_and_lehmann_is_the_median_of_all_means_of_two():
    assert hodges_lehmann([1.0, 2.0, 6.0]) == 2.75  # of 1, 1.5, 2, 3.5, 4, 6
    assert hodges_lehmann([5.0]) == 5.0 and np.isnan(hodges_lehmann([]))
    assert hodges_lehmann([1.0] * 9 + [1000.0]) == 1.0


@pytest.mark.parametrize("count", [1001, 1002])
def test_the_estimate_of_many_values_is_that_of_all_their_means(count):
    values = np.random.default_rng(count).standard_t(2, count)
    assert hodges_lehmann(values) == pytest.approx(np.median(walsh(values)), abs=1e-6)


def test_the_estimate_of_an_hours_blocks_needs_no_list_of_their_means():
    values = np.random.default_rng(1).normal(-0.2, 0.1, 36_000)
    assert hodges_lehmann(values) == pytest.approx(-0.2, abs=0.003)
    assert hodges_lehmann(np.full(36_000, -0.25)) == -0.25


@pytest.mark.parametrize("n", range(2, RANKS))
def test_up_to_seven_values_it_is_the_mean_with_students_t(n):
    values = DICE.normal(-0.3, 0.02, n)
    low, middle, high = estimate(values)
    assert middle == pytest.approx(values.mean())
    reach = t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
    assert [middle - low, high - middle] == pytest.approx([reach, reach])


@pytest.mark.parametrize("n", [8, 9, 13, 30])
def test_from_eight_on_the_interval_is_what_wilcoxons_test_does_not_reject(n):
    values = DICE.normal(-0.3, 0.02, n)
    low, middle, high = estimate(values)
    assert middle == pytest.approx(hodges_lehmann(values))
    for end, inwards in ((low, 1), (high, -1)):
        for aside, kept in ((1e-9, True), (-1e-9, False)):
            p = wilcoxon(values - (end + inwards * aside), method="exact").pvalue
            assert (p > 0.05) == kept


@pytest.mark.parametrize("n", [8, 12, 25])
def test_the_p_value_is_wilcoxons(n):
    values = np.append(DICE.normal(0.01, 0.02, n - 1), -0.001)  # not all on one side
    exact = wilcoxon(values, alternative="greater", method="exact").pvalue
    assert p_above(values, 0.0) == pytest.approx(exact)


def test_ranks_are_counted_out_and_many_are_as_the_normal_has_them():
    assert _signed_ranks(3) * 8 == pytest.approx([1, 1, 1, 2, 1, 1, 1])
    exact = np.cumsum(_signed_ranks(EXACT))[2000:3000]
    near = np.cumsum(_signed_ranks(EXACT + 1))[2050:3050]
    assert abs(exact - near).max() < 0.01 and _signed_ranks(EXACT + 1).sum() == pytest.approx(1)


def test_where_ranks_cannot_be_so_sure_students_t_goes_on():
    """Eight values on one side of 0 are 1 in 256 by ranks, however far they lie from it."""
    near, far = np.append(np.full(7, 0.001), 0.2), np.linspace(0.10, 0.12, 8)
    assert p_above(near, 0.0) == pytest.approx(2**-8)
    assert p_above(far, 0.0) < 1e-6
    assert estimate(far, 0.9999).low > 0 > estimate(near, 0.9999).low
    wide = [estimate(near, confidence).half_width for confidence in (0.9, 0.95, 0.99, 0.999)]
    assert wide == sorted(wide)


def test_an_interval_holds_a_bound_where_a_test_does_not_reject_it():
    for n in (2, 5, 8, 11, 20):
        for _ in range(50):
            values = DICE.normal(0.01, 0.02, n)
            p = min(1.0, 2 * min(p_above(values, 0.0), p_above(-values, 0.0)))
            assert (p <= 0.05) != estimate(values).holds(0)


def test_a_single_value_has_no_interval_and_equal_values_a_narrow_one():
    low, middle, high = estimate([0.2])
    assert middle == 0.2 and np.isnan(low) and np.isnan(high)
    assert np.isnan(estimate([]).middle) and p_above([0.2], 0.0) == 1.0
    for n in (2, 9):
        assert estimate([0.1] * n) == pytest.approx((0.1, 0.1, 0.1))
        assert p_above([0.1] * n, 0.0) <= 2**-n and p_above([0.1] * n, 0.1) == 1.0


def test_very_many_values_take_no_more_memory_than_many():
    values = DICE.normal(0.2, 0.01, 20 * MANY)
    found = estimate(values)
    assert found.holds(0.2) and found.half_width < 3e-4


def test_a_difference_of_two_estimates_holds_the_noise_of_both():
    ours, theirs = estimate(DICE.normal(-0.2, 0.01, 30)), estimate(DICE.normal(0, 0.1, 30))
    found = apart(ours, theirs)
    assert found.middle == ours.middle - theirs.middle and found.holds(-0.2)
    assert found.half_width > max(ours.half_width, theirs.half_width)
    assert np.isnan(apart(Interval(np.nan, 0.1, np.nan), theirs).low)


def test_seeds_lie_between_their_extremes():
    assert extremes([0.1, 0.3, 0.2]) == pytest.approx((0.1, 0.2, 0.3))
    assert np.isnan(extremes([0.1]).low) and extremes([0.1]).middle == 0.1

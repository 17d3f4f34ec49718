import numpy as np
import pytest

from cniperf.analysis.sample import Sample, holm_levels

DICE = np.random.default_rng(11)


def around(value, n=12, noise=0.01):
    """Values that are scattered evenly around one."""
    return value + noise * np.linspace(-1, 1, n)


@pytest.mark.parametrize(
    ("chances", "met"),
    [
        ([0.01, 0.02, 0.04], [True, True, True]),  # against 0.05/3, 0.05/2, 0.05
        ([0.01, 0.03, 0.04], [True, False, False]),
        ([0.02, 0.02, 0.02], [False, False, False]),
        ([0.04, 0.001, 0.6], [False, True, False]),
        ([], []),
    ],
)
def test_holm_asks_more_of_each_the_more_there_are(chances, met):
    levels = holm_levels(chances)
    assert [p <= level for p, level in zip(chances, levels, strict=True)] == met


def test_the_level_of_one_test_is_what_holm_would_ask_of_any_value_there():
    levels = holm_levels([0.9, 0.001, 0.03])
    assert levels == pytest.approx([0.05 / 2, 0.05 / 3, 0.05 / 2])
    assert holm_levels([0.9, 0.001, 0.02])[0] == pytest.approx(0.05)


def test_equivalence_takes_both_ends_within_the_margin():
    sample = Sample(around(0.02))
    assert sample.p_within(0, 0.05) < 0.05 < sample.p_within(0, 0.02)
    reach = sample.reach(0, 0.05)
    assert sample.p_within(0, reach + 1e-9) <= 0.05 < sample.p_within(0, reach - 1e-9)


def test_unpaired_values_are_tested_by_the_interval_of_their_difference():
    ours, theirs = DICE.normal(-0.2, 0.02, 12), DICE.normal(0.0, 0.02, 9)
    sample = Sample(ours, theirs)
    for bound in np.linspace(-0.24, -0.16, 17):
        assert (sample.p_differs(bound) <= 0.05) != sample.interval().holds(bound)
    assert sample.p_below(-0.1) < 1e-3 and sample.p_above(-0.1) == 1.0
    assert Sample(ours, theirs[:1]).p_differs() == 1.0


def test_seeds_are_not_tested_but_must_agree():
    agreed, split = (
        Sample(np.array([0.1, 0.2]), seeds=True),
        Sample(np.array([-0.1, 0.2]), seeds=True),
    )
    assert agreed.p_above(0) == 0.0 and split.p_above(0) == split.p_below(0) == 1.0
    assert Sample(np.array([0.1]), seeds=True).p_differs() == 1.0

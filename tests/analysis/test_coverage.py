"""Whether intervals and tests keep their word, over many made-up suites with a known truth."""

import numpy as np
import pytest

from cniperf.analysis.interval import estimate, walsh
from cniperf.analysis.loss import SETTLED
from cniperf.analysis.sample import Sample, holm_levels

SUITES = 3000
TRUTH = np.log(0.76)


def held(values):
    """Return how often the interval of a suite's values holds the truth."""
    return np.mean([estimate(suite).holds(TRUTH) for suite in values])


def labs(dice, many, blocks=8):
    """Two levels: labs differ by 1.5 %, blocks within them by 3 %, each like the one before it."""
    noise = dice.normal(0, 0.03, (SUITES, many, blocks))
    for block in range(1, blocks):
        noise[..., block] = 0.5 * noise[..., block - 1] + np.sqrt(0.75) * noise[..., block]
    return TRUTH + dice.normal(0, 0.015, (SUITES, many, 1)) + noise


@pytest.mark.parametrize("many", [6, 8, 12, 20])
def test_interleaved_labs_are_the_clusters(many):
    found = labs(np.random.default_rng(many), many)
    assert 0.93 <= held(np.median(walsh(found), axis=-1)) <= 0.97


def test_blocks_pooled_over_labs_would_promise_too_much():
    found = labs(np.random.default_rng(8), 8)[:1000]
    assert held(found.reshape(len(found), -1)) < 0.80


@pytest.mark.parametrize("rounds", [6, 8, 12, 20])
def test_separate_runs_are_compared_within_the_round(rounds):
    """A machine that drifts by 5 % from round to round, and runs with outliers of their own."""
    dice = np.random.default_rng(100 + rounds)
    machine = np.cumsum(dice.normal(0, 0.05, (SUITES, rounds)), axis=1)
    base = np.log(np.exp(0.03 * dice.standard_t(4, (2, SUITES, rounds))).mean(axis=0)) + machine
    scheme = TRUTH + machine + 0.03 * dice.standard_t(4, (SUITES, rounds))
    assert 0.93 <= held(scheme - base) <= 0.975


def test_runs_that_share_no_round_are_covered_too():
    dice = np.random.default_rng(5)
    pairs = zip(dice.normal(TRUTH, 0.02, (2000, 10)), dice.normal(0, 0.04, (2000, 14)), strict=True)
    assert 0.93 <= np.mean([Sample(*pair).interval().holds(TRUTH) for pair in pairs]) <= 0.97


@pytest.mark.parametrize("rounds", [7, 13])
def test_of_many_questions_without_an_answer_one_in_twenty_suites_answers_any(rounds):
    dice, wrong = np.random.default_rng(rounds), 0
    for suite in dice.normal(0, 0.015, (400, 11, rounds)):
        chances = [Sample(values).p_differs() for values in suite]
        levels = holm_levels(chances)
        wrong += any(p <= level for p, level in zip(chances, levels, strict=True))
    assert wrong / 400 <= 0.08


def test_a_suite_that_stops_when_it_knows_enough_still_keeps_its_word():
    """It looks after each round from the sixth on, and stops at a half width of a point."""
    held = []
    for labs_of_suite in np.random.default_rng(9).normal(TRUTH, 0.016, (500, 40)):
        looks = (estimate(labs_of_suite[:many]) for many in range(SETTLED, 41))
        last = next((one for one in looks if one.half_width <= 0.01), estimate(labs_of_suite))
        held.append(last.holds(TRUTH))
    assert np.mean(held) >= 0.91


def test_no_equivalence_is_confirmed_at_the_margin_itself():
    dice = np.random.default_rng(3)
    edge = np.log(1.07)
    chances = [Sample(values).p_within(0, edge) for values in dice.normal(edge, 0.015, (800, 13))]
    assert np.mean(np.array(chances) <= 0.05) <= 0.07


def test_a_true_loss_of_two_percent_is_seen_in_thirteen_labs():
    dice = np.random.default_rng(4)
    seen = [Sample(v).p_differs() <= 0.05 for v in dice.normal(np.log(0.98), 0.012, (400, 13))]
    assert np.mean(seen) > 0.95

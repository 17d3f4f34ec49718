"""What independent values show of the figure behind them: an estimate and its interval.

The values are natural logarithms of ratios, one a round (or a lab): a scheme's figure over that of
another that saw the same machine. Nothing is resampled: a report made twice reports the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from cniperf.language import N_

CONFIDENCE = 0.95

# Ranks need so many values; below, their fewest steps are coarser than Student's t is wrong.
RANKS = 8
ENOUGH = 2  # values, below which their scatter is unknown
SEEDS_ENOUGH = 2
MANY = 1000  # more values than that are folded into so many means: bounds time and memory
HALVINGS = 60  # of a range, after which it is as narrow as a double is exact
EXACT = 100  # up to so many values the distribution of the signed ranks is counted out

Array = np.ndarray[Any, np.dtype[np.float64]]
Values = Sequence[float] | Array


class Interval(NamedTuple):
    """An estimate, and the ends of its interval or spread; NaN where there are too few values."""

    low: float
    middle: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width: the x of *± x*."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the interval."""
        return self.low <= value <= self.high

    def as_change(self) -> "Interval":
        """Return an interval of a logarithm of a ratio as one of the ratio less one."""
        return Interval(*(float(np.expm1(end)) for end in self))


UNKNOWN = Interval(np.nan, np.nan, np.nan)


def hodges_lehmann(values: Values) -> float:
    """Return the estimate of Hodges and Lehmann: the median of all means of two values.

    It is nearly as sharp as the mean where the values are normal, and outliers barely move it.

    Args:
        values: independent values, as the logarithms of ratios.

    Returns:
        The estimate; NaN where there is no value.
    """
    found = np.sort(np.asarray(values, dtype=float))
    if len(found) > MANY:
        return _middle(found)
    return float(np.median(walsh(found))) if len(found) else np.nan


def _middle(ordered: Array) -> float:
    """Return the median of all means of two of many sorted values, without a list of the means.

    It is halved to: how many means are below a value follows from the order. An hour of turns has
    36 000 blocks, and 650 million means.
    """
    low, high, places = ordered[0], ordered[-1], np.arange(len(ordered))
    half = len(ordered) * (len(ordered) + 1) / 4
    for _step in range(HALVINGS):
        middle = (low + high) / 2
        reach = np.searchsorted(ordered, 2 * middle - ordered, side="right")
        if np.maximum(reach - places, 0).sum() < half:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)


def walsh(values: Array) -> Array:
    """Return the Walsh averages along the last axis: the means of any two values, and each."""
    one, other = np.triu_indices(values.shape[-1])
    return np.asarray((values[..., one] + values[..., other]) / 2)


def estimate(values: Values, confidence: float = CONFIDENCE) -> Interval:
    """Return what independent values are scattered around, with its interval.

    Up to seven values it is the mean with Student's t, from eight on Hodges and Lehmann's estimate
    with the interval of Wilcoxon's signed ranks, which the distribution's tails do not widen.
    Where so few values cannot reach a confidence by ranks, Student's t continues beyond their ends.

    Args:
        values: one a round or a lab.
        confidence: how often the interval is to contain the truth.

    Returns:
        The estimate between the interval's ends, which are NaN for a single value.
    """
    found = np.asarray(values, dtype=float)
    if len(found) < ENOUGH:
        return Interval(np.nan, float(found[0]) if len(found) else np.nan, np.nan)
    if len(found) < RANKS:
        return _student(found, confidence)
    return _ranked(found.tobytes(), confidence)


def p_above(values: Values, bound: float) -> float:
    """Return how well values go with a figure that is not above a bound: a one-sided p-value.

    It is the test that :func:`estimate` inverts: a small value means that the figure is above.
    """
    found = np.asarray(values, dtype=float)
    if len(found) < ENOUGH:
        return 1.0
    if len(found) < RANKS:
        return _student_p(found, bound)
    above = int((walsh(_folded(found)) > bound).sum())
    tail = float(_signed_ranks(len(_folded(found)))[above:].sum())
    return min(tail, _student_p(found, bound)) if found.min() > bound else min(tail, 1.0)


def apart(ours: Interval, theirs: Interval) -> Interval:
    """Return the difference of two independent estimates, with its interval.

    The variances are recovered from the two intervals (MOVER: Zou and Donner, Statistics in
    Medicine 27, 2008), so that the difference is that of the two estimates, to the digit.
    """
    middle = ours.middle - theirs.middle
    low = middle - np.hypot(ours.middle - ours.low, theirs.high - theirs.middle)
    high = middle + np.hypot(ours.high - ours.middle, theirs.middle - theirs.low)
    return Interval(float(low), float(middle), float(high))


def extremes(values: Values) -> Interval:
    """Return the mean of what several seeds gave, between the lowest and the highest.

    A seed is no sample of a noise: the same one gives the same digits. So nothing is estimated.
    """
    found = np.asarray(values, dtype=float)
    if not len(found):
        return UNKNOWN
    middle = float(found.mean())
    if len(found) < SEEDS_ENOUGH:
        return Interval(np.nan, middle, np.nan)
    return Interval(float(found.min()), middle, float(found.max()))


@dataclass(frozen=True)
class Spread:
    """How far the rounds leave an estimate open, and the words that report it.

    Attributes:
        of: what it is of some values, one a round.
        name: what it is called.
        rounds: how many it takes.
        takes: the sentence that reports it.
    """

    of: Callable[[Values], Interval]
    name: str
    rounds: int
    takes: str


INTERVAL = Spread(estimate, N_("95 % interval"), ENOUGH,
                  N_("an interval takes {rounds} rounds"))  # fmt: skip
SEEDS = Spread(extremes, N_("spread of the seeds"), SEEDS_ENOUGH,
               N_("a spread takes {rounds} seeds"))  # fmt: skip


def _student(found: Array, confidence: float) -> Interval:
    from scipy.special import stdtrit  # scipy.stats takes seconds to import

    middle = float(found.mean())
    reach = float(stdtrit(len(found) - 1, (1 + confidence) / 2) * _error(found))
    return Interval(middle - reach, middle, middle + reach)


def _student_p(found: Array, bound: float) -> float:
    from scipy.special import stdtr

    error, beyond = _error(found), float(found.mean()) - bound
    if not error:
        return float(beyond <= 0)
    return float(stdtr(len(found) - 1, -beyond / error))


def _error(found: Array) -> float:
    """Return the standard error of the mean; no digit of it where all values are the same."""
    same = np.ptp(found) <= 1e-12 * max(1.0, float(np.abs(found).max()))
    return 0.0 if same else float(found.std(ddof=1) / np.sqrt(len(found)))


@lru_cache(maxsize=10_000)  # tables and charts of a report ask for the same ones again
def _ranked(raw: bytes, confidence: float) -> Interval:
    found = np.frombuffer(raw)
    folded = _folded(found)
    averages = np.sort(walsh(folded))
    tail = (1 - confidence) / 2
    below = int(np.searchsorted(np.cumsum(_signed_ranks(len(folded))), tail, side="right"))
    ends = averages[max(below - 1, 0)], averages[-max(below, 1)]
    low, high = float(ends[0]), float(ends[1])
    if not below:  # even all values on one side of a bound would not reach this confidence
        student = _student(found, confidence)
        low, high = min(low, student.low), max(high, student.high)
    return Interval(low, float(np.median(averages)), high)


def _folded(found: Array) -> Array:
    """Return values, or where they are very many the means of neighbours."""
    if len(found) <= MANY:
        return found
    return np.array([part.mean() for part in np.array_split(found, MANY)])


@lru_cache(maxsize=200)
def _signed_ranks(n: int) -> Array:
    """Return how probable each sum of positive ranks of n values is, if they lie around 0.

    Each rank from 1 to n is positive with probability one half. scipy counts the same out, but
    within its test only; the interval needs the quantiles.
    """
    most = n * (n + 1) // 2
    if n > EXACT:
        from scipy.special import ndtr

        spread = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return np.diff(ndtr((np.arange(-1, most + 1) + 0.5 - most / 2) / spread))
    found = np.zeros(most + 1)
    found[0] = 1.0
    for rank in range(1, n + 1):
        found[rank:] += found[:-rank].copy()
        found /= 2
    return found

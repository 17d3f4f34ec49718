"""The median with what is known of it: its 95 % confidence interval, or the spread of seeds.

The interval is a bootstrap's: no bell curve is assumed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from cniperf.language import N_

CONFIDENCE = 0.95

# With fewer values not even the lowest and the highest hold the median between them with 95 %
# (Le Boudec, Performance Evaluation of Computer and Communication Systems, table A.1).
ENOUGH = 6
SEEDS_ENOUGH = 2
RESAMPLES, FEWEST = 2000, 300
DRAWS = 4_000_000  # numbers resampled in all, where that leaves resamples enough: bounds the time
BATCH = 2_000_000  # numbers resampled at once: bounds the memory

Values = Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]


class Interval(NamedTuple):
    """A median, and the ends of its interval or spread; NaN where there are too few values."""

    low: float
    middle: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width: the x of *± x*."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Tell whether a value lies in the interval."""
        return self.low <= value <= self.high

    def no_narrower(self, floor: float) -> "Interval":
        """Return it with ends at least so far from the middle; NaN asks for nothing."""
        low = float(np.fmin(self.low, self.middle - floor))
        return Interval(low, self.middle, float(np.fmax(self.high, self.middle + floor)))


def median_interval(values: Values) -> Interval:
    """Return the median of independent values, one a round, with its interval.

    The percentile bootstrap (Efron 1979), its percentiles expanded as Student's t is wider than
    the normal: plain ones hold the truth too seldom in small samples (Hesterberg, What Teachers
    Should Know About the Bootstrap, The American Statistician 69, 2015, section 4.3). The
    resamples are always the same, so that a report made twice says the same twice.
    """
    found = np.asarray(values, dtype=float)
    if len(found) < ENOUGH:
        middle = float(np.median(found)) if len(found) else np.nan
        return Interval(np.nan, middle, np.nan)
    return _bootstrap(_median, found.tobytes())


def ratio_interval(ours: Values, theirs: Values) -> Interval:
    """Return the relative difference of two medians, ``ours / theirs - 1``, with its interval.

    For values that are not paired by a round: each side is resampled by itself.
    """
    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if not len(a) or not len(b):
        return Interval(np.nan, np.nan, np.nan)
    if min(len(a), len(b)) < ENOUGH:
        return Interval(np.nan, float(np.median(a) / np.median(b) - 1), np.nan)
    return _bootstrap(_ratio, a.tobytes(), b.tobytes())


def extremes(values: Values) -> Interval:
    """Return the median of what several seeds gave, between the lowest and the highest.

    A seed is no sample of a noise: the same one gives the same digits. So nothing is estimated.
    """
    found = np.asarray(values, dtype=float)
    middle = float(np.median(found)) if len(found) else np.nan
    if len(found) < SEEDS_ENOUGH:
        return Interval(np.nan, middle, np.nan)
    return Interval(float(found.min()), middle, float(found.max()))


@dataclass(frozen=True)
class Spread:
    """How far the rounds leave a median open, and in which words that is told.

    Attributes:
        of: what it is of some values, one a round.
        name: what it is called.
        rounds: how many it takes.
        takes: the sentence that says so.
    """

    of: Callable[[Values], Interval]
    name: str
    rounds: int
    takes: str


INTERVAL = Spread(median_interval, N_("95 % interval"), ENOUGH,
                  N_("an interval takes {rounds} rounds"))  # fmt: skip
SEEDS = Spread(extremes, N_("spread of the seeds"), SEEDS_ENOUGH,
               N_("a spread takes {rounds} seeds"))  # fmt: skip


@lru_cache(maxsize=1000)  # tables and charts of a report ask for the same ones again
def _bootstrap(statistic: Callable[..., Any], *raw: bytes) -> Interval:
    from scipy.stats import bootstrap, norm, t

    samples = [np.frombuffer(one) for one in raw]
    n, most = min(map(len, samples)), max(map(len, samples))
    tail = norm.cdf(np.sqrt(n / (n - 1)) * t.ppf((1 - CONFIDENCE) / 2, n - 1))
    drawn = bootstrap(
        samples,
        statistic,
        method="percentile",
        confidence_level=1 - 2 * tail,
        n_resamples=min(RESAMPLES, max(FEWEST, DRAWS // most)),
        batch=max(1, BATCH // most),
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(float(drawn.low), float(statistic(*samples)), float(drawn.high))


def _median(values: Any, axis: int = -1) -> Any:  # noqa: ANN401
    return np.median(values, axis=axis)


def _ratio(ours: Any, theirs: Any, axis: int = -1) -> Any:  # noqa: ANN401
    return np.median(ours, axis=axis) / np.median(theirs, axis=axis) - 1

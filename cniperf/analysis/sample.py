"""What is known of one ratio: values to estimate it from, and to test it by."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cniperf.analysis.interval import (
    CONFIDENCE,
    ENOUGH,
    UNKNOWN,
    Array,
    Interval,
    apart,
    estimate,
    extremes,
    p_above,
)

STEPS = 40  # halvings, after which a p-value that is searched has more digits than it is worth


@dataclass(frozen=True)
class Sample:
    """Logarithms of one ratio, as some rounds gave them.

    Attributes:
        ours: one a round: of the two schemes' ratio, or of the first scheme's figure where
            ``theirs`` has the other's.
        theirs: those of the other scheme, where the two share no rounds.
        seeds: whether these are seeds: what all of them agree on counts without a test.
    """

    ours: Array
    theirs: Array | None = None
    seeds: bool = False

    @property
    def known(self) -> bool:
        """Whether there are enough values for an interval."""
        return min(len(self.ours), ENOUGH if self.theirs is None else len(self.theirs)) >= ENOUGH

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Return the estimate with its interval; of seeds, with their extremes."""
        return self._usual if confidence == CONFIDENCE else self._estimated(confidence)

    @cached_property
    def _usual(self) -> Interval:
        return self._estimated(CONFIDENCE)

    def _estimated(self, confidence: float) -> Interval:
        each = [extremes(values) if self.seeds else estimate(values, confidence)
                for values in (self.ours, self.theirs) if values is not None]  # fmt: skip
        if any(np.isnan(one.middle) for one in each):
            return UNKNOWN
        return each[0] if len(each) == 1 else apart(*each)

    def p_above(self, bound: float = 0.0) -> float:
        """Return the p-value of the logarithm not being above a bound; of seeds 0 or 1."""
        if self.seeds or not self.known:
            return float(not self.interval().low > bound)
        if self.theirs is None:
            return p_above(self.ours, bound)
        return self._searched(bound)

    def p_below(self, bound: float = 0.0) -> float:
        """Return the p-value of the logarithm not being below a bound."""
        theirs = None if self.theirs is None else -self.theirs
        return replace(self, ours=-self.ours, theirs=theirs).p_above(-bound)

    def p_differs(self, bound: float = 0.0) -> float:
        """Return the two-sided p-value of the logarithm being the bound itself."""
        return min(1.0, 2 * min(self.p_above(bound), self.p_below(bound)))

    def p_within(self, centre: float, margin: float) -> float:
        """Return the p-value of an equivalence test: of lying no nearer to a centre than a margin.

        Two one-sided tests (TOST, Schuirmann 1987): the logarithm must be above the one bound and
        below the other.
        """
        return max(self.p_above(centre - margin), self.p_below(centre + margin))

    def reach(self, centre: float, level: float) -> float:
        """Return the smallest margin around a centre that such a test confirms at a level."""
        ends = self.interval(1 - 2 * level)
        return max(abs(ends.low - centre), abs(ends.high - centre))

    def _searched(self, bound: float) -> float:
        """Return the level at which the interval's lower end meets a bound."""
        low, high = 0.0, 0.5
        if self.interval().middle <= bound:
            return 1.0
        for _ in range(STEPS):
            level = (low + high) / 2
            if self.interval(1 - 2 * level).low > bound:
                high = level
            else:
                low = level
        return high


def holm_levels(chances: list[float], level: float = 1 - CONFIDENCE) -> list[float]:
    """Return the level that each of several tests has to meet (Holm 1979).

    So the chance that any of them is met by accident is no more than one test's.

    Args:
        chances: the tests' p-values.
        level: of all of them together.

    Returns:
        A level for each: where its p-value is no greater, the test is met.
    """
    found = []
    for place in range(len(chances)):
        met = 0
        for chance in sorted(chances[:place] + chances[place + 1 :]):
            if chance > level / (len(chances) - met):
                break
            met += 1
        found.append(level / (len(chances) - met))
    return found

"""The A/A control: hostnetwork against itself, which shows whether the measurement is sound."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, is_interleaved, log, usable, worth
from cniperf.analysis.interval import Array, Interval, estimate
from cniperf.analysis.memo import once


@dataclass(frozen=True)
class Control:
    """What hostnetwork against itself came to.

    Attributes:
        difference: of one hostnetwork to the other, as a fraction, with its 95 % interval.
        rounds: how often the two were compared.
    """

    difference: Interval
    rounds: int

    @property
    def checked(self) -> bool:
        """Whether there are enough rounds for an interval."""
        return bool(np.isfinite(self.difference.low))

    @property
    def sound(self) -> bool:
        """Whether the interval has no difference in it, as it must; also where nothing is known."""
        return not self.checked or self.difference.holds(0)


@once
def control(runs: pd.DataFrame) -> Control:
    """Compare hostnetwork with itself: within labs, or within rounds that ran it twice.

    Args:
        runs: runs of one condition. Those of bed counted have no control: the same seed gives the
            same digits.
    """
    found = aa_ratios(runs)
    return Control(estimate(found).as_change(), len(found))


def aa_ratios(runs: pd.DataFrame) -> Array:
    """Return the logarithms of the ratio of hostnetwork to itself, one a lab or a round.

    In the separate design, which of a round's two runs is divided by which alternates from round
    to round, so that a machine that warms up or tires does not look like a difference.
    """
    good = usable(runs)
    base = good[good["scheme"].eq(BASELINE)]
    within = base.loc[is_interleaved(base), "log_ratio"].dropna()
    twice = base[~is_interleaved(base) & base["suite"].ne("")].sort_values(["started", "run"])
    found = []
    for place, (__, pair) in enumerate(log(worth(twice)).groupby([twice["suite"], twice["round"]])):
        if len(pair) == 2:
            first, second = pair if place % 2 else reversed(list(pair))
            found.append(second - first)
    return np.concatenate([within.to_numpy(dtype=float), np.asarray(found, dtype=float)])

"""How small a difference a set of rounds can see: hostnetwork against itself (A/A)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, Array, Blocks, usable
from cniperf.analysis.interval import Interval, median_interval


@dataclass(frozen=True)
class Floor:
    """What the A/A control says.

    Attributes:
        difference: of the second hostnetwork run of a round to the first, as a fraction.
        rounds: how many rounds have both.
    """

    difference: Interval
    rounds: int

    @property
    def smallest(self) -> float:
        """The smallest difference that can be told from none: where the A/A interval ends."""
        return max(abs(self.difference.low), abs(self.difference.high))


def noise_floor(runs: pd.DataFrame) -> Floor:
    """Compare hostnetwork with itself, within rounds that ran it twice.

    Which of the two comes first in the ratio alternates from round to round, so that a machine
    that warms up or tires does not look like a difference.
    """
    found = aa_changes(runs)
    return Floor(median_interval(found), len(found))


def aa_changes(runs: pd.DataFrame) -> Array:
    """Return the relative differences of the two hostnetwork runs, one a round."""
    good = usable(runs)
    base = good[good["scheme"].eq(BASELINE) & good["suite"].ne("")].sort_values(["started", "run"])
    found = []
    for place, (_, pair) in enumerate(base.groupby(["suite", "round"])["figure"]):
        if len(pair) == 2:
            first, second = pair if place % 2 else reversed(list(pair))
            found.append(second / first - 1)
    return np.asarray(found, dtype=float)


def groups(runs: pd.DataFrame) -> list[list[str]]:
    """Sort schemes by goodput into groups whose members cannot be told apart here.

    A scheme joins the group of a faster one if the two differ by less than the noise floor, or
    if the interval of their difference holds 0. It is compared with the fastest of the group, so
    that a chain of small steps does not make one group of unlike schemes.

    Returns:
        The groups, fastest first. Empty without a noise floor.
    """
    floor = noise_floor(runs).smallest
    if np.isnan(floor):
        return []
    blocks = Blocks(runs)
    found: list[list[str]] = []
    for scheme in blocks.runs.groupby("scheme")["figure"].median().sort_values().index[::-1]:
        if found and _alike(blocks.change(str(scheme), found[-1][0]), floor):
            found[-1].append(str(scheme))
        else:
            found.append([str(scheme)])
    return found


def _alike(difference: Interval, floor: float) -> bool:
    return abs(difference.middle) < floor or difference.holds(0)

"""How small a difference rounds can see: hostnetwork against itself (A/A), or seed to seed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, Array, Blocks, seeded, usable, worth
from cniperf.analysis.interval import Interval, median_interval


@dataclass(frozen=True)
class Floor:
    """What the A/A control says, or what the seeds do.

    Attributes:
        difference: of the second hostnetwork run of a round to the first, as a fraction; of bed
            counted, of one seed to another.
        rounds: how many rounds have both, or how many seeds there are.
        scheme: what differs: hostnetwork or, of bed counted, the scheme whose share of
            hostnetwork moves most.
    """

    difference: Interval
    rounds: int
    scheme: str = BASELINE

    @property
    def smallest(self) -> float:
        """The smallest difference that can be told from none: where the interval ends."""
        return max(abs(self.difference.low), abs(self.difference.high))


def noise_floor(runs: pd.DataFrame) -> Floor:
    """Compare hostnetwork with itself, within rounds that ran it twice.

    Which of the two comes first in the ratio alternates from round to round, so that a machine
    that warms up or tires does not look like a difference.

    On bed counted the same seed gives the same digits, and hostnetwork would not differ from
    itself at all. There the floor is the most that any scheme's share of hostnetwork moves from
    seed to seed.
    """
    if seeded(runs):
        return _between_seeds(Blocks(runs))
    found = aa_changes(runs)
    return Floor(median_interval(found), len(found))


def _between_seeds(blocks: Blocks) -> Floor:
    schemes = [name for name in map(str, blocks.table.columns) if name != BASELINE]
    widths = {name: 2 * blocks.change(name).half_width for name in schemes}
    most = max(widths, key=lambda name: np.nan_to_num(widths[name], nan=-1.0), default=BASELINE)
    width = widths.get(most, np.nan)
    return Floor(Interval(-width, 0.0, width), len(blocks.table), most)


def aa_changes(runs: pd.DataFrame) -> Array:
    """Return the relative differences of the two hostnetwork runs, one a round."""
    good = usable(runs)
    good = good.assign(worth=worth(good))
    base = good[good["scheme"].eq(BASELINE) & good["suite"].ne("")].sort_values(["started", "run"])
    found = []
    for place, (_, pair) in enumerate(base.groupby(["suite", "round"])["worth"]):
        if len(pair) == 2:
            first, second = pair if place % 2 else reversed(list(pair))
            found.append(second / first - 1)
    return np.asarray(found, dtype=float)


def groups(runs: pd.DataFrame) -> list[list[str]]:
    """Sort schemes into groups whose members cannot be told apart here.

    A scheme joins the group of a better one if the two differ by less than the noise floor, or
    if the interval of their difference holds 0. It is compared with the best of the group, so
    that a chain of small steps does not make one group of unlike schemes.

    Returns:
        The groups, the best first. Empty without a noise floor.
    """
    floor = noise_floor(runs).smallest
    if np.isnan(floor):
        return []
    blocks = Blocks(runs)
    found: list[list[str]] = []
    for scheme in blocks.best_first():
        if found and alike(blocks.change(scheme, found[-1][0]), floor):
            found[-1].append(scheme)
        else:
            found.append([scheme])
    return found


def alike(difference: Interval, floor: float) -> bool:
    """Tell whether two schemes that differ so cannot be told apart above a noise floor."""
    return abs(difference.middle) < floor or difference.holds(0)

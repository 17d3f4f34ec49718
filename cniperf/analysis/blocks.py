"""Rounds as complete blocks: schemes are compared within a round, which saw the same machine."""

from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.interval import INTERVAL, SEEDS, Interval, Spread, ratio_interval
from cniperf.modes import mode_of

BASELINE = "hostnetwork"

Array = np.ndarray[Any, np.dtype[np.float64]]


class Blocks:
    """The runs of one condition, laid out by round.

    Attributes:
        runs: the runs that count, see :func:`usable`.
        table: worths (see :func:`worth`), a row a round (indexed by ``suite`` and ``round``), a
            column a scheme; twice in a round gives the mean. Runs outside a suite have no round.
        spread: what is told beside a median of these rounds.

    Args:
        runs: runs of one condition.
        value: the column that is compared: ``figure``, or ``cost``.
    """

    def __init__(self, runs: pd.DataFrame, value: str = "figure") -> None:
        self.runs, self.spread = usable(runs), spread_of(runs)
        self._worth = worth(self.runs) if value == "figure" else self.runs[value]
        self.table = self.runs.assign(worth=self._worth)[self.runs["suite"].ne("")].pivot_table(
            index=["suite", "round"], columns="scheme", values="worth", aggfunc="mean"
        )

    def figures(self, scheme: str) -> Array:
        """Return the figure of every run of a scheme that counts."""
        return self._of(scheme, self.runs["figure"])

    def worths(self, scheme: str) -> Array:
        """Return what every run of a scheme that counts is compared by."""
        return self._of(scheme, self._worth)

    def best_first(self) -> list[str]:
        """Return the schemes by the median of what they are compared by."""
        middle = self._worth.groupby(self.runs["scheme"]).median()
        return list(map(str, middle.sort_values(ascending=False).index))

    def changes(self, scheme: str, relative_to: str = BASELINE) -> Array:
        """Return a scheme's changes relative to another, one a round, as fractions.

        Where the two share no round, each run of the scheme is set against the median of the
        other.

        Returns:
            ``worth / other - 1``; empty where one of the two has no figure.
        """
        paired = self._paired(scheme, relative_to)
        if len(paired):
            return paired
        ours, other = self.worths(scheme), self.worths(relative_to)
        return ours / np.median(other) - 1 if len(ours) and len(other) else np.array([])

    def change(self, scheme: str, relative_to: str = BASELINE) -> Interval:
        """Return a scheme's median change relative to another, with its interval or spread.

        It holds the noise of both: it is that of the rounds' ratios or, where the two share no
        round, of the runs of each.
        """
        if scheme == relative_to and len(self.worths(scheme)):
            return Interval(0.0, 0.0, 0.0)
        paired = self._paired(scheme, relative_to)
        if len(paired):
            return self.spread.of(paired)
        return ratio_interval(self.worths(scheme), self.worths(relative_to))

    def _paired(self, scheme: str, relative_to: str) -> Array:
        if scheme not in self.table or relative_to not in self.table:
            return np.array([])
        ratios = self.table[scheme] / self.table[relative_to]
        return np.asarray(ratios.dropna() - 1, dtype=float)

    def _of(self, scheme: str, values: "pd.Series[float]") -> Array:
        return np.asarray(values[self.runs["scheme"].eq(scheme)], dtype=float)


def worth(runs: pd.DataFrame) -> "pd.Series[float]":
    """Return what runs of one condition are compared by: higher is better.

    It is the figure or, where less of that is better, its inverse: bytes for an instruction. So a
    loss is one minus a scheme's worth over hostnetwork's, whatever the meter.
    """
    return 1 / runs["figure"] if mode_of(runs).less else runs["figure"]


def seeded(runs: pd.DataFrame) -> bool:
    """Tell whether runs of one condition are those of bed counted, where chance has a seed."""
    return len(runs) > 0 and bool(runs["bed"].eq("counted").all())


def spread_of(runs: pd.DataFrame) -> Spread:
    """Return what is told beside a median of runs of one condition."""
    return SEEDS if seeded(runs) else INTERVAL


def placements(runs: pd.DataFrame) -> pd.Series:
    """Count the runs of suites by how the hosts' CPUs lay to each other (``cache``), most first."""
    good = runs[runs["status"].eq("ok") & runs["suite"].ne("") & runs["cache"].ne("moved")]
    return good["cache"].value_counts()


def lie_as(runs: pd.DataFrame, placement: str) -> pd.DataFrame:
    """Return the runs with one placement of the CPUs, and those where it has no say.

    It has none for a failed run, nor for a run outside a suite.
    """
    free = runs["status"].ne("ok") | runs["suite"].eq("")
    return runs[free | runs["cache"].eq(placement)]


def usable(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that count.

    They have a figure, their round is not broken, and in a suite the hosts' CPUs lay to each
    other as in most of its runs: a hypervisor that moves them makes another machine of this one.
    """
    most = placements(runs)
    good = lie_as(runs, str(most.index[0]) if len(most) else "")
    good = good[good["status"].eq("ok")]
    broken = broken_rounds(runs)
    if broken.empty:
        return good
    dropped = pd.MultiIndex.from_frame(broken[["suite", "round"]])
    return good[~pd.MultiIndex.from_frame(good[["suite", "round"]]).isin(dropped)]


def broken_rounds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the failed runs that break their round, which is then dropped whole.

    A round is a complete block: what disturbed one run of it may have touched the others. A
    scheme that never ran at all breaks nothing, it is just not there.
    """
    in_suite = runs[runs["suite"].ne("")]
    bad = in_suite[in_suite["status"].ne("ok")]
    ran = in_suite[in_suite["status"].eq("ok")]
    known = pd.MultiIndex.from_frame(ran[["suite", "scheme"]].drop_duplicates())
    return bad[pd.MultiIndex.from_frame(bad[["suite", "scheme"]]).isin(known)]

"""Rounds as complete blocks: schemes are compared within a round, which saw the same machine."""

from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.interval import Interval, median_interval, ratio_interval

BASELINE = "hostnetwork"

Array = np.ndarray[Any, np.dtype[np.float64]]


class Blocks:
    """The runs of one condition, laid out by round.

    Attributes:
        runs: the runs that count, see :func:`usable`.
        table: figures, a row a round (indexed by ``suite`` and ``round``), a column a scheme;
            twice in a round gives the mean. Runs outside a suite have no round.

    Args:
        runs: runs of one condition.
        value: the column that is compared: ``figure``, or ``cost``.
    """

    def __init__(self, runs: pd.DataFrame, value: str = "figure") -> None:
        self.runs, self._value = usable(runs), value
        self.table = self.runs[self.runs["suite"].ne("")].pivot_table(
            index=["suite", "round"], columns="scheme", values=value, aggfunc="mean"
        )

    def figures(self, scheme: str) -> Array:
        """Return the figure of every run of a scheme that counts."""
        return np.asarray(self.runs.loc[self.runs["scheme"].eq(scheme), self._value], dtype=float)

    def changes(self, scheme: str, relative_to: str = BASELINE) -> Array:
        """Return a scheme's changes relative to another, one a round, as fractions.

        Where the two share no round, each run of the scheme is set against the median of the
        other.

        Returns:
            ``figure / other - 1``; empty where one of the two has no figure.
        """
        paired = self._paired(scheme, relative_to)
        if len(paired):
            return paired
        ours, other = self.figures(scheme), self.figures(relative_to)
        return ours / np.median(other) - 1 if len(ours) and len(other) else np.array([])

    def change(self, scheme: str, relative_to: str = BASELINE) -> Interval:
        """Return a scheme's median change relative to another, with its 95 % interval.

        The interval holds the noise of both: the ratios of the rounds are resampled or, where
        the two share no round, the runs of each.
        """
        if scheme == relative_to and len(self.figures(scheme)):
            return Interval(0.0, 0.0, 0.0)
        paired = self._paired(scheme, relative_to)
        if len(paired):
            return median_interval(paired)
        return ratio_interval(self.figures(scheme), self.figures(relative_to))

    def _paired(self, scheme: str, relative_to: str) -> Array:
        if scheme not in self.table or relative_to not in self.table:
            return np.array([])
        ratios = self.table[scheme] / self.table[relative_to]
        return np.asarray(ratios.dropna() - 1, dtype=float)


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

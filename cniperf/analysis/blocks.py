"""Rounds as complete blocks: schemes are compared within a round, or within a lab."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cniperf.analysis.interval import INTERVAL, SEEDS, UNKNOWN, Array, Interval, Spread
from cniperf.analysis.memo import once
from cniperf.analysis.sample import Sample
from cniperf.errors import ParameterError
from cniperf.language import N_
from cniperf.modes import mode_of
from cniperf.runs import CONDITIONS, MOVED

BASELINE = "hostnetwork"

# How the hosts' CPUs may lie to each other; none of them ranks before another.
PLACEMENTS = ("shared", "apart")
WHERE = {
    "shared": N_("the hosts' CPUs share a last-level cache"),
    "apart": N_("the hosts' CPUs share no cache"),
}
WITH = {"shared": N_("with a common cache"), "apart": N_("without a common cache")}
PLACED = 3  # values of each scheme, from which on a placement counts beside another

NOTHING: Array = np.array([])


class Blocks:
    """The runs of one condition, laid out by round.

    Interleaved runs each have their own hostnetwork, so a scheme's value is the run's own ratio,
    and hostnetwork's is 1; its own runs are the control, see :mod:`cniperf.analysis.control`.

    Attributes:
        runs: the runs that count, see :func:`usable`.
        parts: those of each placement of the hosts' CPUs, which are different machines.
        spread: how an estimate from these rounds reports its uncertainty.

    Args:
        runs: runs of one condition.
        value: the column that is compared: ``figure``, or ``cost``.

    Raises:
        ParameterError: the runs are of several conditions; names what differs.
    """

    def __init__(self, runs: pd.DataFrame, value: str = "figure") -> None:
        one_condition(runs)
        self.runs, self.spread = usable(runs), spread_of(runs)
        self._less = value == "figure" and mode_of(runs).less
        placed = by_placement(self.runs)
        self.parts = {name: Part(own, value) for name, own in placed.items()}
        self._counted = that_count(placed)

    def change(self, scheme: str, relative_to: str = BASELINE) -> Interval:
        """Return a scheme's change relative to another, ``worth / other - 1``, with its interval.

        Where the hosts' CPUs lay in two ways that count, it is the mean of the two (of their
        logarithms), between the lowest and the highest end of the two intervals.
        """
        return ranged(self.each(scheme, relative_to).values())

    def each(self, scheme: str, relative_to: str = BASELINE) -> dict[str, Interval]:
        """Return a scheme's change relative to another, for each placement that counts."""
        samples = self.samples(scheme, relative_to)
        return {name: sample.interval().as_change() for name, sample in samples.items()}

    def samples(self, scheme: str, relative_to: str = BASELINE) -> dict[str, Sample]:
        """Return what is known of a ratio, for each placement that counts."""
        found = {name: part.sample(scheme, relative_to) for name, part in self.parts.items()}
        there = {name: one for name, one in found.items() if not np.isnan(one.interval().middle)}
        return {name: one for name, one in there.items() if name in self._counted} or there

    def changes(self, scheme: str) -> dict[str, Array]:
        """Return a scheme's changes relative to hostnetwork, one a round, by placement."""
        return {name: np.expm1(part.ratios(scheme)) for name, part in self.parts.items()}

    def shares(self, scheme: str) -> Array:
        """Return the logarithms of a scheme's share, one a round, or of hostnetwork's own worth."""
        return np.concatenate([NOTHING, *(part.shares(scheme) for part in self.parts.values())])

    def figure(self, scheme: str) -> float:
        """Return a scheme's figure: hostnetwork's geometric mean times the share that is left.

        Where every round has both, and no outlier was passed over, that is the geometric mean of
        the scheme's own figures. Without a hostnetwork it is always that.
        """
        parts = [self.parts[name].level(scheme) for name in self._placed(scheme)]
        return float(self._shown(np.array([np.mean(parts)]))[0]) if parts else np.nan

    def figures(self, scheme: str) -> Array:
        """Return the figure of each round, scaled to hostnetwork's mean figure."""
        parts = [self.parts[name].levels(scheme) for name in self._placed(scheme)]
        return np.sort(self._shown(np.concatenate([NOTHING, *parts])))

    @property
    def schemes(self) -> list[str]:
        """The schemes with a figure, in the order of charts; others' runs have hostnetwork's."""
        ordered = self.runs.sort_values("order")["scheme"]
        baseline = [BASELINE] if any(part.has(BASELINE) for part in self.parts.values()) else []
        return list(dict.fromkeys([*baseline, *map(str, ordered)]))

    def of(self, scheme: str) -> pd.DataFrame:
        """Return the runs that have a figure of a scheme; of hostnetwork, all interleaved ones."""
        own = self.runs["scheme"].eq(scheme)
        return self.runs[own | (is_interleaved(self.runs) if scheme == BASELINE else False)]

    def best_first(self) -> list[str]:
        """Return the schemes by what they are compared by."""
        sign = 1 if self._less else -1
        return sorted(self.schemes, key=lambda scheme: sign * np.nan_to_num(self.figure(scheme)))

    def _placed(self, scheme: str) -> list[str]:
        there = [name for name, part in self.parts.items() if part.has(scheme)]
        return [name for name in there if name in self._counted] or there

    def _shown(self, logs: Array) -> Array:
        return np.exp(-logs if self._less else logs)


@once
def laid_out(runs: pd.DataFrame, value: str = "figure") -> Blocks:
    """Return the blocks of a table of runs.

    Args:
        runs: of one condition.
        value: the column that is compared, see :class:`Blocks`.

    Raises:
        ParameterError: the runs are of several conditions; names what differs.
    """
    return Blocks(runs, value)


class Part:
    """Runs of one condition that count, and of one placement of the hosts' CPUs.

    Everything is a logarithm of worth (see :func:`worth`), one a round; twice in a round gives the
    mean. Of interleaved runs it is relative to the hostnetwork of the same lab, which is 0, and a
    run outside a suite is its own round.
    """

    def __init__(self, runs: pd.DataFrame, value: str) -> None:
        own, base = (log(worth(runs)), log(runs["base"])) if value == "figure" else (
            log(runs["cost"]), log(runs["base_cost"]))  # fmt: skip
        self._seeds = seeded(runs)
        self._samples: dict[tuple[str, str], Sample] = {}
        among = is_interleaved(runs)
        ratio = runs["log_ratio"] if value == "figure" else own - base
        row = runs["suite"].where(runs["suite"].ne(""), runs["run"])
        runs = runs.assign(row=row, own=own.where(~among, ratio), base=base)
        within = runs[(among & runs["scheme"].ne(BASELINE)) | (~among & runs["suite"].ne(""))]
        table = within.pivot_table(
            index=["row", "round"], columns="scheme", values="own", aggfunc="mean"
        )
        # The rounds of each scheme, NaN where it has none; and its own values, wherever they are.
        self._rounds = {str(name): table[name].to_numpy(dtype=float) for name in table}
        self._own = {str(name): found[~np.isnan(found)] for name, found in self._rounds.items()}
        for name, values in runs[~among].groupby("scheme")["own"]:
            self._own.setdefault(str(name), values.dropna().to_numpy(dtype=float))
        if among.any():
            self._rounds[BASELINE] = np.zeros(len(table))
            labs = runs.groupby(["row", "round"])["base"].mean()
            self._own[BASELINE] = labs.dropna().to_numpy(dtype=float)

    def has(self, scheme: str) -> bool:
        """Return whether a scheme has a figure here."""
        return len(self._own.get(scheme, NOTHING)) > 0

    def sample(self, scheme: str, relative_to: str = BASELINE) -> Sample:
        """Return what is known of two schemes' ratio: from rounds that both have, if they do."""
        found = self._samples.get((scheme, relative_to))
        if found is None:
            found = self._samples[scheme, relative_to] = self._sample(scheme, relative_to)
        return found

    def _sample(self, scheme: str, relative_to: str) -> Sample:
        if scheme == relative_to:
            return Sample(np.zeros(2 if self.has(scheme) else 0), seeds=True)
        ours, theirs = (self._own.get(name, NOTHING) for name in (scheme, relative_to))
        paired = self.ratios(scheme, relative_to)
        fewer = min(len(ours), len(theirs))
        if len(paired) and (2 * len(paired) >= fewer or fewer == 1):
            return Sample(paired, seeds=self._seeds)
        return Sample(ours, theirs, seeds=self._seeds)

    def ratios(self, scheme: str, relative_to: str = BASELINE) -> Array:
        """Return the logarithms of two schemes' ratio, one for each round that has both."""
        if scheme not in self._rounds or relative_to not in self._rounds:
            return NOTHING
        ratios = self._rounds[scheme] - self._rounds[relative_to]
        return np.asarray(ratios[~np.isnan(ratios)])

    def shares(self, scheme: str) -> Array:
        """Return the logarithms of a scheme's share, one a round, or hostnetwork's own."""
        own: Array = self._own.get(scheme, NOTHING)
        if scheme == BASELINE:
            return own
        ratios, base = self.ratios(scheme), self._mean(BASELINE)
        if len(ratios):
            return ratios
        return np.asarray(own - base) if np.isfinite(base) else NOTHING

    def level(self, scheme: str) -> float:
        """Return the logarithm of a scheme's worth: hostnetwork's mean and what it changes."""
        change = self.sample(scheme).interval().middle
        return self._mean(BASELINE) + change if np.isfinite(change) else self._mean(scheme)

    def levels(self, scheme: str) -> Array:
        """Return the same of each round."""
        ratios = NOTHING if scheme == BASELINE else self.ratios(scheme)
        own = self._own.get(scheme, NOTHING)
        return np.asarray(self._mean(BASELINE) + ratios) if len(ratios) else own

    def _mean(self, scheme: str) -> float:
        own = self._own.get(scheme, NOTHING)
        return float(own.mean()) if len(own) else np.nan


def ranged(each: Iterable[Interval]) -> Interval:
    """Return one interval of changes for several placements: the mean, and the outermost ends."""
    found = list(each)
    if not found:
        return UNKNOWN
    low, middle, high = np.array(found).T
    return Interval(float(low.min()), float(np.expm1(np.log1p(middle).mean())), float(high.max()))


def log(values: "pd.Series[float]") -> "pd.Series[float]":
    """Return natural logarithms; that of nothing is minus infinity."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.Series(np.log(values.to_numpy(dtype=float)), index=values.index)


def one_condition(runs: pd.DataFrame) -> None:
    """Reject runs whose figures must not meet in one ratio.

    Raises:
        ParameterError: they were made under several conditions; names what differs.
    """
    several = {
        name: runs[name].unique() for name in CONDITIONS if runs[name].nunique(dropna=False) > 1
    }
    if several:
        differ = "; ".join(
            f"{name} {', '.join(sorted(map(str, found)))}" for name, found in several.items()
        )
        raise ParameterError(
            f"these runs are of several conditions ({differ}), and their figures make no ratio: "
            "take one group of `cniperf.sittings(runs)`"
        )


def worth(runs: pd.DataFrame) -> "pd.Series[float]":
    """Return what runs of one condition are compared by: higher is better.

    It is the figure or, where less of that is better, its inverse: bytes for an instruction. So a
    loss is one minus a scheme's worth over hostnetwork's, whatever the meter.
    """
    return 1 / runs["figure"] if mode_of(runs).less else runs["figure"]


def is_interleaved(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return which runs had hostnetwork in the same lab, in the turns between."""
    return runs["design"].eq("interleaved")


def seeded(runs: pd.DataFrame) -> bool:
    """Return whether runs of one condition are those of a bed where chance has a seed."""
    return bool(runs["seed"].notna().any())


def spread_of(runs: pd.DataFrame) -> Spread:
    """Return how an estimate from runs of one condition reports its uncertainty."""
    return SEEDS if seeded(runs) else INTERVAL


def _placed(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return for which runs the placement of the hosts' CPUs is known and matters.

    It does not matter for a single run of the separate design: its baseline lay anywhere.
    """
    has_a_say = runs["suite"].ne("") | is_interleaved(runs)
    return runs["status"].eq("ok") & has_a_say & runs["cache"].isin(PLACEMENTS)


def placements(runs: pd.DataFrame) -> pd.Series:
    """Count the runs by how the hosts' CPUs lay to each other, in the order of `PLACEMENTS`."""
    found = runs.loc[_placed(runs), "cache"].value_counts()
    return found.reindex([name for name in PLACEMENTS if name in found.index])


def lie_as(runs: pd.DataFrame, placement: str) -> pd.DataFrame:
    """Return the runs with one placement of the CPUs, and those where it does not matter."""
    return runs[~_placed(runs) | runs["cache"].eq(placement)]


def by_placement(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the runs of each placement of the hosts' CPUs; all of them where none is known."""
    return {str(name): lie_as(runs, str(name)) for name in placements(runs).index} or {"": runs}


def that_count(placed: dict[str, pd.DataFrame]) -> list[str]:
    """Return the placements that count: those with enough runs of every scheme that ran.

    How many runs another placement has does not matter. Enough are three or, where no placement has
    three, the two that make an interval. Where none has two, all of them count.
    """
    schemes = set().union(*(set(own["scheme"]) for own in placed.values())) - {BASELINE}
    least = {name: own["scheme"].value_counts().reindex(list(schemes)).fillna(0).min()
             for name, own in placed.items()}  # fmt: skip
    for enough in (PLACED, 2):
        if found := [name for name, runs in least.items() if runs >= enough]:
            return found
    return list(placed)


@once
def usable(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that count.

    They have a figure, their round is not broken, the hosts' CPUs were not moved meanwhile, and
    in the separate design they lay to each other as in most of the round.
    """
    alone = runs["suite"].eq("") & ~is_interleaved(runs)
    good = runs[runs["status"].eq("ok") & (runs["cache"].ne(MOVED) | alone)]
    broken = broken_rounds(runs)
    return _without(_without(good, _strays(good)), broken[["suite", "round"]])


def _strays(good: pd.DataFrame) -> pd.DataFrame:
    """Return the minor placements of each round in which the schemes are to be compared."""
    rounds = good[good["suite"].ne("") & ~is_interleaved(good)]
    sizes = rounds.groupby(["suite", "round", "cache"]).size()
    home = sizes.groupby(level=["suite", "round"]).idxmax()
    return sizes.drop(list(home)).index.to_frame(index=False)


def _without(runs: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that are in none of some rows of keys."""
    if keys.empty:
        return runs
    names = list(keys.columns)
    return runs[~pd.MultiIndex.from_frame(runs[names]).isin(pd.MultiIndex.from_frame(keys))]


def broken_rounds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the failed runs that break their round, which is then dropped whole.

    A round is a complete block: what disturbed one run of it may have touched the others. A
    scheme that never ran at all breaks nothing. An interleaved run also breaks nothing, because
    each has its own baseline.
    """
    in_suite = runs[runs["suite"].ne("") & ~is_interleaved(runs)]
    bad = in_suite[in_suite["status"].ne("ok")]
    ran = in_suite[in_suite["status"].eq("ok")]
    known = pd.MultiIndex.from_frame(ran[["suite", "scheme"]].drop_duplicates())
    return bad[pd.MultiIndex.from_frame(bad[["suite", "scheme"]]).isin(known)]

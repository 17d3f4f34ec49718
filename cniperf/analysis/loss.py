"""What each scheme loses against the host's own network."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, laid_out, one_condition, seeded
from cniperf.analysis.memo import once
from cniperf.errors import ParameterError
from cniperf.language import _
from cniperf.modes import emulated
from cniperf.runs import CONDITIONS

# A suite needs so many runs of a scheme before its loss may count as known: two may lie close by
# chance, and their interval is then as narrow as any.
SETTLED = 6

APART = ("insn_per_byte_a", "insn_per_byte_b")  # sender and receiver


Groups = Iterator[tuple[dict[str, object], pd.DataFrame]]


def conditions(runs: pd.DataFrame) -> Groups:
    """Split runs into groups that may be compared; the group with the most runs comes first.

    Those that clocked an emulated CPU come last, however many: no headline is made of them.

    Yields:
        The conditions that all runs of the group share (see :data:`cniperf.runs.CONDITIONS`),
        and its runs.
    """
    return _split(runs, list(CONDITIONS))


def sittings(runs: pd.DataFrame) -> Groups:
    """Split runs into what a headline is made of: one condition, and one suite of it.

    Two suites were measured at two times, and what lies between is in no interval of their rounds:
    so their rounds are not pooled. Runs outside suites are a sitting of their own. The order is
    that of :func:`conditions`.

    Yields:
        The conditions and the ``suite`` (empty outside suites), and the runs.
    """
    return _split(runs, [*CONDITIONS, "suite"])


def _split(runs: pd.DataFrame, keys: list[str]) -> Groups:
    groups = [group for __, group in runs.groupby(keys, dropna=False, sort=False)]
    for group in sorted(groups, key=lambda group: (emulated(group).any(), -len(group))):
        yield dict(group.iloc[0][keys]), group


def is_userspace(runs: pd.DataFrame) -> pd.Series:
    """Return which runs crossed Open vSwitch's userspace datapath instead of the kernel's."""
    return runs["ovs_datapath"].eq("netdev")


@once
def loss_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise runs of one condition, one row a scheme, in the order of charts.

    All figures are geometric means that agree with each other: ``figure`` is hostnetwork's times
    ``1 - loss``, ``cost`` is hostnetwork's times ``1 + cost_more``.

    Args:
        runs: runs that may be compared, as :func:`sittings` yields them.

    Returns:
        A DataFrame indexed by ``scheme`` with ``runs`` (that count), ``failed`` (that have no
        figure), ``figure`` (its unit is the mode's, see :mod:`cniperf.modes`), ``figure_low``,
        ``figure_high`` (the lowest and highest round, as it was where hostnetwork had its mean),
        ``loss`` (estimated from the logarithms of the rounds' ratios, as a fraction of hostnetwork;
        NaN without it; of instructions per byte ``1 - hostnetwork / scheme``), ``loss_low``,
        ``loss_high`` (the ends of its 95 % interval, NaN with a single round; of bed counted, the
        lowest and the highest seed; where the hosts' CPUs lay in two ways, the outermost ends of
        both intervals), ``known`` (half of the widest interval of a placement; NaN
        with fewer runs than a suite may stop after),
        ``insn_per_byte_a``, ``insn_per_byte_b`` (median, of each host, where guests count),
        ``retransmits`` (median, segments), ``cost`` (CPU time of both hosts, in the mode's unit),
        ``cost_more`` (what it costs more than hostnetwork, as a fraction), ``cost_more_low``,
        ``cost_more_high`` (its 95 % interval), ``userspace`` (True where Open vSwitch ran in
        userspace), ``error`` (of the last failure).

    Raises:
        ParameterError: the runs are of several conditions, or of several suites; names what
            differs.
    """
    one_condition(runs)
    _one_sitting(runs)
    blocks, cost = laid_out(runs), laid_out(runs, "cost")
    rows = []
    ran = map(str, runs.sort_values("order")["scheme"])
    for name in dict.fromkeys([*[BASELINE][: BASELINE in blocks.schemes], *ran]):
        good, own = blocks.of(name), runs["scheme"].eq(name)
        bad = runs[own & runs["status"].ne("ok")]
        gain, more, figures = blocks.change(name), cost.change(name), blocks.figures(name)
        parts = blocks.each(name).values()
        settled = len(good) >= SETTLED or seeded(runs)
        rows.append(
            {
                "scheme": name,
                "runs": len(good),
                "failed": len(bad),
                "figure": blocks.figure(name),
                "figure_low": min(figures, default=np.nan),
                "figure_high": max(figures, default=np.nan),
                "loss": 0 - gain.middle,  # 0 - x: no negative zero
                "loss_low": 0 - gain.high,
                "loss_high": 0 - gain.low,
                "known": max((part.half_width for part in parts), default=np.nan)
                if settled
                else np.nan,
                **good[list(APART)].median(),
                "retransmits": good.loc[good["scheme"].eq(name), "retransmits"].median(),
                "cost": cost.figure(name),
                "cost_more": more.middle,
                "cost_more_low": more.low,
                "cost_more_high": more.high,
                "userspace": bool(is_userspace(good[good["scheme"].eq(name)]).any()),
                "error": _why_none(good, bad),
            }
        )
    columns = ["scheme", "runs", "failed", "figure", "figure_low", "figure_high", "loss",
               "loss_low", "loss_high", "known", *APART, "retransmits", "cost", "cost_more",
               "cost_more_low", "cost_more_high", "userspace", "error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("scheme")


def _one_sitting(runs: pd.DataFrame) -> None:
    suites = sorted(runs["suite"].unique())
    if len(suites) > 1:
        names = ", ".join(name or "none" for name in suites)
        raise ParameterError(
            f"these runs are of several suites ({names}), which were measured at different times: "
            "take one group of `cniperf.sittings(runs)`"
        )


def _why_none(good: pd.DataFrame, bad: pd.DataFrame) -> str:
    if len(bad):
        return str(bad["error"].iloc[-1])
    return "" if len(good) else _("no run counts: the hosts' CPUs were moved, or their round broke")


def by_loss(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of losses in the order for readers.

    hostnetwork comes first, then the least loss, then what has none, and last Open vSwitch in
    userspace, which compares with nothing.

    Args:
        table: what :func:`loss_table` returns.
    """
    ranks = pd.DataFrame(
        {"apart": table["userspace"].astype(bool), "pod": table.index != BASELINE,
         "loss": table["loss"], "place": range(len(table))},
        index=table.index,
    ).sort_values(["apart", "pod", "loss", "place"])  # fmt: skip
    return table.loc[ranks.index]


def known_within(table: pd.DataFrame, half_width: float) -> list[str]:
    """Return the schemes but hostnetwork whose loss is known so well: ``known`` is no wider."""
    return [str(name) for name in table.index[table["known"].le(half_width)] if name != BASELINE]


def widest(table: pd.DataFrame) -> tuple[str, float]:
    """Return the scheme whose loss is known least well, and half its interval's width.

    Where the hosts' CPUs lay in two ways, each has its own interval, and the wider one decides.

    Args:
        table: what :func:`loss_table` returns.

    Returns:
        ``("", inf)`` where a scheme that ran is not known yet, or nothing is: it has no interval,
        or fewer than six runs, because an interval that is checked repeatedly misleads.
    """
    ran = table[(table["runs"] > 0) & (table.index != BASELINE)]
    if ran.empty or ran["known"].isna().any():
        return "", np.inf
    return str(ran["known"].idxmax()), float(ran["known"].max())

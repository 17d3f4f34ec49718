"""What each scheme loses against the host's own network."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, Blocks
from cniperf.modes import emulated
from cniperf.runs import CONDITIONS

APART = ("insn_per_byte_a", "insn_per_byte_b")  # sender and receiver


def conditions(runs: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Split runs into groups that may be compared; the group with the most runs comes first.

    Those that clocked an emulated CPU come last, however many: no headline is made of them.

    Yields:
        The conditions that all runs of the group share (see :data:`cniperf.runs.CONDITIONS`),
        and its runs.
    """
    keys = list(CONDITIONS)
    groups = [group for _, group in runs.groupby(keys, dropna=False, sort=False)]
    for group in sorted(groups, key=lambda group: (emulated(group).any(), -len(group))):
        yield dict(group.iloc[0][keys]), group


def is_userspace(runs: pd.DataFrame) -> pd.Series:
    """Tell which runs crossed Open vSwitch's userspace datapath instead of the kernel's."""
    return runs["ovs_datapath"].eq("netdev")


def loss_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise runs of one condition, one row a scheme, in the order of charts.

    Args:
        runs: runs that may be compared, as :func:`conditions` yields them.

    Returns:
        A DataFrame indexed by ``scheme`` with ``runs`` (that count), ``failed`` (that have no
        figure), ``figure`` (median; its unit is the mode's, see :mod:`cniperf.modes`),
        ``figure_low``, ``figure_high`` (the lowest and highest run), ``loss`` (median over the
        rounds, as a fraction of hostnetwork; NaN without it; of instructions per byte
        ``1 - hostnetwork / scheme``), ``loss_low``, ``loss_high`` (the ends of its 95 % interval,
        NaN with fewer than six rounds; of bed counted, the lowest and the highest seed, NaN with
        one), ``insn_per_byte_a``, ``insn_per_byte_b`` (median, of each host, where guests count),
        ``retransmits`` (median, segments), ``cost`` (median, CPU time of both hosts, in the mode's
        unit), ``cost_more`` (median over the rounds of what it costs more than hostnetwork, as a
        fraction),
        ``userspace`` (True where Open vSwitch ran in userspace), ``error`` (of the last failure).
    """
    blocks, cost = Blocks(runs), Blocks(runs, "cost")
    rows = []
    for (_, scheme), group in runs.groupby(["order", "scheme"], sort=True):
        good = blocks.runs[blocks.runs["scheme"].eq(str(scheme))]
        bad = group[group["status"].ne("ok")]
        gain = blocks.change(str(scheme))
        rows.append(
            {
                "scheme": scheme,
                "runs": len(good),
                "failed": len(bad),
                "figure": good["figure"].median(),
                "figure_low": good["figure"].min(),
                "figure_high": good["figure"].max(),
                "loss": 0 - gain.middle if len(good) else np.nan,  # 0 - x: no negative zero
                "loss_low": 0 - gain.high,
                "loss_high": 0 - gain.low,
                **good[list(APART)].median(),
                "retransmits": good["retransmits"].median(),
                "cost": good["cost"].median(),
                "cost_more": cost.change(str(scheme)).middle,
                "userspace": bool(is_userspace(good).any()),
                "error": bad["error"].iloc[-1] if len(bad) else "",
            }
        )
    columns = ["scheme", "runs", "failed", "figure", "figure_low", "figure_high", "loss",
               "loss_low", "loss_high", *APART, "retransmits", "cost", "cost_more", "userspace",
               "error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("scheme")


def widest(table: pd.DataFrame) -> tuple[str, float]:
    """Return the scheme whose loss is known least well, and half its interval's width.

    Args:
        table: what :func:`loss_table` returns.

    Returns:
        ``("", inf)`` where a scheme that ran has no interval yet, or nothing has one.
    """
    ran = table[(table["runs"] > 0) & (table.index != BASELINE)]
    half = (ran["loss_high"] - ran["loss_low"]) / 2
    if half.empty or half.isna().any():
        return "", np.inf
    return str(half.idxmax()), float(half.max())

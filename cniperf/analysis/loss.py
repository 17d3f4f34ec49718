"""What a scheme loses against the host's own network."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cniperf.runs import CONDITIONS

BASELINE = "hostnetwork"


def conditions(runs: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Split runs into groups that may be compared; the group with the most runs comes first.

    Yields:
        The conditions that all runs of the group share (see :data:`cniperf.runs.CONDITIONS`),
        and its runs.
    """
    keys = list(CONDITIONS)
    groups = [group for _, group in runs.groupby(keys, dropna=False, sort=False)]
    for group in sorted(groups, key=len, reverse=True):
        yield dict(group.iloc[0][keys]), group


def is_userspace(runs: pd.DataFrame) -> pd.Series:
    """Tell which runs crossed Open vSwitch's userspace datapath instead of the kernel's."""
    return runs["ovs_datapath"].eq("netdev")


def changes(
    runs: pd.DataFrame, scheme: str, relative_to: str
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return a scheme's changes in throughput relative to another, one per run, as fractions.

    A run in a suite is set against the other scheme's run in the same round, which saw the same
    machine; any other run, against the median of the other scheme's runs.

    Returns:
        ``gbps / other_gbps - 1`` of each run of the scheme that has a figure; empty where one
        of the two has none.
    """
    good = runs[runs["status"].eq("ok")]
    ours, other = good[good["scheme"].eq(scheme)], good[good["scheme"].eq(relative_to)]
    if ours.empty or other.empty:
        return np.array([])
    in_round = other[other["suite"].ne("")].groupby(["suite", "round"])["gbps"].median()
    against = pd.MultiIndex.from_frame(ours[["suite", "round"]])
    base = in_round.reindex(against).fillna(other["gbps"].median()).to_numpy()
    return np.asarray(ours["gbps"].to_numpy() / base - 1, dtype=float)


def loss_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise runs of one condition, one row a scheme, in the order of charts.

    Args:
        runs: runs that may be compared, as :func:`conditions` yields them.

    Returns:
        A DataFrame indexed by ``scheme`` with ``runs`` (that have a figure), ``failed`` (that
        have not), ``gbps`` (median, Gbit/s), ``gbps_low``, ``gbps_high`` (the lowest and highest
        run), ``loss`` (median, as a fraction of hostnetwork; NaN without a baseline),
        ``loss_low``, ``loss_high`` (of the single runs), ``retransmits`` (median, segments),
        ``userspace`` (True where Open vSwitch ran in userspace), ``error`` (of the last failure).
    """
    rows = []
    for (_, scheme), group in runs.groupby(["order", "scheme"], sort=True):
        good = group[group["status"].eq("ok")]
        bad = group[group["status"].ne("ok")]
        losses = -changes(runs, str(scheme), BASELINE)
        low, middle, high = _spread(good["gbps"])
        loss_low, loss, loss_high = _spread(losses) if scheme != BASELINE else (0.0, 0.0, 0.0)
        rows.append(
            {
                "scheme": scheme,
                "runs": len(good),
                "failed": len(bad),
                "gbps": middle,
                "gbps_low": low,
                "gbps_high": high,
                "loss": loss if len(good) else np.nan,
                "loss_low": loss_low,
                "loss_high": loss_high,
                "retransmits": good["retransmits"].median(),
                "userspace": bool(is_userspace(good).any()),
                "error": bad["error"].iloc[-1] if len(bad) else "",
            }
        )
    columns = ["scheme", "runs", "failed", "gbps", "gbps_low", "gbps_high", "loss", "loss_low",
               "loss_high", "retransmits", "userspace", "error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("scheme")


def _spread(values: "pd.Series | np.ndarray") -> tuple[float, float, float]:
    """Return the lowest, the median and the highest value; NaN where there are none."""
    if not len(values):
        return (np.nan, np.nan, np.nan)
    return float(np.min(values)), float(np.median(values)), float(np.max(values))

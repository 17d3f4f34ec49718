"""How long transactions took: how many took how long, never an average.

Percentiles of several runs cannot be averaged, so what is kept of a run is how many of its
transactions took how long, at three significant digits (±0.5 %). The counts of several runs add
up to those of all their transactions.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cniperf import files
from cniperf.runs import leaving_out

FILE = "latency.csv"
LARGEST = 2**24  # bytes of it
MOST = 1e12  # µs, and transactions that took them
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
COLUMNS = tuple(f"p{p:g}".replace(".", "") for p in PERCENTILES)  # p50 p90 p99 p999


def counts(microseconds: "pd.Series[float]") -> "pd.Series[int]":
    """Count samples by their value in µs, at three significant digits."""
    values = microseconds[microseconds > 0].to_numpy(dtype=float)
    unit = 10.0 ** (np.floor(np.log10(values)) - 2)
    rounded = (np.round(values / unit) * unit).round(4)
    found, times = np.unique(rounded, return_counts=True)
    return pd.Series(times, index=found, name="count")


def added(many: Iterable["pd.Series[int]"]) -> "pd.Series[int]":
    """Return the counts of several sets of samples together."""
    whole = pd.concat(list(many))
    return whole.groupby(level=0).sum()


def percentile(count: "pd.Series[int]", percent: float) -> float:
    """Return the time, in µs, within which so many % of the transactions were done."""
    reached = count.cumsum() / count.sum()
    return float(reached.index[int(np.searchsorted(reached.to_numpy(), percent / 100 - 1e-12))])


def percentiles(count: "pd.Series[int]") -> dict[str, float]:
    """Return ``p50``, ``p90``, ``p99`` and ``p999`` in µs."""
    return {name: percentile(count, p) for name, p in zip(COLUMNS, PERCENTILES, strict=True)}


def write_counts(folder: Path, count: "pd.Series[int]") -> None:
    """Leave counts in a run folder."""
    count.rename_axis("us").rename("count").to_csv(folder / FILE, encoding="utf-8")


def load_latency(run: Path | str) -> "pd.Series[int]":
    """Load how many transactions of a run took how long.

    Returns:
        A Series of counts, indexed by the time in µs; empty where the run has none, or they are
        damaged.

    Warns:
        BrokenRunWarning: they are damaged.
    """
    file = Path(run) / FILE
    with leaving_out(file):
        return _parsed(files.read_text(file, LARGEST))
    return pd.Series(dtype=int, name="count")


def _parsed(text: str) -> "pd.Series[int]":
    """Return the file's contents.

    Raises:
        ValueError: it is no such file.
    """
    head, *lines = text.splitlines() or [""]
    if head != "us,count" or not lines:
        raise ValueError("it does not begin with us,count and a line of them")
    found = np.loadtxt(lines, delimiter=",", ndmin=2)
    if found.shape[1] != 2 or not np.isfinite(found).all():
        raise ValueError("a line is no time and count")
    times, many = found[:, 0], found[:, 1]
    if (times <= 0).any() or (times > MOST).any() or (np.diff(times) <= 0).any():
        raise ValueError("the times do not rise from above 0")
    if (many < 1).any() or (many > MOST).any() or (many % 1).any():
        raise ValueError("a count is no whole number from 1")
    return pd.Series(many.astype(int), index=times, name="count")


def latency_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the latency of each scheme, over the transactions of all its runs that count.

    Args:
        runs: runs of one condition.

    Returns:
        A DataFrame indexed by ``scheme`` with ``runs``, ``transactions``, the percentiles
        ``p50``, ``p90``, ``p99``, ``p999`` (µs), and ``p99_low``, ``p99_high`` (the lowest and
        the highest of the runs' own 99th percentile).
    """
    from cniperf.analysis.blocks import usable

    rows = []
    for (_, scheme), group in usable(runs).groupby(["order", "scheme"], sort=True):
        own = [count for path in group["path"] if len(count := load_latency(path))]
        if own:
            each = [percentile(count, 99) for count in own]
            whole = added(own)
            found = {"scheme": scheme, "runs": len(own), "transactions": int(whole.sum())}
            spread = {"p99_low": min(each), "p99_high": max(each)}
            rows.append(found | percentiles(whole) | spread)
    columns = ["scheme", "runs", "transactions", *COLUMNS, "p99_low", "p99_high"]
    return pd.DataFrame(rows, columns=columns).set_index("scheme")

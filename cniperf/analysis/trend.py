"""Was a run steady? The slope of its throughput, robustly."""

import numpy as np
import pandas as pd

FEWEST = 5  # points that a slope is drawn through


def trend(intervals: pd.DataFrame) -> dict[str, float | None]:
    """Return how much the throughput rose over a run, as fractions of its median.

    The slope is Theil and Sen's, the median of the slopes between all pairs of points.

    Args:
        intervals: throughput over time, as :func:`cniperf.load_intervals` gives it.

    Returns:
        ``trend``, ``trend_low`` and ``trend_high``: the rise from the first to the last point
        that counts, and its 95 % interval; None where a run has too few points.
    """
    from scipy.stats import theilslopes

    counted = intervals[~intervals["omitted"].astype(bool)]
    if len(counted) < FEWEST or not counted["gbps"].median() > 0:
        return {"trend": None, "trend_low": None, "trend_high": None}
    found = theilslopes(counted["gbps"], counted["second"])
    span = np.ptp(counted["second"]) / counted["gbps"].median()
    return {
        "trend": float(found.slope * span),
        "trend_low": float(found.low_slope * span),
        "trend_high": float(found.high_slope * span),
    }

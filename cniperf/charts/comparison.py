"""Two sets of runs against each other."""

import numpy as np
import pandas as pd

from cniperf.charts.style import (
    FAINT,
    INK,
    Chart,
    chart_of_rows,
    label,
    name_rows,
    sentence,
    styled,
    with_interval,
)
from cniperf.language import N_, _, in_percent

SIDES = {"better": "#009e73", "worse": "#d55e00"}
VERDICTS = {
    "better": N_("better"), "worse": N_("worse"), "same": N_("same"),
    "undecided": N_("undecided"), "missing": N_("in one set only"),
    "not comparable": N_("not comparable"),
}  # fmt: skip


@styled
def comparison(table: pd.DataFrame) -> Chart:
    """Draw how each scheme changed from one set of runs to another, and whether that is seen.

    Args:
        table: as :func:`cniperf.analysis.compare.compare` returns it; where it says ``unit``, each
            scheme is compared by itself.
    """
    chart, axes = chart_of_rows(table, _("From one set of runs to the other"))
    if table.empty:
        sentence(axes, _("There is nothing to compare."))
        return chart
    for y, row in enumerate(table.to_dict("records")):
        verdict = str(row["verdict"])
        change, colour = 100 * row["change"], SIDES.get(verdict, FAINT)
        if verdict in ("missing", "not comparable") or not np.isfinite(change):
            label(axes, y, 0, _(VERDICTS[verdict]), color=FAINT)
            continue
        if np.isfinite(row["change_low"]):
            ends = [100 * row["change_low"], 100 * row["change_high"]]
            axes.plot(ends, [y, y], color=INK, linewidth=1.2, zorder=2)
        axes.plot(change, y, "o", color=colour, markersize=7, zorder=3)
        text = with_interval(row["change"], row["change_low"], row["change_high"], "{:+.1f}")
        text = in_percent(text).replace("-", "−")
        end = np.nanmax([change, 100 * row["change_high"]])
        label(axes, y, end, f"{text}  {_(VERDICTS[verdict])}", color=colour)
    name_rows(axes, [str(scheme) for scheme in table.index])
    axes.axvline(0, color=FAINT, linewidth=0.8)
    left, right = axes.dataLim.intervalx
    left, right = min(left, 0), max(right, 0.1)
    axes.set_xlim(left - 0.08 * (right - left), right + 0.45 * (right - left))
    words = _("% more or less (hostnetwork: its own figure; the others: shares of it; line: "
              "95 % interval)")  # fmt: skip
    if "unit" in table.attrs:
        words = _("% more or less {unit} (line: spread of the seeds)")
    axes.set_xlabel(words.format(unit=_(table.attrs.get("unit", ""))))
    return chart

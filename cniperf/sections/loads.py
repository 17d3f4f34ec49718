"""What only some loads have: how long transactions took, and how evenly pairs shared."""

import pandas as pd

from cniperf.analysis.latency import latency_table
from cniperf.analysis.pairs import pairs_table
from cniperf.language import _
from cniperf.modes import mode_of
from cniperf.sections.html import Cell, Html, as_table, ranged, records


def latency(group: pd.DataFrame) -> Html:
    """Lay out the percentiles of each scheme's transactions."""
    rows: list[list[Cell]] = [
        [str(scheme), f"{row['transactions']:,.0f}",
         *(f"{row[name]:,.1f}" for name in ("p50", "p90", "p99", "p999")),
         ranged(row["p99_low"], row["p99_high"], "{:,.1f}")]
        for scheme, row in latency_table(group).iterrows()
    ]  # fmt: skip
    head = [_("scheme"), _("transactions"), "50 %", "90 %", "99 %", "99.9 %",
            _("99 %, run by run")]  # fmt: skip
    title = _("How long a transaction took, in µs")
    text = _(
        "This share of the transactions took at most this many µs, over those of all runs that "
        "count; percentiles are never averaged. A client sends a request only after the previous "
        "response, so a stall counts once, whatever its length."
    )
    return Html(f"<h3>{title}</h3><p>{text}</p>{as_table(head, rows, set(range(1, 7)))}")


def pairs(group: pd.DataFrame) -> Html:
    """Lay out how evenly the pairs of each scheme shared."""
    mode = mode_of(group)
    rows: list[list[Cell]] = [
        [row["scheme"], mode.form.format(row["figure"]), mode.form.format(row["median"]),
         ranged(row["low"], row["high"], mode.form), f"{row['jain']:.3f}"]
        for row in records(pairs_table(group).reset_index())
    ]  # fmt: skip
    head = [_("scheme"), _("all pairs, {unit}").format(unit=_(mode.unit)), _("a pair, median"),
            _("lowest to highest"), "Jain"]  # fmt: skip
    title = _("How {pairs} pairs shared").format(pairs=group["pairs"].iloc[0])
    note = _(
        "Jain's index is 1 where all pairs got the same, and one over their "
        "number where one got everything."
    )
    table = as_table(head, rows, {1, 2, 3, 4})
    return Html(f"<h3>{title}</h3>{table}<p class='note'>{note}</p>")

"""The runs of one scheme, as its own notebook ends: each run, with units, and what to do next."""

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.language import N_, _
from cniperf.modes import mode_of
from cniperf.sections.html import Cell, Html, as_table

NEXT = (
    ("cniperf report {data}", N_("makes the report of all runs there")),
    ("cniperf suite {schemes}", N_("compares several schemes in rounds, with a control")),
    ("jupyter lab notebooks/explore.ipynb", N_("opens the runs, one by one")),
)

# Columns beside the figure and hostnetwork's, with a heading and a form.
COLUMNS = (
    ("retransmits", N_("retransmits (segments)"), "{:.0f}"),
    ("mss", N_("MSS (B)"), "{:.0f}"),
    ("cpu_a", N_("host a's busiest CPU (%)"), "{:.0f}"),
    ("cpu_b", N_("host b's busiest CPU (%)"), "{:.0f}"),
)


def each_run(runs: pd.DataFrame) -> Html:
    """Lay out each run of one scheme and one condition, with units, and say what to do next.

    Args:
        runs: as :func:`cniperf.load_runs` gives them.
    """
    if runs.empty:
        return Html("")
    mode, good = mode_of(runs), runs[runs["status"].eq("ok")]
    told = [each for each in COLUMNS if good[each[0]].notna().any()]
    rows: list[list[Cell]] = [
        [
            str(run["run"]),
            _known(run["figure"], mode.form),
            _known(run["base"], mode.form),
            *(_known(run[name], form) for name, _head, form in told),
            _known(run["cost"], "{:.2f}"),
            str(run["flags"]) or "–",
        ]
        for _place, run in runs.iterrows()
    ]
    head: list[Cell] = [
        _("run"), f"{_(mode.noun)} ({_(mode.unit)})", f"hostnetwork ({_(mode.unit)})",
        *(_(words) for _name, words, _form in told), _(mode.cost_unit), _("look at"),
    ]  # fmt: skip
    title = "<h3>" + _("Each run") + "</h3>"
    return Html(title + as_table(head, rows, range(1, len(head) - 1)) + _next(runs))


def _known(value: float, form: str) -> str:
    return "–" if pd.isna(value) or not np.isfinite(value) else form.format(value)


def _next(runs: pd.DataFrame) -> str:
    """Name the commands that a reader may want now."""
    scheme = str(runs["scheme"].iloc[0])
    words = {"data": Path(runs["path"].iloc[0]).parent.name,
             "schemes": "macvlan calico" if scheme == BASELINE else scheme}  # fmt: skip
    items = "".join(
        f"<li><code>{escape(command.format(**words))}</code>: {_(what)}</li>"
        for command, what in NEXT
    )
    return "<h3>" + _("What next") + f"</h3><ul>{items}</ul>"

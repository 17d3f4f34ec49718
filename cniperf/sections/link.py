"""What a scheme means at the reader's link."""

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.link import LINKS, link_table
from cniperf.language import _
from cniperf.modes import emulated
from cniperf.sections.html import Cell, Html, as_table, ranged, with_range


def link(group: pd.DataFrame) -> Html:
    """Lay out what each scheme carries over some links, and how many cores more it takes."""
    table = link_table(group)
    if table.empty or emulated(group).any():
        return Html("")
    pods = table[table["scheme"].ne(BASELINE)]
    rows: list[list[Cell]] = [
        [str(scheme), *(_cell(row) for _n, row in own.iterrows())]
        for scheme, own in pods.groupby("scheme", sort=False)
    ]
    if not rows:
        return Html("")
    base = table[table["scheme"].eq(BASELINE)]
    rows.insert(0, [BASELINE, *(_of_host(row) for _n, row in base.iterrows())])
    head: list[Cell] = [_("scheme"), *(f"{rate:g} Gbit/s" for rate in LINKS)]
    title = _("What it means at your link")
    text = _(
        "Where a scheme carries as much as the link, the link is the limit. The scheme then costs "
        "CPU time: this many more cores than hostnetwork at that rate, of both hosts together "
        "(95 % interval). The CPU time per byte is that of the runs above, on these CPUs."
    )
    return Html(f"<h3>{title}</h3><p>{text}</p>{as_table(head, rows, {1, 2, 3})}")


def _of_host(row: "pd.Series[float]") -> Cell:
    if not row["fills"]:
        return _("carries {gbps} Gbit/s").format(gbps=f"{row['carries']:.1f}")
    return _("{cores} cores").format(cores=f"{row['cores']:.2f}")


def _cell(row: "pd.Series[float]") -> Cell:
    if not row["fills"]:
        return _("carries {gbps} Gbit/s").format(gbps=f"{row['carries']:.1f}")
    more = _("{cores} cores").format(cores=f"{row['more']:+.2f}")
    if np.isnan(row["more_low"]):
        return more
    return with_range(more, ranged(row["more_low"], row["more_high"], "{:+.2f}"))

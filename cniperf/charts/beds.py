"""Beds side by side: what each scheme loses on each of them, every kind of bed on its own axes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cniperf.analysis.beds import NICS, Setup, beds_table
from cniperf.analysis.blocks import BASELINE
from cniperf.charts.style import (
    FAINT,
    INK,
    ROW,
    WIDTH,
    Chart,
    colours,
    leading,
    name_rows,
    new_chart,
    sentence,
    styled,
)
from cniperf.language import _

ACROSS = 3  # panels beside each other
MARKERS = dict(zip(NICS, "osDPX^", strict=True))


@styled
def beds(runs: pd.DataFrame) -> Chart:
    """Draw the loss of each scheme on each bed: a panel a bed, a mark a NIC and copy model.

    Open vSwitch in userspace is left out, as it compares with nothing.

    Args:
        runs: runs of several beds; see :func:`cniperf.analysis.beds.set_up` for those drawn.
    """
    table = beds_table(runs)
    table = table[table["loss"].notna() & table["scheme"].ne(BASELINE) & ~table["userspace"]]
    title = _("Beds side by side")
    if table.empty:
        chart = new_chart(1.0, title)
        sentence(chart.axes[0], _("There is nothing to draw: no bed has a loss."))
        return chart
    of = [Setup(*values) for values in table[list(Setup._fields)].itertuples(index=False)]
    table = table.assign(of=pd.Series(of, table.index), kind=[bed.kind for bed in of])
    kinds = list(table["kind"].drop_duplicates())
    schemes = list(table.sort_values("order")["scheme"].drop_duplicates())
    across = min(ACROSS, len(kinds))
    lines = -(-len(kinds) // across)
    height = 0.5 + lines * (0.35 + 0.8 * ROW * len(schemes))
    chart = Chart(figsize=(WIDTH, height), layout="constrained")
    panels = chart.subplots(lines, across, squeeze=False, sharey=True).ravel()
    for axes, kind in zip(panels, kinds, strict=False):
        _panel(axes, table[table["kind"].eq(kind)], schemes)
    for axes in panels[len(kinds) :]:
        axes.set_axis_off()
    panels[0].set_title(f"{title}\n", pad=4)
    chart.supxlabel(
        _("% of the same bed's hostnetwork lost (line: 95 % interval, or spread of the seeds)"),
        fontsize=9, **leading(),
    )  # fmt: skip
    chart.legend(handles=_legend(of), loc="outside upper right", ncols=6, frameon=False,
                 fontsize=8)  # fmt: skip
    return chart


def _panel(axes: Axes, part: pd.DataFrame, schemes: list[str]) -> None:
    """Draw one kind of bed; its marks of a scheme stand below each other."""
    own = list(dict.fromkeys(part["of"]))
    palette = colours(schemes)
    steps = np.linspace(-0.28, 0.28, len(own)) if len(own) > 1 else np.zeros(1)
    for row in part.to_dict("records"):
        y = schemes.index(row["scheme"]) + steps[own.index(row["of"])]
        colour = palette[row["scheme"]]
        if np.isfinite(row["loss_low"]):
            axes.plot([100 * row["loss_low"], 100 * row["loss_high"]], [y, y], color=INK,
                      linewidth=1.0, zorder=2)  # fmt: skip
        axes.plot(100 * row["loss"], y, MARKERS.get(row["nic"], "v"), color=colour, markersize=4.5,
                  markerfacecolor="white" if row["erms"] else colour, zorder=3)  # fmt: skip
    axes.axvline(0, color=FAINT, linewidth=0.8)
    name_rows(axes, schemes)
    axes.set_xlim(min(0, axes.dataLim.xmin) - 4, max(10, axes.dataLim.xmax) + 4)
    words = _("bed {bed}, {unit}").format(bed=own[0].kind, unit=_(own[0].mode.unit))
    axes.text(0, 1.02, words, transform=axes.transAxes, size=8.5, color=INK)


def _rank(look: tuple[str, bool]) -> tuple[bool, int]:
    return look[1], list(MARKERS).index(look[0]) if look[0] in MARKERS else len(MARKERS)


def _legend(beds: list[Setup]) -> list[Line2D]:
    """Explain the marks that are there: a shape a NIC, hollow for a byte an instruction."""
    looks = sorted({(bed.nic, bed.erms) for bed in beds}, key=_rank)
    return [
        Line2D([], [], linestyle="", marker=MARKERS.get(nic, "v"), color=INK, markersize=5,
               markerfacecolor="white" if erms else INK, label=f"{nic}, ERMS" if erms else nic)
        for nic, erms in looks
    ]  # fmt: skip

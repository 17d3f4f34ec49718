"""Host by host: what each pair of hosts carries, and what each scheme loses there."""

import numpy as np
import pandas as pd

from cniperf.analysis.between import between_table
from cniperf.analysis.blocks import BASELINE
from cniperf.charts.style import FAINT, INK, WIDTH, Chart, new_chart, sentence, styled
from cniperf.language import _
from cniperf.modes import mode_of

ACROSS = 3  # panels beside each other
LOSSES, FIGURES = "Oranges", "Blues"


@styled
def hosts(runs: pd.DataFrame) -> Chart:
    """Draw a heat map of hosts for each scheme: hostnetwork's figure, the others' loss.

    Args:
        runs: of one load; those of several pairs of hosts (``between``) are drawn.
    """
    table = between_table(runs)
    table = table[table["figure"].notna()]
    if table.empty:
        chart = new_chart(1.0, _("Host by host"))
        sentence(chart.axes[0], _("There is nothing to draw: no run between named hosts."))
        return chart
    schemes = list(table.sort_values("order")["scheme"].drop_duplicates())
    names = sorted({*table["client"], *table["server"]})
    lines, across = -(-len(schemes) // ACROSS), min(ACROSS, len(schemes))
    side = WIDTH / ACROSS
    chart = Chart(figsize=(side * across + 0.3, lines * (side * 0.95 + 0.35)), layout="constrained")
    panels = np.atleast_1d(chart.subplots(lines, across, squeeze=False)).ravel()
    for axes in panels[len(schemes) :]:
        axes.set_axis_off()
    for axes, scheme in zip(panels, schemes, strict=False):
        value = "figure" if scheme == BASELINE else "loss"
        _panel(axes, table[table["scheme"].eq(scheme)], names, value)
        unit = _(mode_of(runs).unit) if value == "figure" else _("% lost")
        axes.set_title(f"{scheme}, {unit}", fontsize=9)
    panels[0].set_ylabel(_("client"))
    panels[0].set_xlabel(_("server"))
    return chart


def _panel(axes, part: pd.DataFrame, names: list[str], value: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Draw one scheme's map; a pair that was not measured stays white."""
    grid = np.full((len(names), len(names)), np.nan)
    for row in part.to_dict("records"):
        grid[names.index(row["client"]), names.index(row["server"])] = row[value]
    scale = 1 if value == "figure" else 100
    top = max(float(np.nanmax(grid)) * scale, 1e-9) if np.isfinite(grid).any() else 1.0
    limit = top * 1.3 if value == "figure" else 100  # the darkest colour is kept for all lost
    axes.imshow(scale * grid, cmap=FIGURES if value == "figure" else LOSSES, vmin=0, vmax=limit)
    for y, x in np.argwhere(np.isfinite(grid)):
        shown = scale * grid[y, x]
        dark = shown > 0.65 * limit
        axes.text(x, y, f"{shown:.1f}", ha="center", va="center", fontsize=8,
                  color="white" if dark else INK)  # fmt: skip
    axes.set_xticks(range(len(names)), labels=names, fontsize=8)
    axes.set_yticks(range(len(names)), labels=names, fontsize=8)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_edgecolor(FAINT)

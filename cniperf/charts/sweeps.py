"""What a loss depends on: sweeps, and the factorial experiment about VXLAN."""

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.sweep import panels, sweep_table
from cniperf.charts.style import (
    COLOURS,
    FAINT,
    INK,
    WIDTH,
    Chart,
    chart_of_rows,
    colours,
    label,
    name_lines,
    name_rows,
    sentence,
    styled,
    with_interval,
)
from cniperf.language import N_, _
from cniperf.modes import mode_of

# What a sweep's chart shows: its title, the axis, and what a value is multiplied by.
SWEPT = {
    "loss": (N_("What the loss depends on"), N_("% of hostnetwork's {noun} lost"), 100),
    "figure": (N_("What the throughput depends on"), "{unit}", 1),
    "cost": (N_("What the CPU time depends on"), N_("{cost_unit}, both hosts"), 1),
}
AXES = {
    "ip": N_("version of IP"),
    "mtu": N_("MTU of the underlay, bytes"), "length": N_("bytes a write"),
    "streams": N_("TCP connections"), "pairs": N_("pairs of pods at once"),
    "window": N_("TCP window"), "congestion": N_("congestion control"), "nic": "NIC",
    "cache": N_("caches of the hosts' CPUs"),
    "direction": N_("who sends"), "rate": N_("load offered, Gbit/s (0: as much as goes)"),
}  # fmt: skip


@styled
def sweep(runs: pd.DataFrame, value: str = "loss") -> Chart:
    """Draw what a loss depends on: a line a scheme, a band for its interval or spread.

    Args:
        runs: the runs of one sweep.
        value: ``loss``, ``figure``, or ``cost``.
    """
    table, mode = sweep_table(runs), mode_of(runs)
    found = list(panels(table))
    columns = min(2, max(1, len(found)))
    rows = max(1, -(-len(found) // columns))
    chart = Chart(figsize=(WIDTH, 0.5 + 2.5 * rows), layout="constrained")
    grid = chart.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    title, label, scale = SWEPT[value]
    grid[0].set_title(_(title), pad=22 if len(found) > 1 else 10)
    if not found:
        sentence(grid[0], _("Nothing was varied here."))
        return chart
    shown = table[~table["userspace"] & (table["scheme"].ne(BASELINE) | (value != "loss"))]
    schemes = list(shown["scheme"].unique())
    palette = colours(schemes)
    for axes, (axis, others, part) in zip(grid, found, strict=False):
        points = list(dict.fromkeys(part[axis]))
        ends = []
        for scheme, line in part[part["scheme"].isin(schemes)].groupby("scheme", sort=False):
            x = [points.index(point) for point in line[axis]]
            y = scale * line[value].to_numpy(dtype=float)
            axes.plot(x, y, ".-", color=palette[str(scheme)], linewidth=1.4)
            if value == "loss":
                axes.fill_between(x, scale * line["loss_low"].to_numpy(dtype=float),
                                  scale * line["loss_high"].to_numpy(dtype=float),
                                  color=palette[str(scheme)], alpha=0.2, linewidth=0)  # fmt: skip
            if len(y) and np.isfinite(y[-1]):
                ends.append((y[-1], x[-1], str(scheme)))
        name_lines(axes, ends, palette)
        axes.set_xticks(range(len(points)), labels=[_point(axis, point) for point in points])
        axes.set_xlim(-0.2, len(points) - 0.3 + 0.35 * len(points))
        axes.set_xlabel(_(AXES.get(axis, axis)))
        axes.grid(axis="y")
        axes.text(0, 1.02, others, transform=axes.transAxes, size=8, color=FAINT)
    for axes in grid[::columns]:
        axes.set_ylabel(_(label).format(unit=_(mode.unit), noun=_(mode.loses),
                                        cost_unit=_(mode.cost_unit)))  # fmt: skip
    for axes in grid[len(found) :]:
        axes.set_axis_off()
    return chart


def _point(name: str, value: object) -> str:
    if name in ("length", "mtu") and isinstance(value, int | np.integer):
        return f"{value // 1024} KiB" if value and value % 1024 == 0 else str(value or _("default"))
    if name == "window":
        return str(value) or _("autotuned")
    return f"{value:g}" if isinstance(value, float) else str(value)


@styled
def effects(table: pd.DataFrame) -> Chart:
    """Draw which knob moves a loss, and how much.

    Args:
        table: main effects, as :func:`cniperf.analysis.factors.effects_table` returns them.
    """
    chart, axes = chart_of_rows(table, _("What moves VXLAN's loss"))
    for y, row in enumerate(table.to_dict("records")):
        colour = COLOURS["flannel-vxlan"] if row["effect"] > 0 else COLOURS["macvlan"]
        axes.barh(y, 100 * row["effect"], height=0.55, color=colour, zorder=2)
        if np.isfinite(row["low"]):
            axes.plot([100 * row["low"], 100 * row["high"]], [y, y], color=INK, linewidth=1.2,
                      zorder=3)  # fmt: skip
        text = with_interval(row["effect"], row["low"], row["high"], "{:+.1f}")
        end = 100 * np.nanmax([row["effect"], row["high"], 0])
        label(axes, y, end, text.replace("-", "−"))
    axes.axvline(0, color=FAINT, linewidth=0.8)
    if table.empty:
        sentence(axes, _("No round here has every combination."))
        return chart
    name_rows(axes, list(table["words"]))
    left, right = axes.dataLim.intervalx
    axes.set_xlim(min(0, left) - 3, right + 0.2 * (right - left))
    axes.set_xlabel(_("points of loss, from one setting to the other (line: 95 % interval)"))
    return chart


@styled
def cells(table: pd.DataFrame) -> Chart:
    """Draw the loss of every combination of a factorial experiment, a dot a combination.

    Args:
        table: as :func:`cniperf.analysis.factors.cells_table` returns it.
    """
    chart, axes = chart_of_rows(table, _("Every combination"))
    for y, row in enumerate(table.to_dict("records")):
        if np.isfinite(row["loss_low"]):
            axes.plot([100 * row["loss_low"], 100 * row["loss_high"]], [y, y], color=INK,
                      linewidth=1.2, zorder=2)  # fmt: skip
        axes.plot(100 * row["loss"], y, "o", color=COLOURS[row["scheme"]], markersize=7, zorder=3)
        label(axes, y, 100 * np.nanmax([row["loss"], row["loss_high"]]),
               f"{100 * row['loss']:.1f} %".replace("-", "−"))  # fmt: skip
    if table.empty:
        sentence(axes, _("No round here has every combination."))
        return chart
    name_rows(axes, list(table["words"]))
    axes.set_xlim(min(0, axes.dataLim.intervalx[0]) - 2, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel(_("% of hostnetwork's goodput lost on the same NIC (line: 95 % interval)"))
    return chart

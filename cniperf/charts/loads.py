"""What the load itself showed: throughput, CPU time, latency, pairs, seconds."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cniperf.analysis.blocks import laid_out
from cniperf.analysis.latency import added, load_latency, percentile
from cniperf.analysis.loss import by_loss, is_userspace, loss_table
from cniperf.analysis.pairs import load_pairs, pairs_table
from cniperf.charts.style import (
    FAINT,
    HALO,
    INK,
    Chart,
    bar,
    chart_of_rows,
    colours,
    finish,
    label,
    legend,
    name_rows,
    new_chart,
    sentence,
    spread,
    star,
    styled,
)
from cniperf.errors import BadRun
from cniperf.language import _
from cniperf.modes import mode_of
from cniperf.timeline import load_intervals, load_turns

# Of an axis, where a scheme's name stands beside its mark: how high it is, and how long.
NEAR, A_NAME = 0.06, 0.2
LEFT, RIGHT = -1, 1


@styled
def throughput(runs: pd.DataFrame) -> Chart:
    """Draw the figure of each scheme: a bar to the mean, a dot a round, whiskers over all rounds.

    Args:
        runs: runs of one condition, as :func:`cniperf.load_runs` gives them.
    """
    blocks, table = laid_out(runs), by_loss(loss_table(runs))
    mode = mode_of(runs)
    title = _("{figure}, pod to pod (less is better)") if mode.less else _("{figure}, pod to pod")
    chart, axes = chart_of_rows(table, title.format(figure=_(mode.noun).capitalize()))
    if len(table) and not table["runs"].any():
        sentence(axes, _("No run here has a figure to draw."))
        return chart
    for y, (scheme, row) in enumerate(table.iterrows()):
        bar(axes, y, str(scheme), row, "figure", colours(table.index))
        dots = blocks.figures(str(scheme))
        axes.plot(dots, np.full(len(dots), y + 0.27), ".", color=INK, markersize=3, alpha=0.6)
        if row["runs"]:
            label(axes, y, row["figure_high"], mode.form.format(row["figure"]) + star(row))
    axis = _("{unit} (bar: geometric mean; line: lowest to highest round; dots: single rounds)")
    finish(axes, table, axis.format(unit=_(mode.unit)))
    return chart


@styled
def timeline(folders: Iterable[Path | str]) -> Chart:
    """Draw throughput over time, a line a run; of runs in turns, one lab after the other.

    Args:
        folders: run folders; those of failed runs are passed over.
    """
    folders = list(folders)
    if turns := _turns_of(folders):
        return _in_turns(turns)
    chart = new_chart(2.6, _("Throughput over time, as sent"))
    axes = chart.axes[0]
    top = 0.0
    for number, folder in enumerate(folders, 1):
        try:
            seconds = load_intervals(folder)
        except BadRun:
            continue
        if seconds.empty:
            continue
        axes.plot(seconds["second"], seconds["gbps"], ".-", linewidth=1.2,
                  label=_("run {number}").format(number=number))  # fmt: skip
        omitted = seconds[seconds["omitted"]]["second"].max()
        if np.isfinite(omitted):
            axes.axvspan(0, omitted, color="#f0f0f0", linewidth=0)
        top = max(top, seconds["gbps"].max())
    if not top:
        sentence(axes, _("No run here has a throughput to draw."))
        return chart
    axes.set(xlim=(0, None), ylim=(0, top * 1.1), ylabel="Gbit/s",
             xlabel=_("seconds of load (grey: not counted)"))  # fmt: skip
    axes.grid(axis="y")
    if len(axes.lines) > 1:
        axes.legend(frameon=False, fontsize=8)
    return chart


def _turns_of(folders: Iterable[Path | str]) -> list[pd.DataFrame]:
    """Return the turns of each run that has some."""
    found = []
    for folder in folders:
        with suppress(BadRun):
            found.append(load_turns(folder))
    return [turns for turns in found if len(turns)]


def _in_turns(labs: list[pd.DataFrame]) -> Chart:
    """Draw the rate of each slice, the scheme's and hostnetwork's, one lab after the other."""
    chart = new_chart(2.6, _("Throughput of each turn"))
    axes = chart.axes[0]
    begin, top = 0.0, 0.0
    words = {"hostnetwork": (FAINT, "hostnetwork"), "scheme": (INK, _("the scheme"))}
    for turns in labs:
        for leg, (colour, named) in words.items():
            own = turns[turns["leg"].eq(leg)]
            axes.plot(begin + own["ended"], own["gbps"], ".", color=colour, markersize=3,
                      label=None if begin else named)  # fmt: skip
        top = max(top, turns["gbps"].max())
        begin += float(turns["drained"].max())
        axes.axvline(begin, color=FAINT, linewidth=0.6, linestyle=":")
    axes.set(xlim=(0, begin), ylim=(0, top * 1.1), ylabel="Gbit/s",
             xlabel=_("seconds of turns (dotted: the next lab)"))  # fmt: skip
    axes.grid(axis="y")
    legend(chart, ncols=2)
    return chart


@styled
def cpu(runs: pd.DataFrame) -> Chart:
    """Draw each scheme's throughput against the CPU time that it costs both hosts.

    Args:
        runs: runs of one condition. Open vSwitch's userspace datapath is left out.
    """
    mode = mode_of(runs)
    chart = new_chart(3.2, _("Throughput, and the CPU time that it costs"))
    axes = chart.axes[0]
    good = laid_out(runs).runs
    good, table = good[~is_userspace(good)], loss_table(runs)
    middle = table.loc[~table["userspace"].astype(bool), ["cost", "figure"]].dropna()
    if middle.empty:
        sentence(axes, _("No run here has its CPU time recorded."))
        return chart
    palette = colours(good["scheme"].unique())
    for scheme, row in middle.iterrows():
        own, colour = good[good["scheme"].eq(str(scheme))], palette[str(scheme)]
        axes.plot(own["cost"], own["figure"], ".", color=colour, markersize=3, alpha=0.4)
        axes.plot(row["cost"], row["figure"], "o", color=colour, markersize=8)
    _name_marks(axes, middle)
    axes.set(xlim=(0, 1.2 * axes.dataLim.xmax), ylim=(0, 1.1 * axes.dataLim.ymax),
             xlabel=_("{unit}, both hosts, softirq included").format(unit=_(mode.cost_unit)),
             ylabel=_(mode.unit))  # fmt: skip
    axes.grid(True)
    return chart


def _name_marks(axes: Axes, middle: pd.DataFrame) -> None:
    """Write each scheme's name beside its mark, with room between the names of each side."""
    ranked = middle.sort_values("figure", ascending=False)
    sides = np.array([_free_side(middle, str(name)) for name in ranked.index])
    for side, edge in ((LEFT, "right"), (RIGHT, "left")):
        names = ranked[sides == side]
        spots = -spread(-names["figure"].to_numpy(), apart=NEAR * middle["figure"].max())
        for spot, (scheme, row) in zip(spots, names.iterrows(), strict=True):
            axes.annotate(str(scheme), (row["cost"], spot), (9 * side, 0),
                          textcoords="offset points", va="center", ha=edge, **HALO)  # fmt: skip


def _free_side(middle: pd.DataFrame, scheme: str) -> int:
    """Return the side of a mark on which no other mark is in the way of its name."""
    far, own = (middle - middle.loc[scheme]) / middle.max(), middle.index == scheme
    level = far["cost"][~own & (far["figure"].abs() < NEAR) & (far["cost"].abs() < A_NAME)]
    return LEFT if level.gt(0).any() and not level.lt(0).any() else RIGHT


@styled
def latency(runs: pd.DataFrame) -> Chart:
    """Draw within how many µs which share of the transactions was done, a line a scheme.

    The share runs towards 100 % in steps of ten, so that the slowest have room.

    Args:
        runs: runs of one condition, of mode ``rr`` or ``crr``.
    """
    chart = new_chart(3.4, _("How long a transaction took"))
    axes = chart.axes[0]
    good = laid_out(runs).runs
    palette, ends = colours(good["scheme"].unique()), []
    shares = 1 - np.logspace(0, -3, 61)[:-1]
    for scheme in good.sort_values("order")["scheme"].unique():
        own = good[good["scheme"].eq(scheme)]
        found = [count for path in own["path"] if len(count := load_latency(path))]
        if found:
            whole = added(found)
            times = [percentile(whole, 100 * share) for share in [*shares, 0.999]]
            x = np.append(-np.log10(1 - shares), 3)
            dashes = "--" if is_userspace(own).any() else "-"
            axes.plot(x, times, dashes, color=palette[scheme], linewidth=1.6)
            ends.append((float(np.log10(times[-1])), 3, str(scheme)))
    if not ends:
        sentence(axes, _("No run here timed its transactions."))
        return chart
    axes.set_yscale("log")
    low, high = np.log10(axes.get_ylim())
    ordered = sorted(ends)
    spots = spread(np.array([y for y, *__ in ordered]), apart=0.06 * (high - low))
    for (*__, scheme), spot in zip(ordered, spots, strict=True):
        axes.text(3.05, 10**spot, scheme, va="center", size=8)
    axes.set_xticks([0, -np.log10(0.5), 1, 2, 3], labels=["0", "50", "90", "99", "99.9"])
    axes.set(xlim=(0, 3.75), ylabel="µs")
    axes.set_xlabel(_("% of the transactions done (dashed: Open vSwitch in userspace)"))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(_halves)
    axes.grid(True, which="both", axis="y")
    axes.grid(axis="x")
    return chart


def _halves(value: float, __: float = 0) -> str:
    """Label the twos and fives between the powers of ten."""
    return f"{value:g}" if str(f"{value:e}")[0] in "25" else ""


@styled
def pairs(runs: pd.DataFrame) -> Chart:
    """Draw what each pair of pods got, a dot a pair of a run, a line a scheme.

    Args:
        runs: runs of one condition, of several pairs each.
    """
    each, table = load_pairs(runs), pairs_table(runs)
    mode = mode_of(runs)
    chart, axes = chart_of_rows(table, _("What each pair of pods got"))
    if table.empty:
        sentence(axes, _("No run here had several pairs of pods."))
        return chart
    palette = colours(table.index)
    for y, (scheme, row) in enumerate(table.iterrows()):
        own = each[each["scheme"].eq(str(scheme))]["figure"].to_numpy()
        nudge = np.linspace(-0.25, 0.25, len(own)) if len(own) > 1 else [0]
        axes.plot(own, y + np.asarray(nudge), ".", color=palette[str(scheme)], markersize=4,
                  alpha=0.6)  # fmt: skip
        axes.plot([row["median"]] * 2, [y - 0.35, y + 0.35], color=INK, linewidth=1.2)
        label(axes, y, own.max(), f"Jain {row['jain']:.2f}")
    name_rows(axes, [str(scheme) for scheme in table.index])
    axes.set_xlim(0, 1.15 * axes.dataLim.xmax)
    axis = _("{unit} (dots: pairs of all runs; line: median)")
    axes.set_xlabel(axis.format(unit=_(mode.unit)))
    return chart

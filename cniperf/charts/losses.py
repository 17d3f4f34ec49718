"""What each scheme loses, what each piece costs, and what a scheme asks of the underlay."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, laid_out, spread_of
from cniperf.analysis.claims import ARTICLE_LOSS, is_articles_load
from cniperf.analysis.ladder import ladder_table
from cniperf.analysis.loss import by_loss, loss_table
from cniperf.analysis.paths import UNDERLAY, control_table
from cniperf.charts.style import (
    COLOURS,
    FAINT,
    HALO,
    INK,
    Chart,
    aside,
    bar,
    chart_of_rows,
    colours,
    finish,
    label,
    leading,
    legend,
    name_rows,
    new_chart,
    panels_of_rows,
    sentence,
    spread,
    star,
    styled,
    with_interval,
)
from cniperf.language import _, in_percent
from cniperf.modes import mode_of


@styled
def loss(runs: pd.DataFrame) -> Chart:
    """Draw the share of what hostnetwork carries that each scheme loses, beside the article's.

    A bar reaches to the loss, a line spans its 95 % interval (bed counted: the seeds), and a dot is
    a round, hollow where the hosts' CPUs shared no cache. Where they lay in two ways that count,
    the bar reaches to the mean of both and the line spans both intervals.

    Args:
        runs: runs of one condition, hostnetwork among them.
    """
    blocks, table = laid_out(runs), by_loss(loss_table(runs))
    table, as_article = table[table.index != BASELINE], is_articles_load(runs)
    chart, panels = panels_of_rows(table, _(mode_of(runs).title))
    hollow = False
    for axes, part in panels:
        for y, (scheme, row) in enumerate(part.iterrows()):
            bar(axes, y, str(scheme), row, "loss", colours(table.index), scale=100)
            if not np.isfinite(row["loss"]):
                continue
            for place, changes in blocks.changes(str(scheme)).items():
                hollow |= place == "apart" and len(changes) > 0
                axes.plot(-100 * changes, np.full(len(changes), y + 0.27), "o", color=INK,
                          alpha=0.4, markerfacecolor="none" if place == "apart" else INK,
                          markersize=2, markeredgewidth=0.5)  # fmt: skip
            compared = as_article and not row["userspace"]
            stated = ARTICLE_LOSS.get(str(scheme)) if compared else None
            if stated:  # above the bar, where it does not hide its end
                face = "white" if stated[1] else INK
                axes.plot(100 * stated[0], y - 0.36, "v", color=INK, markerfacecolor=face,
                          markersize=5)  # fmt: skip
            aside(axes, y, f"{_with_interval(row)}{star(row)}")
        axes.axvline(0, color=FAINT, linewidth=0.8)
        if len(panels) > 1:
            finish(axes, part, "", room=0.02)
    axes = panels[0][0]
    if as_article:
        axes.plot([], [], "v", color=INK, markersize=5, label=_("the article"))
        axes.plot([], [], "v", color=INK, markerfacecolor="white", markersize=5,
                  label=_("implied by the article"))  # fmt: skip
    if hollow:
        axes.plot([], [], "o", color=INK, markersize=3, markerfacecolor="none",
                  label=_("no common cache"))  # fmt: skip
    legend(chart, ncols=3)
    axis = _("% of hostnetwork's {figure} (bar: estimate; dots: single rounds)")
    if table["loss_low"].notna().any():
        axis = _("% of hostnetwork's {figure} (bar: estimate; line: {spread}; dots: single rounds)")
    told = {"figure": _(mode_of(runs).loses), "spread": _(blocks.spread.name)}
    finish(axes, panels[0][1], axis.format(**told), room=0.02)
    return chart


def _with_interval(row: "pd.Series[Any]") -> str:
    text = with_interval(row["loss"], row["loss_low"], row["loss_high"])
    return in_percent(text).replace("-", "−")


@styled
def ladder(runs: pd.DataFrame) -> Chart:
    """Draw what each piece of a pod network costs by itself, as a waterfall.

    Args:
        runs: runs of one condition, with rounds that have every scheme of
            :data:`cniperf.analysis.ladder.LADDER`.
    """
    table = ladder_table(runs)
    chart, axes = chart_of_rows(table, _("What each piece costs"))
    if table.empty:
        sentence(axes, _("No round here has all schemes of the ladder."))
        return chart
    start = 1.0
    for y, row in enumerate(table.to_dict("records")):
        first, end = row["scheme"] == BASELINE, row["left"]
        left, right = (0.0, 1.0) if first else sorted((start, end))
        axes.barh(y, 100 * (right - left), left=100 * left, height=0.62,
                  color=COLOURS[row["scheme"]], zorder=2)  # fmt: skip
        if y < len(table) - 1:  # a line down to where the next step begins
            axes.plot([100 * end] * 2, [y, y + 1], color=FAINT, linewidth=0.8, zorder=1)
        label(axes, y, 100 * right, in_percent("100") if first else _cost(row))
        start = end
    name_rows(axes, [f"{row.adds}\n{row.scheme}" for row in table.itertuples()])
    words = _("% left of hostnetwork's {figure}\n(labels: points)")
    if table["cost_low"].notna().any():
        words = _("% left of hostnetwork's {figure}\n(labels: points, with the {spread})")
    told = {"figure": _(mode_of(runs).loses), "spread": _(spread_of(runs).name)}
    axes.set(xlim=(0, 118), xticks=range(0, 101, 20))
    axes.set_xlabel(words.format(**told), **leading())
    return chart


def _cost(row: Mapping[Hashable, Any]) -> str:
    text = with_interval(-row["cost"], -row["cost_high"], -row["cost_low"], "{:+.1f}")
    return text.replace("-", "−")


@styled
def trade_off(runs: pd.DataFrame) -> Chart:
    """Draw loss against what the underlay must allow, a mark a scheme; filled: policies count.

    Args:
        runs: runs of one condition, with evidence, hostnetwork among them.
    """
    table = control_table(runs).join(loss_table(runs)[["loss", "loss_low", "loss_high"]])
    table = table[table["loss"].notna() & (table.index != BASELINE)]
    table = table[table["underlay"].isin(UNDERLAY)]  # runs may disagree, or not show it
    chart = new_chart(3.6, _("Loss, and what the network must allow"))
    axes = chart.axes[0]
    if table.empty:
        sentence(axes, _("No scheme here has both a loss and evidence of its path."))
        return chart
    palette = colours(table.index)
    bottom = 10.0
    for place, seen in enumerate(reversed(UNDERLAY)):
        column = table[table["underlay"].eq(seen)].sort_values("loss")
        losses = 100 * column["loss"].to_numpy()
        spots = spread(losses, apart=6.5)
        for number, (scheme, row) in enumerate(column.iterrows()):
            colour, loss = palette[str(scheme)], losses[number]
            near = number > 0 and loss - losses[number - 1] < 3  # or one mark would hide the other
            x = place + (0.07 if near else 0)
            if np.isfinite(row["loss_low"]):
                ends = [100 * row["loss_low"], 100 * row["loss_high"]]
                axes.plot([x, x], ends, color=INK, linewidth=1.0, zorder=2)
            face = colour if row["policy"] == "takes effect" else "white"
            axes.plot(x, loss, "o", color=colour, markerfacecolor=face, markersize=9, zorder=3)
            axes.text(place + 0.13, spots[number], f"{scheme}{star(row)}", va="center", **HALO)
            bottom = max(bottom, spots[number])
    axes.plot([], [], "o", color=INK, markersize=8, label=_("a drop rule on the host takes effect"))
    axes.plot([], [], "o", color=INK, markerfacecolor="white", markersize=8,
              label=_("it does not"))  # fmt: skip
    legend(chart, ncols=2)
    axes.set(xlim=(-0.4, len(UNDERLAY) - 0.3), ylim=(bottom + 6, min(axes.dataLim.ymin, 0) - 4))
    lost = _("% of hostnetwork's {noun} lost").format(noun=_(mode_of(runs).loses))
    axes.set_ylabel(lost, **leading())
    axes.set_xticks(range(len(UNDERLAY)), labels=[
        _("pods' MACs\n(needs L2 freedom)"), _("pods' IPs\n(routers need routes)"),
        _("hosts only\n(any IP network)"),
    ], **leading())  # fmt: skip
    lines = [_("what the underlay sees of a pod")]
    if table["userspace"].any():
        lines.append(_("* Open vSwitch's userspace datapath: not comparable"))
    axes.set_xlabel("\n".join(lines), **leading())
    axes.text(0.99, 0.97, _("cheaper, asks for less ↗"), transform=axes.transAxes, ha="right",
              va="top", color=FAINT, **HALO)  # fmt: skip
    axes.grid(axis="y")
    return chart

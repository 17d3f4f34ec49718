"""Charts: each takes one tidy table and returns one figure that shows itself in a notebook."""

import io
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from textwrap import shorten
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cniperf.analysis.claims import ARTICLE_LOSS
from cniperf.analysis.loss import loss_table
from cniperf.runs import load_intervals

# One colour a scheme, the same in every chart; after Okabe and Ito, told apart by the colour
# blind. Hues go by family: Open vSwitch warm, routed blue, tunnelled purple.
COLOURS = {
    "hostnetwork": "#4a4a4a",
    "macvlan": "#009e73",
    "ovs": "#e69f00",
    "ovs-bridge": "#d55e00",
    "calico": "#0072b2",
    "flannel-hostgw": "#56b4e9",
    "flannel-vxlan": "#cc79a7",
    "canal": "#88458f",
}
OTHERS = ("#b2a429", "#7a5c3e", "#2f7f86", "#a0a0a0")

INK, FAINT = "#222222", "#8a8a8a"
WIDTH, ROW = 7.2, 0.3  # inches
LABEL = 11  # what a label takes of the loss chart's axis, in its units

STYLE: Any = {
    "axes.edgecolor": FAINT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelcolor": INK,
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "svg.fonttype": "path",  # a reader's machine needs no font
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


P = ParamSpec("P")


class Chart(Figure):
    """A figure that a notebook shows as SVG or PNG, whichever it may.

    JupyterLab shows SVG only in a notebook that it trusts, so the PNG goes with it.
    """

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, object], dict[str, object]]:
        svg, png = io.StringIO(), io.BytesIO()
        with mpl.rc_context(_style()):
            self.savefig(svg, format="svg")
            self.savefig(png, format="png", dpi=160)
        alt = {"alt": self.axes[0].get_title(loc="left")}
        return (
            {"image/svg+xml": svg.getvalue(), "image/png": png.getvalue()},
            {"image/svg+xml": alt, "image/png": alt},
        )

    def save(self, file: Path | str) -> None:
        """Write the chart to a file whose ending names the format."""
        with mpl.rc_context(_style()):
            self.savefig(file, dpi=160)


def colours(schemes: Iterable[str]) -> dict[str, str]:
    """Return a colour for each scheme."""
    unknown = [name for name in schemes if name not in COLOURS]
    return COLOURS | {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(unknown)}


def _styled(draw: Callable[P, Chart]) -> Callable[P, Chart]:
    """Draw in the house style, whatever the reader's own settings are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Chart:
        with mpl.rc_context(_style()):
            return draw(*args, **kwargs)

    return drawn


@_styled
def throughput(runs: pd.DataFrame) -> Chart:
    """Draw the goodput of each scheme: a bar to the median, a dot a run, whiskers over all runs.

    Args:
        runs: runs of one condition, as :func:`cniperf.load_runs` gives them.
    """
    table = loss_table(runs)
    chart, axes = _rows(table, "Goodput, pod to pod")
    for y, (scheme, row) in enumerate(table.iterrows()):
        _bar(axes, y, str(scheme), row, "gbps", colours(table.index))
        dots = runs[runs["scheme"].eq(str(scheme)) & runs["status"].eq("ok")]["gbps"]
        axes.plot(dots, np.full(len(dots), y + 0.27), ".", color=INK, markersize=3, alpha=0.6)
        if row["runs"]:
            _label(axes, y, row["gbps_high"], f"{row['gbps']:.2f}{_star(row)}")
    _finish(axes, table, "Gbit/s (bar: median; line: lowest to highest run; dots: runs)")
    return chart


@_styled
def loss(runs: pd.DataFrame) -> Chart:
    """Draw the share of hostnetwork's throughput that each scheme loses, beside the article's.

    Args:
        runs: runs of one condition, hostnetwork among them.
    """
    table = loss_table(runs)
    table = table[table.index != "hostnetwork"]
    chart, axes = _rows(table, "Loss against hostnetwork")
    for y, (scheme, row) in enumerate(table.iterrows()):
        _bar(axes, y, str(scheme), row, "loss", colours(table.index), scale=100)
        stated = ARTICLE_LOSS.get(str(scheme))
        if stated:
            face = "white" if stated[1] else INK
            axes.plot(100 * stated[0], y, "D", color=INK, markerfacecolor=face, markersize=5)
        if np.isfinite(row["loss"]):
            end = 100 * max(row["loss_high"], 0)
            mark = 100 * stated[0] if stated else -1
            end = mark if -1 < mark - end < LABEL else end  # keep the text off the diamond
            _label(axes, y, end, f"{100 * row['loss']:.1f} %{_star(row)}")
    axes.plot([], [], "D", color=INK, markersize=5, label="the article")
    axes.plot([], [], "D", color=INK, markerfacecolor="white", markersize=5,
              label="implied by the article")  # fmt: skip
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    _finish(axes, table, "% of hostnetwork's goodput (bar: median; line: lowest to highest run)")
    return chart


@_styled
def timeline(folders: Iterable[Path | str]) -> Chart:
    """Draw throughput over time, a line a run.

    Args:
        folders: run folders; those of failed runs are passed over.
    """
    chart = _chart(2.6, "Throughput over time, as sent")
    axes = chart.axes[0]
    top = 0.0
    for number, folder in enumerate(folders, 1):
        try:
            seconds = load_intervals(folder)
        except FileNotFoundError:
            continue
        axes.plot(seconds["second"], seconds["gbps"], ".-", linewidth=1.2, label=f"run {number}")
        omitted = seconds[seconds["omitted"]]["second"].max()
        if np.isfinite(omitted):
            axes.axvspan(0, omitted, color="#f0f0f0", linewidth=0)
        top = max(top, seconds["gbps"].max())
    if not top:
        _sentence(axes, "No run here has a throughput to draw.")
        return chart
    axes.set(xlim=(0, None), ylim=(0, top * 1.1), xlabel="seconds of load (grey: not counted)",
             ylabel="Gbit/s")  # fmt: skip
    axes.grid(axis="y")
    if len(axes.lines) > 1:
        axes.legend(frameon=False, fontsize=8)
    return chart


def _style() -> Any:  # noqa: ANN401
    """Return the style, in a font that the PDF uses too and that knows Chinese, where it is."""
    wanted = ("Noto Sans CJK SC", "Noto Sans", "DejaVu Sans")
    known = set(font_manager.get_font_names())
    return STYLE | {"font.family": [name for name in wanted if name in known]}


def _chart(height: float, title: str) -> Chart:
    chart = Chart(figsize=(WIDTH, height), layout="constrained")
    chart.add_subplot().set_title(title, pad=10)
    return chart


def _rows(table: pd.DataFrame, title: str) -> tuple[Chart, Axes]:
    chart = _chart(1.05 + ROW * max(len(table), 1), title)
    return chart, chart.axes[0]


def _bar(
    axes: Axes,
    y: int,
    scheme: str,
    row: "pd.Series[Any]",
    value: str,
    palette: dict[str, str],
    scale: float = 1,
) -> None:
    """Draw one scheme's bar and whiskers, or say why there is none."""
    if not np.isfinite(row[value]):
        why = f"failed: {row['error']}" if row["failed"] else "no hostnetwork run to compare with"
        _label(axes, y, 0, shorten(why, 78, placeholder=" …"), fontsize=8, color="#b00020")
        return
    hatch = "///" if row["userspace"] else None
    axes.barh(y, scale * row[value], height=0.62, color=palette[scheme], hatch=hatch,
              edgecolor="white", linewidth=0, zorder=2)  # fmt: skip
    low, high = scale * row[f"{value}_low"], scale * row[f"{value}_high"]
    axes.plot([low, high], [y, y], color=INK, linewidth=1.2, zorder=3)


def _label(axes: Axes, y: int, end: float, text: str, **look: Any) -> None:  # noqa: ANN401
    axes.annotate(text, (end, y), (6, 0), textcoords="offset points", va="center", **look)


def _star(row: "pd.Series[Any]") -> str:
    return "*" if row["userspace"] else ""


def _finish(axes: Axes, table: pd.DataFrame, label: str) -> None:
    if table.empty:
        _sentence(axes, "There is nothing to draw: no run of a scheme under these conditions.")
        return
    axes.set_yticks(range(len(table)), labels=list(table.index))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(table) - 0.4, -0.6)
    left, right = axes.dataLim.intervalx
    left = min(0, left)
    axes.set_xlim(left, right + 0.12 * (right - left))  # room for the labels
    axes.grid(axis="x", zorder=0)
    axes.set_axisbelow(True)
    note = "\n* Open vSwitch's userspace datapath (hatched): not comparable with the article"
    axes.set_xlabel(label + (note if table["userspace"].any() else ""))


def _sentence(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0, 0.5, text, transform=axes.transAxes, color=FAINT)

"""Charts: each takes one tidy table and returns one figure that shows itself in a notebook."""

import io
from collections.abc import Callable, Hashable, Iterable, Mapping
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

from cniperf.analysis.blocks import BASELINE, Blocks
from cniperf.analysis.claims import ARTICLE_LOSS
from cniperf.analysis.ladder import ladder_table
from cniperf.analysis.loss import is_userspace, loss_table
from cniperf.analysis.noise import noise_floor
from cniperf.analysis.paths import UNDERLAY, control_table
from cniperf.analysis.sweep import panels
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


# What a sweep's chart shows: its title, the axis, and what a value is multiplied by.
SWEPT = {
    "loss": ("What the loss depends on", "% of hostnetwork's goodput lost", 100),
    "gbps": ("What the goodput depends on", "Gbit/s", 1),
    "cpu_per_gb": ("What a gigabyte costs", "CPU seconds of both hosts a GB", 1),
}
AXES = {
    "mtu": "MTU of the underlay, bytes", "length": "bytes a write", "streams": "TCP connections",
    "window": "TCP window", "congestion": "congestion control", "nic": "NIC",
    "direction": "who sends", "rate": "load offered, Gbit/s (0: as much as goes)",
}  # fmt: skip


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


def styled(draw: Callable[P, Chart]) -> Callable[P, Chart]:
    """Draw in the house style, whatever the reader's own settings are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Chart:
        with mpl.rc_context(_style()):
            return draw(*args, **kwargs)

    return drawn


@styled
def throughput(runs: pd.DataFrame) -> Chart:
    """Draw the goodput of each scheme: a bar to the median, a dot a run, whiskers over all runs.

    Args:
        runs: runs of one condition, as :func:`cniperf.load_runs` gives them.
    """
    blocks, table = Blocks(runs), loss_table(runs)
    chart, axes = _rows(table, "Goodput, pod to pod")
    for y, (scheme, row) in enumerate(table.iterrows()):
        _bar(axes, y, str(scheme), row, "gbps", colours(table.index))
        dots = blocks.figures(str(scheme))
        axes.plot(dots, np.full(len(dots), y + 0.27), ".", color=INK, markersize=3, alpha=0.6)
        if row["runs"]:
            _label(axes, y, row["gbps_high"], f"{row['gbps']:.2f}{_star(row)}")
    _finish(axes, table, "Gbit/s (bar: median; line: lowest to highest run; dots: runs)")
    return chart


@styled
def loss(runs: pd.DataFrame) -> Chart:
    """Draw the share of hostnetwork's goodput that each scheme loses, beside the article's.

    A bar reaches to the median over the rounds, a line spans its 95 % interval, and a dot is a
    round. Where hostnetwork ran twice a round, its difference from itself stands first: no
    smaller difference can be seen.

    Args:
        runs: runs of one condition, hostnetwork among them.
    """
    blocks, table = Blocks(runs), loss_table(runs)
    table = table[table.index != BASELINE]
    chart, axes = _rows(table, "Loss against hostnetwork")
    for y, (scheme, row) in enumerate(table.iterrows()):
        _bar(axes, y, str(scheme), row, "loss", colours(table.index), scale=100)
        if not np.isfinite(row["loss"]):
            continue
        dots = -100 * blocks.changes(str(scheme))
        axes.plot(dots, np.full(len(dots), y + 0.27), ".", color=INK, markersize=2.5, alpha=0.4)
        stated = ARTICLE_LOSS.get(str(scheme))
        if stated:  # above the bar, where it hides neither its end nor its label
            face = "white" if stated[1] else INK
            axes.plot(100 * stated[0], y - 0.36, "v", color=INK, markerfacecolor=face, markersize=5)
        end = 100 * np.nanmax([row["loss_high"], row["loss"], 0])
        _label(axes, y, end, f"{_with_interval(row)}{_star(row)}")
    axes.plot([], [], "v", color=INK, markersize=5, label="the article")
    axes.plot([], [], "v", color=INK, markerfacecolor="white", markersize=5,
              label="implied by the article")  # fmt: skip
    floor = noise_floor(runs).smallest
    if np.isfinite(floor):
        axes.axvspan(-100 * floor, 100 * floor, color=FAINT, alpha=0.25, linewidth=0,
                     label=f"noise: ±{100 * floor:.1f} %")  # fmt: skip
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize=8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    _finish(
        axes, table, "% of hostnetwork's goodput (bar: median; line: 95 % interval; dots: rounds)"
    )
    return chart


@styled
def trade_off(runs: pd.DataFrame) -> Chart:
    """Draw loss against what the underlay must allow, a mark a scheme; filled: policy bites.

    Args:
        runs: runs of one condition, with evidence, hostnetwork among them.
    """
    table = control_table(runs).join(loss_table(runs)[["loss", "loss_low", "loss_high"]])
    table = table[table["loss"].notna() & (table.index != BASELINE)]
    chart = _chart(3.6, "What control and independence cost")
    axes = chart.axes[0]
    if table.empty:
        _sentence(axes, "No scheme here has both a loss and evidence of its path.")
        return chart
    palette = colours(table.index)
    bottom = 10.0
    for place, seen in enumerate(reversed(UNDERLAY)):
        column = table[table["underlay"].eq(seen)].sort_values("loss")
        losses = 100 * column["loss"].to_numpy()
        spots = _spread(losses, apart=6.5)
        for number, (scheme, row) in enumerate(column.iterrows()):
            colour, loss = palette[str(scheme)], losses[number]
            near = number > 0 and loss - losses[number - 1] < 3  # or one mark would hide the other
            x = place + (0.07 if near else 0)
            if np.isfinite(row["loss_low"]):
                ends = [100 * row["loss_low"], 100 * row["loss_high"]]
                axes.plot([x, x], ends, color=INK, linewidth=1.0, zorder=2)
            face = colour if row["policy"] == "bites" else "white"
            axes.plot(x, loss, "o", color=colour, markerfacecolor=face, markersize=9, zorder=3)
            axes.text(place + 0.13, spots[number], f"{scheme}{_star(row)}", va="center",
                      color=colour)  # fmt: skip
            bottom = max(bottom, spots[number])
    axes.plot([], [], "o", color=INK, markersize=8, label="a drop rule on the host bites")
    axes.plot([], [], "o", color=INK, markerfacecolor="white", markersize=8, label="it does not")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8)
    axes.set(xlim=(-0.4, len(UNDERLAY) - 0.3), ylim=(bottom + 6, min(axes.dataLim.ymin, 0) - 4),
             ylabel="% of hostnetwork's goodput lost")  # fmt: skip
    axes.set_xticks(range(len(UNDERLAY)), labels=[
        "pods' MACs\n(needs L2 freedom)", "pods' IPs\n(routers need routes)",
        "hosts only\n(any IP network)",
    ])  # fmt: skip
    star = (
        "\n* Open vSwitch's userspace datapath: not comparable" if table["userspace"].any() else ""
    )
    axes.set_xlabel("what the underlay sees of a pod" + star)
    axes.text(0.99, 0.97, "cheaper and freer ↗", transform=axes.transAxes, ha="right", va="top",
              color=FAINT)  # fmt: skip
    axes.grid(axis="y")
    return chart


@styled
def sweep(table: pd.DataFrame, value: str = "loss") -> Chart:
    """Draw what a loss depends on: a line a scheme, a band for its 95 % interval.

    Args:
        table: as :func:`cniperf.analysis.sweep.sweep_table` returns it.
        value: ``loss``, ``gbps``, or ``cpu_per_gb``.
    """
    found = list(panels(table))
    columns = min(2, max(1, len(found)))
    rows = max(1, -(-len(found) // columns))
    chart = Chart(figsize=(WIDTH, 0.5 + 2.5 * rows), layout="constrained")
    grid = chart.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    title, label, scale = SWEPT[value]
    grid[0].set_title(title, pad=22 if len(found) > 1 else 10)
    if not found:
        _sentence(grid[0], "Nothing was varied here.")
        return chart
    shown = table[~table["userspace"] & (table["scheme"].ne(BASELINE) | (value != "loss"))]
    palette = colours(shown["scheme"].unique())
    for axes, (axis, others, part) in zip(grid, found, strict=False):
        points = list(dict.fromkeys(part[axis]))
        ends = []
        for scheme, line in part[part["scheme"].isin(palette)].groupby("scheme", sort=False):
            x = [points.index(point) for point in line[axis]]
            y = scale * line[value].to_numpy(dtype=float)
            axes.plot(x, y, ".-", color=palette[str(scheme)], linewidth=1.4)
            if value == "loss":
                axes.fill_between(x, scale * line["loss_low"].to_numpy(dtype=float),
                                  scale * line["loss_high"].to_numpy(dtype=float),
                                  color=palette[str(scheme)], alpha=0.2, linewidth=0)  # fmt: skip
            if len(y) and np.isfinite(y[-1]):
                ends.append((y[-1], x[-1], str(scheme)))
        _name_lines(axes, ends, palette)
        axes.set_xticks(range(len(points)), labels=[_point(axis, point) for point in points])
        axes.set_xlim(-0.2, len(points) - 0.3 + 0.35 * len(points))
        axes.set_xlabel(AXES.get(axis, axis))
        axes.grid(axis="y")
        axes.text(0, 1.02, others, transform=axes.transAxes, size=8, color=FAINT)
    for axes in grid[::columns]:
        axes.set_ylabel(label)
    for axes in grid[len(found) :]:
        axes.set_axis_off()
    return chart


def _name_lines(axes: Axes, ends: list[tuple[float, int, str]], palette: Mapping[str, str]) -> None:
    """Write each scheme's name at the end of its line, with room between them."""
    low, high = axes.get_ylim()
    ordered = sorted(ends)
    spots = _spread(np.array([y for y, _, _ in ordered]), apart=0.075 * (high - low))
    for (_, x, scheme), spot in zip(ordered, spots, strict=True):
        axes.text(x + 0.12, spot, scheme, color=palette[scheme], size=7.5, va="center")


def _point(name: str, value: object) -> str:
    if name in ("length", "mtu") and isinstance(value, int | np.integer):
        return f"{value // 1024} KiB" if value and value % 1024 == 0 else f"{value or 'default'}"
    if name == "window":
        return str(value) or "autotuned"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _spread(wanted: "np.ndarray", apart: float) -> "np.ndarray":
    """Move sorted places of labels down until each has room."""
    found = wanted.astype(float).copy()
    for i in range(1, len(found)):
        found[i] = max(found[i], found[i - 1] + apart)
    return found


@styled
def cpu(runs: pd.DataFrame) -> Chart:
    """Draw each scheme's goodput against the CPU time that a gigabyte costs both hosts.

    Args:
        runs: runs of one condition. Open vSwitch's userspace datapath is left out.
    """
    chart = _chart(3.2, "Goodput, and what a gigabyte costs")
    axes = chart.axes[0]
    good = Blocks(runs).runs
    good = good[~is_userspace(good)].assign(cost=good["cpu_per_gb_a"] + good["cpu_per_gb_b"])
    middle = good.groupby(["order", "scheme"])[["cost", "gbps"]].median().dropna()
    if middle.empty:
        _sentence(axes, "No run here tells how much CPU it used.")
        return chart
    palette = colours(good["scheme"].unique())
    spots = _spread(-middle["gbps"].sort_values(ascending=False).to_numpy(),
                    apart=0.06 * middle["gbps"].max())  # fmt: skip
    ranked = middle.sort_values("gbps", ascending=False)
    for spot, ((_, scheme), row) in zip(-spots, ranked.iterrows(), strict=True):
        own = good[good["scheme"].eq(scheme)]
        axes.plot(own["cost"], own["gbps"], ".", color=palette[scheme], markersize=3, alpha=0.4)
        axes.plot(row["cost"], row["gbps"], "o", color=palette[scheme], markersize=8)
        axes.annotate(scheme, (row["cost"], spot), (9, 0), textcoords="offset points",
                      va="center", color=palette[scheme])  # fmt: skip
    axes.set(xlim=(0, 1.2 * axes.dataLim.xmax), ylim=(0, 1.1 * axes.dataLim.ymax),
             xlabel="CPU seconds of both hosts a GB of goodput, softirq included",
             ylabel="Gbit/s")  # fmt: skip
    axes.grid(True)
    return chart


@styled
def ladder(runs: pd.DataFrame) -> Chart:
    """Draw what each piece of a pod network costs by itself, as a waterfall.

    Args:
        runs: runs of one condition, with rounds that have every scheme of
            :data:`cniperf.analysis.ladder.LADDER`.
    """
    table = ladder_table(runs)
    chart, axes = _rows(table, "What each piece costs")
    if table.empty:
        _sentence(axes, "No round here climbed the whole ladder of schemes.")
        return chart
    start = 1.0
    for y, row in enumerate(table.to_dict("records")):
        first, end = row["scheme"] == BASELINE, row["left"]
        left, right = (0.0, 1.0) if first else sorted((start, end))
        axes.barh(y, 100 * (right - left), left=100 * left, height=0.62,
                  color=COLOURS[row["scheme"]], zorder=2)  # fmt: skip
        if y < len(table) - 1:  # a line down to where the next step begins
            axes.plot([100 * end] * 2, [y, y + 1], color=FAINT, linewidth=0.8, zorder=1)
        _label(axes, y, 100 * right, "100 %" if first else _cost(row))
        start = end
    _lines(axes, [f"{row.adds}\n{row.scheme}" for row in table.itertuples()])
    axes.set(xlim=(0, 118), xticks=range(0, 101, 20),
             xlabel="% of hostnetwork's goodput that is left (labels: points, ± half of the 95 % "
             "interval)")  # fmt: skip
    return chart


@styled
def effects(table: pd.DataFrame) -> Chart:
    """Draw which knob moves a loss, and how much.

    Args:
        table: main effects, as :func:`cniperf.analysis.factors.effects_table` returns them.
    """
    chart, axes = _rows(table, "What moves VXLAN's loss")
    for y, row in enumerate(table.to_dict("records")):
        colour = COLOURS["flannel-vxlan"] if row["effect"] > 0 else COLOURS["macvlan"]
        axes.barh(y, 100 * row["effect"], height=0.55, color=colour, zorder=2)
        if np.isfinite(row["low"]):
            axes.plot([100 * row["low"], 100 * row["high"]], [y, y], color=INK, linewidth=1.2,
                      zorder=3)  # fmt: skip
        spread = _half(row["low"], row["high"])
        end = 100 * np.nanmax([row["effect"], row["high"], 0])
        _label(axes, y, end, f"{100 * row['effect']:+.1f}{spread}".replace("-", "−"))
    axes.axvline(0, color=FAINT, linewidth=0.8)
    if table.empty:
        _sentence(axes, "No round here has every combination.")
        return chart
    _lines(axes, list(table["words"]))
    left, right = axes.dataLim.intervalx
    axes.set_xlim(min(0, left) - 3, right + 0.2 * (right - left))
    axes.set_xlabel("points of loss, from one setting to the other (line: 95 % interval)")
    return chart


@styled
def cells(table: pd.DataFrame) -> Chart:
    """Draw the loss of every combination of a factorial experiment, a dot a combination.

    Args:
        table: as :func:`cniperf.analysis.factors.cells_table` returns it.
    """
    chart, axes = _rows(table, "Every combination")
    for y, row in enumerate(table.to_dict("records")):
        if np.isfinite(row["loss_low"]):
            axes.plot([100 * row["loss_low"], 100 * row["loss_high"]], [y, y], color=INK,
                      linewidth=1.2, zorder=2)  # fmt: skip
        axes.plot(100 * row["loss"], y, "o", color=COLOURS[row["scheme"]], markersize=7, zorder=3)
        _label(axes, y, 100 * np.nanmax([row["loss"], row["loss_high"]]),
               f"{100 * row['loss']:.1f} %".replace("-", "−"))  # fmt: skip
    if table.empty:
        _sentence(axes, "No round here has every combination.")
        return chart
    _lines(axes, list(table["words"]))
    axes.set_xlim(min(0, axes.dataLim.intervalx[0]) - 2, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("% of hostnetwork's goodput lost on the same NIC (line: 95 % interval)")
    return chart


@styled
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
    if np.isfinite(low):
        axes.plot([low, high], [y, y], color=INK, linewidth=1.2, zorder=3)


def _label(axes: Axes, y: int, end: float, text: str, **look: Any) -> None:  # noqa: ANN401
    axes.annotate(text, (end, y), (6, 0), textcoords="offset points", va="center", **look)


def _half(low: float, high: float) -> str:
    """Return half of an interval's width in points, as ± x; nothing where there is none."""
    return f" ± {50 * (high - low):.1f}" if np.isfinite(low) else ""


def _with_interval(row: "pd.Series[Any]") -> str:
    spread = _half(row["loss_low"], row["loss_high"])
    return f"{100 * row['loss']:.1f}{spread} %".replace("-", "−")


def _cost(row: Mapping[Hashable, Any]) -> str:
    spread = _half(row["cost_low"], row["cost_high"])
    return f"{-100 * row['cost']:+.1f}{spread}".replace("-", "−")


def _star(row: "pd.Series[Any]") -> str:
    return "*" if row["userspace"] else ""


def _finish(axes: Axes, table: pd.DataFrame, label: str) -> None:
    if table.empty:
        _sentence(axes, "There is nothing to draw: no run of a scheme under these conditions.")
        return
    _lines(axes, list(table.index))
    left, right = axes.dataLim.intervalx
    left, right = min(0, left), max(right, left + 1e-9)
    axes.set_xlim(left, right + 0.12 * (right - left))  # room for the labels
    note = "\n* Open vSwitch's userspace datapath (hatched): not comparable with the article"
    axes.set_xlabel(label + (note if table["userspace"].any() else ""))


def _lines(axes: Axes, labels: list[str]) -> None:
    """Name the lines of a chart, the first on top."""
    axes.set_yticks(range(len(labels)), labels=labels)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", zorder=0)
    axes.set_axisbelow(True)


def _sentence(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0, 0.5, text, transform=axes.transAxes, color=FAINT)

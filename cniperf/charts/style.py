"""What all charts share: colours, style, the figure that shows itself, rows and labels."""

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
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
from matplotlib.patheffects import withStroke

from cniperf.language import _, spoken
from cniperf.page import HOVER

# One colour a scheme, the same in every chart; after Okabe and Ito, told apart by the colour
# blind. Hues go by family: Open vSwitch warm, routed blue, tunnelled purple. All have a contrast of
# 3 : 1 to paper and more, as WCAG 2 asks of marks.
COLOURS = {
    "hostnetwork": "#4a4a4a",
    "macvlan": "#009e73",
    "ovs": "#b27b00",
    "ovs-bridge": "#d55e00",
    "calico": "#0072b2",
    "flannel-hostgw": "#3591c9",
    "flannel-vxlan": "#c4679a",
    "canal": "#88458f",
    "ipvlan-l2": "#3f9c80",
    "ipvlan-l3": "#00604a",
    "calico-ipip": "#b97aa8",
    "calico-vxlan": "#a64d97",
    "calico-wireguard": "#4f1f55",
    "ovs-vxlan": "#a17d12",
    "ovs-geneve": "#8c4a00",
    "docker-nat": "#5591b5",
    "cni-bridge": "#4a86b8",
    "cni-ptp": "#1f5f8b",
    "cni-macvlan": "#1a8a6b",
    "cni-ipvlan": "#2f7d5f",
    "cni": "#6b6b00",
    "service-chain-10": "#7a7fc0",
    "service-chain-10000": "#3d3f8f",
    "service-map-10": "#9a6fb0",
    "service-map-10000": "#5d3a78",
    "calico-ebpf": "#0a5e8a",
    "policy-0": "#3d8bbd",
    "policy-100": "#235a80",
    "policy-1000": "#102f47",
    "policy-set-1000": "#4f7a5a",
    "policy-established-1000": "#2c4a34",
    "policy-iptables-1000": "#5b3f6e",
}
OTHERS = ("#8f831a", "#7a5c3e", "#2f7f86", "#858585")

INK, FAINT = "#222222", "#696969"
# Around a name among marks and grid lines, so that none of them strikes it through.
HALO: Any = {"path_effects": [withStroke(linewidth=2.5, foreground="white")]}
WIDTH, ROW = 7.2, 0.3  # inches

STYLE: Any = {
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelcolor": INK,
    "figure.facecolor": "white",
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "svg.fonttype": "none",  # words can be selected, found and read aloud
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

P = ParamSpec("P")

CLEAR = "cniperf-clear"  # marks a chart without a background
_paper: dict[str, Any] = {}  # how an SVG is saved, see :func:`take_paper_away`


class Chart(Figure):
    """A figure that a notebook shows as SVG or PNG, whichever it may.

    JupyterLab shows SVG only in a notebook that it trusts, so the PNG goes with it.
    """

    def _repr_mimebundle_(
        self, exclude: Collection[str] | None = None, **__: object
    ) -> tuple[dict[str, object], dict[str, object]]:
        svg, png = io.StringIO(), io.BytesIO()
        found: dict[str, object] = {}
        with mpl.rc_context(_style()):
            self.savefig(svg, format="svg", **_paper)
            found["image/svg+xml"] = svg.getvalue()
            if "image/png" not in (exclude or ()):
                with self._laid_out():
                    self.savefig(png, format="png", dpi=160)
                found["image/png"] = png.getvalue()
        alt = {"alt": self.axes[0].get_title(loc="left")}
        return found, dict.fromkeys(found, alt)

    @contextmanager
    def _laid_out(self) -> Iterator[None]:
        """Keep everything where the last drawing put it; laying out takes as long as drawing."""
        engine = self.get_layout_engine()
        self.set_layout_engine(None)
        try:
            yield
        finally:
            self.set_layout_engine(engine)

    def save(self, file: Path | str) -> None:
        """Write the chart to a file whose ending names the format."""
        with mpl.rc_context(_style()):
            self.savefig(file, dpi=160)


def take_paper_away() -> None:
    """Save SVGs without a background from now on, so that charts take the colour of their page.

    PNGs, and charts that are saved to a file, stay on white.
    """
    _paper.update(facecolor="none", metadata={"Identifier": CLEAR})


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


def _style() -> Any:  # noqa: ANN401
    """Return the style, in a font that the PDF uses too and that knows Chinese, where it is."""
    # Matplotlib before 3.11 sees only the first font of a collection, the Japanese one.
    wanted = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans", "DejaVu Sans")
    known = set(font_manager.get_font_names())
    return STYLE | {"font.family": [name for name in wanted if name in known]}


def new_chart(height: float, title: str) -> Chart:
    """Return a chart of one panel; the height in inches."""
    chart = Chart(figsize=(WIDTH, height), layout="constrained")
    chart.add_subplot().set_title(title, pad=10)
    return chart


def legend(chart: Chart, ncols: int) -> None:
    """Explain the marks in a row of its own above the title, which it would else run into."""
    chart.legend(loc="outside upper right", ncols=ncols, frameon=False, fontsize=8,
                 columnspacing=1.2, handlelength=1.2)  # fmt: skip


def chart_of_rows(table: pd.DataFrame, title: str) -> tuple[Chart, Axes]:
    """Return a chart with room for a row for each row of a table."""
    chart = new_chart(1.05 + ROW * max(len(table), 1), title)
    return chart, chart.axes[0]


def panels_of_rows(
    table: pd.DataFrame, title: str
) -> tuple[Chart, list[tuple[Axes, pd.DataFrame]]]:
    """Return a chart with room for a row for each row of a table, and its panels with their rows.

    Open vSwitch in userspace has a panel and an axis of its own: it compares with nothing.

    Args:
        table: what :func:`cniperf.analysis.loss.by_loss` returns.
        title: of the chart.
    """
    apart = table["userspace"].astype(bool)
    parts = [part for part in (table[~apart], table[apart]) if len(part)] or [table]
    rows = [max(len(part), 1) + (0.8 if number else 0) for number, part in enumerate(parts)]
    chart = Chart(figsize=(WIDTH, 1.05 + ROW * sum(rows) + 0.5 * (len(parts) - 1)),
                  layout="constrained")  # fmt: skip
    axes = chart.subplots(len(parts), 1, height_ratios=rows, squeeze=False)[:, 0]
    axes[0].set_title(title, pad=10)
    return chart, list(zip(axes, parts, strict=True))


def bar(
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
        why = _("no hostnetwork run to compare with")
        if row["failed"]:
            why = _("failed: {error}").format(error=row["error"])
        label(axes, y, 0, shorten(why, 78, placeholder=" …"), fontsize=8, color="#b00020")
        return
    hatch = "///" if row["userspace"] else None
    (own,) = axes.barh(y, scale * row[value], height=0.62, color=palette[scheme], hatch=hatch,
                       edgecolor="white", linewidth=0, zorder=2)  # fmt: skip
    low, high = scale * row[f"{value}_low"], scale * row[f"{value}_high"]
    ends = f" ({low:.2f} – {high:.2f})" if np.isfinite(low) else ""
    own.set_gid(f"{HOVER}{scheme}: {scale * row[value]:.2f}{ends}")
    if np.isfinite(low):
        axes.plot([low, high], [y, y], color=INK, linewidth=1.2, zorder=3)


def label(axes: Axes, y: int, end: float, text: str, **look: Any) -> None:  # noqa: ANN401
    """Write a text behind the end of a row."""
    axes.annotate(text, (end, y), (6, 0), textcoords="offset points", va="center", **look)


def aside(axes: Axes, y: int, text: str) -> None:
    """Write a text behind a row, right of the axes, where no mark can lie under it."""
    axes.annotate(text, (1, y), (6, 0), xycoords=axes.get_yaxis_transform(), va="center",
                  textcoords="offset points", annotation_clip=False)  # fmt: skip


def with_interval(middle: float, low: float, high: float, form: str = "{:.1f}") -> str:
    """Return a value in points with its interval: ± x where it is even to the digit shown.

    Else the two ends stand in brackets, as where they are one to that digit: ± 0.0 would say that
    nothing is left open. Where there is no interval, nothing.
    """
    digits = 1
    value, first, last = (round(100 * each, digits) for each in (middle, low, high))
    if not np.isfinite(low):
        return form.format(value)
    below, above = round(value - first, digits), round(last - value, digits)
    if below == above > 0:
        return f"{form.format(value)} ± {above:.1f}"
    ends = _("{first} to {last}").format(first=form.format(first), last=form.format(last))
    return f"{form.format(value)} ({ends})"


def leading() -> dict[str, Any]:
    """Return how far apart the lines of a text are set; Chinese fills its lines, needs more."""
    return {} if spoken() == "en" else {"linespacing": 1.5}


def star(row: "pd.Series[Any]") -> str:
    """Return the mark of Open vSwitch's userspace datapath."""
    return "*" if row["userspace"] else ""


def finish(axes: Axes, table: pd.DataFrame, label: str, *, room: float = 0.12) -> None:
    """Name rows and axis, and leave room for the labels behind the bars: a share of the axis."""
    if table.empty:
        sentence(axes, _("There is nothing to draw: no run of a scheme under these conditions."))
        return
    name_rows(axes, list(table.index))
    left, right = axes.dataLim.intervalx
    left, right = min(0, left), right if right > left else left + 1
    axes.set_xlim(left, right + room * (right - left))
    note = _("* Open vSwitch's userspace datapath (hatched): not comparable with the article")
    words = f"{label}\n{note}".strip() if table["userspace"].any() else label
    axes.set_xlabel(words, **leading())


def name_rows(axes: Axes, labels: list[str]) -> None:
    """Name the lines of a chart, the first on top."""
    axes.set_yticks(range(len(labels)), labels=labels)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", zorder=0)
    axes.set_axisbelow(True)


def spread(wanted: "np.ndarray", apart: float) -> "np.ndarray":
    """Move sorted places of labels down until each has room."""
    found = wanted.astype(float).copy()
    for i in range(1, len(found)):
        found[i] = max(found[i], found[i - 1] + apart)
    return found


def name_lines(axes: Axes, ends: list[tuple[float, int, str]], palette: Mapping[str, str]) -> None:
    """Write each scheme's name at the end of its line, with room between them."""
    low, high = axes.get_ylim()
    ordered = sorted(ends)
    spots = spread(np.array([y for y, *__ in ordered]), apart=0.075 * (high - low))
    for (_y, x, scheme), spot in zip(ordered, spots, strict=True):
        axes.text(x + 0.12, spot, scheme, color=INK, size=8, va="center")


def sentence(axes: Axes, text: str) -> None:
    """Write a sentence in place of a chart."""
    axes.set_axis_off()
    axes.text(0, 0.5, text, transform=axes.transAxes, color=FAINT)

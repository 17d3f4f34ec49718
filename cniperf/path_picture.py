"""The path picture: which way the packets went, drawn from what was counted, not from the plan."""

import itertools
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from cniperf.analysis.paths import Evidence, last_evidence, overhead
from cniperf.charts import FAINT, INK, WIDTH, Chart, colours, styled

ROW = 0.98  # inches a scheme
BOX = 0.86  # of a column
DEVICES, STACK = 0.0, 1.0  # the lanes
BANDS = {"pod-a": "#eef3ee", "a": "#f4f4f4", "wire": "#ffffff", "b": "#f4f4f4", "pod-b": "#eef3ee"}
NAMES = {"pod-a": "pod a", "a": "host a", "wire": "wire", "b": "host b", "pod-b": "pod b"}
TUNNEL = "#88458f"
BAD = "#b00020"


@styled
def path_picture(runs: pd.DataFrame) -> Chart:
    """Draw the path of each scheme's newest run, hop by hop, with the packets counted there.

    Below are the devices from pod to pod, above the host's own stack: solid where packets crossed
    it, dashed where none did. Two numbers are packets there and back.

    Args:
        runs: runs as :func:`cniperf.load_runs` gives them; those without evidence are left out.
    """
    found = last_evidence(runs)
    chart = Chart(figsize=(WIDTH, 0.45 + ROW * max(1, len(found))), layout="constrained")
    grid = chart.subplots(max(1, len(found)), squeeze=False)[:, 0]
    grid[0].set_title("Which way the packets went", pad=18)
    if not found:
        grid[0].set_axis_off()
        grid[0].text(0, 0.5, "No run here has evidence of its path.", color=FAINT)
    palette = colours(found)
    for axes, (scheme, evidence) in zip(grid, found.items(), strict=False):
        _draw(axes, scheme, evidence, palette[scheme])
    return chart


def _draw(axes: Axes, scheme: str, evidence: Evidence, colour: str) -> None:
    columns = _columns(evidence)
    axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(-0.75, 1.75))
    axes.set_axis_off()
    _bands(axes, columns)
    ends = []
    for x, column in enumerate(columns):
        lane = STACK if column["kind"] == "hook" else DEVICES
        if column["crossed"]:
            ends.append((x, lane, column["wrapped"]))
        _box(axes, x, lane, column, evidence["packets"], colour)
    for (x, y, wrapped), (to_x, to_y, also) in itertools.pairwise(ends):
        inside = wrapped and also
        axes.plot([x, to_x], [y, to_y], color=TUNNEL if inside else colour,
                  linewidth=3.5 if inside else 1.2, zorder=1, solid_capstyle="butt")  # fmt: skip
    more = overhead(evidence)
    note = f", +{more} B a packet on the wire (VXLAN)" if more else ""
    axes.text(-0.6, 1.62, scheme, weight="bold", size=8, va="bottom", color=colour)
    axes.text(len(columns) - 0.4, 1.62, f"{evidence['packets']} packets each way{note}", size=6.5,
              ha="right", va="bottom", color=FAINT)  # fmt: skip


def _columns(evidence: Evidence) -> list[dict[str, Any]]:
    """Return what is drawn, from left to right: devices, and each host's hooks as one column."""
    columns: list[dict[str, Any]] = []
    for host in ("a", "wire", "b"):
        own = [h for h in evidence["hops"] if h["place"].removeprefix("pod-") == host]
        hooks = [h for h in own if h["kind"] == "hook"]
        shown = [h for h in own if h["kind"] != "hook" and h["wants"] != "none"]
        if host == "wire":
            shown = shown[:1]  # both ends of the wire say the same
        parts = [_column([h], [h["name"] if host != "wire" else "wire"]) for h in shown]
        if hooks:
            seen = [h for h in hooks if h["there"] or h["back"]] or hooks[:1]
            stack = _column(seen, [h["name"] for h in seen] if _passed(seen[0]) else ["stack"])
            stack["place"] = host
            parts.insert(_place(evidence, own, shown, host), stack)
        columns += parts
    return columns


def _place(evidence: Evidence, own: list[Any], shown: list[Any], host: str) -> int:
    """Return where a host's stack stands among its devices: where its first hook stands."""
    wanted = [h for h in own if h["kind"] == "hook" and h["wants"] == "all"]
    if wanted:
        before = own[: own.index(wanted[0])]
        return sum(h in shown for h in before)
    return len(shown) - 1 if host == "a" else 1


def _column(hops: list[Any], names: list[str]) -> dict[str, Any]:
    first = hops[0]
    return {**first, "names": names, "crossed": _passed(first),
            "counts": (first["there"], first["back"])}  # fmt: skip


def _passed(hop: Mapping[str, Any]) -> bool:
    return bool(hop["there"] or hop["back"])


def _box(axes: Axes, x: int, y: float, column: Mapping[str, Any], wanted: int, colour: str) -> None:
    there, back = (0 if count is None else count for count in column["counts"])
    good = column["wants"] != "all" or min(there, back) >= wanted
    edge = (TUNNEL if column["wrapped"] else colour) if column["crossed"] else FAINT
    height = 0.62 + 0.17 * (len(column["names"]) - 1)
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX / 2, y - height / 2), BOX, height,
            boxstyle="round,pad=0,rounding_size=0.08", facecolor="white", zorder=2,
            edgecolor=edge if good else BAD, linewidth=1.0 if good else 2.0,
            linestyle="-" if column["crossed"] else (0, (3, 2)),
        )
    )  # fmt: skip
    names, counts = "\n".join(column["names"]), f"{there} · {back}"
    axes.text(x, y, f"{names}\n{counts}", ha="center", va="center", size=5.4, zorder=3,
              linespacing=1.25,
              color=(INK if column["crossed"] else FAINT) if good else BAD)  # fmt: skip


def _bands(axes: Axes, columns: list[dict[str, Any]]) -> None:
    """Shade pods and hosts, and name them."""
    for place, colour in BANDS.items():
        own = [x for x, column in enumerate(columns) if column["place"] == place]
        if own:
            axes.axvspan(min(own) - 0.5, max(own) + 0.5, color=colour, zorder=0, linewidth=0)
            axes.text(min(own) - 0.45, -0.72, NAMES[place], size=5.5, color=FAINT, va="bottom")

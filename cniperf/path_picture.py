"""The path picture: which way the packets went, drawn from what was counted, not from the plan."""

import itertools
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from cniperf.analysis.paths import Proof, last_evidence, overhead, tunnel
from cniperf.charts import FAINT, INK, WIDTH, Chart, colours, styled
from cniperf.language import N_, _

ROW = 0.95  # inches a scheme
HALF = 7.7  # columns to either side of the wire
BOX = 0.88  # of a column
SIZE, FITS = 5.2, 11  # points, and the characters that a box holds of that size
DEVICES, STACK = 0.0, 1.0  # the lanes
BANDS = {"pod-a": "#eef3ee", "a": "#f4f4f4", "wire": "#ffffff", "b": "#f4f4f4", "pod-b": "#eef3ee"}
NAMES = {"pod-a": N_("pod a"), "a": N_("host a"), "wire": N_("wire"), "b": N_("host b"),
         "pod-b": N_("pod b")}  # fmt: skip
TUNNEL = "#88458f"
BAD = "#b00020"


@styled
def path_picture(runs: pd.DataFrame) -> Chart:
    """Draw the path of each scheme's newest run, hop by hop, with the packets counted there.

    Below are the devices from pod to pod, above each host's own stack: solid where packets crossed
    it, dashed where none did. The two numbers are packets there and back.

    Args:
        runs: runs as :func:`cniperf.load_runs` gives them; those without evidence are left out.
    """
    found = last_evidence(runs)
    chart = Chart(figsize=(WIDTH, 0.45 + ROW * max(1, len(found))), layout="constrained")
    grid = chart.subplots(max(1, len(found)), squeeze=False)[:, 0]
    grid[0].set_title(_("Which way the packets went: counted there · back"), pad=6)
    if not found:
        grid[0].set_axis_off()
        grid[0].text(0, 0.5, _("No run here has evidence of its path."), color=FAINT)
    palette = colours(found)
    for axes, (scheme, evidence) in zip(grid, found.items(), strict=False):
        _draw(axes, scheme, evidence, palette[scheme])
    return chart


def _draw(axes: Axes, scheme: str, evidence: Proof, colour: str) -> None:
    columns = _columns(evidence)
    middle = next(x for x, column in enumerate(columns) if column["place"] == "wire")
    axes.set(xlim=(-HALF, HALF), ylim=(-0.75, 1.95))
    axes.set_axis_off()
    _bands(axes, columns, middle)
    ends = []
    for number, column in enumerate(columns):
        x, lane = number - middle, STACK if column["kind"] == "hook" else DEVICES
        if column["crossed"]:
            ends.append((x, lane, column["wrapped"]))
        _box(axes, x, lane, column, evidence["packets"], colour)
    for (x, y, wrapped), (to_x, to_y, also) in itertools.pairwise(ends):
        inside = wrapped and also
        axes.plot([x, to_x], [y, to_y], color=TUNNEL if inside else colour,
                  linewidth=3.5 if inside else 1.2, zorder=1, solid_capstyle="butt")  # fmt: skip
    more = overhead(evidence)
    note = _("in {tunnel}, +{more} B a packet").format(tunnel=tunnel(evidence), more=more)
    axes.text(-HALF, 1.6, scheme, weight="bold", size=8, va="bottom", color=colour)
    axes.text(0, 0.42, note if more else "", size=6, ha="center", va="bottom", color=TUNNEL)


def _columns(evidence: Proof) -> list[dict[str, Any]]:
    """Return what is drawn, from left to right: devices, and each host's hooks as one column."""
    columns: list[dict[str, Any]] = []
    for host in ("a", "wire", "b"):
        own = [h for h in evidence["hops"] if h["place"].removeprefix("pod-") == host]
        shown = [h for h in own if h["kind"] != "hook" and h["wants"] != "none"]
        if host == "wire":  # both ends of the wire say the same
            columns += [_column(shown[0], [_("wire")]) if shown else _unseen(columns)]
            continue
        parts = [_column(h, [h["name"]]) for h in shown]
        if hooks := [h for h in own if h["kind"] == "hook"]:
            parts.insert(_place(own, shown, host), _stack(hooks))
        columns += parts
    return columns


def _stack(hooks: list[Any]) -> dict[str, Any]:
    """Return the column of a host's stack: the hook that saw packets, forward where it did."""
    seen = [h for h in hooks if _passed(h)]
    last = next((h for h in seen if h["name"] == "forward"), (seen or hooks)[0])
    names = [_("stack"), *([last["name"]] if seen else [])]
    if last["wants"] == "any" and seen:
        names[0] = "br_netfilter"  # a bridge that only forwards lends its frames
    return _column(last, names)


def _unseen(before: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the column of a wire that nobody could look into: what left the NIC crossed it."""
    nic = before[-1] if before else {"kind": "device", "wrapped": False, "crossed": False}
    unknown = {"place": "wire", "wants": "any", "there": None, "back": None, "names": [_("wire")]}
    return {**nic, **unknown}


def _place(own: list[Any], shown: list[Any], host: str) -> int:
    """Return where a host's stack stands among its devices: where its first hook stands."""
    crossed = [h for h in own if h["kind"] == "hook" and h["wants"] != "none"]
    if crossed:
        return sum(h in shown for h in own[: own.index(crossed[0])])
    return len(shown) - 1 if host == "a" else 1


def _column(hop: Any, names: list[str]) -> dict[str, Any]:  # noqa: ANN401
    return {**hop, "names": names, "crossed": _passed(hop)}


def _passed(hop: Mapping[str, Any]) -> bool:
    return bool(hop["there"] or hop["back"])


def _box(axes: Axes, x: int, y: float, column: Mapping[str, Any], wanted: int, colour: str) -> None:
    there, back = (column[way] or 0 for way in ("there", "back"))
    must = {"all": (there, back), "there": (there,), "back": (back,)}.get(column["wants"], ())
    good = all(seen >= wanted for seen in must)
    edge = (TUNNEL if column["wrapped"] else colour) if column["crossed"] else FAINT
    height = 0.66 + 0.24 * (len(column["names"]) - 1)
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX / 2, y - height / 2), BOX, height,
            boxstyle="round,pad=0,rounding_size=0.08", facecolor="white", zorder=2,
            edgecolor=edge if good else BAD, linewidth=1.0 if good else 2.0,
            linestyle="-" if column["crossed"] else (0, (3, 2)),
        )
    )  # fmt: skip
    seen = "–" if column["there"] is None else f"{there} · {back}"
    text = "\n".join([*column["names"], seen])
    size = SIZE * min(1, FITS / max(map(len, column["names"])))
    axes.text(x, y, text, ha="center", va="center", size=size, zorder=3, linespacing=1.2,
              color=(INK if column["crossed"] else FAINT) if good else BAD)  # fmt: skip


def _bands(axes: Axes, columns: list[dict[str, Any]], middle: int) -> None:
    """Shade pods and hosts, and name them."""
    for place, colour in BANDS.items():
        own = [x - middle for x, column in enumerate(columns) if column["place"] == place]
        if own:
            left, width = min(own) - 0.5, max(own) - min(own) + 1
            axes.add_patch(Rectangle((left, -0.75), width, 2.3, color=colour, zorder=0,
                                     linewidth=0))  # fmt: skip
            axes.text(left + 0.05, -0.72, _(NAMES[place]), size=5.5, color=FAINT, va="bottom")

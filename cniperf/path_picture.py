"""The path picture: which way the packets went, drawn from what was counted, not from the plan."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from cniperf.analysis.paths import Proof, last_evidence, overhead, tunnel
from cniperf.charts import FAINT, INK, WIDTH, Chart, colours, styled
from cniperf.language import N_, _

ROW = 1.25  # inches a scheme
COLUMNS = 8  # of a pod, its host and the wire
BOX = 0.9  # of a column
SIZE, FITS = 7.8, 13  # points, and the characters that a box holds of that size
DEVICES, STACK = 0.0, 1.15  # the lanes
BANDS = {"pod-a": "#eef3ee", "a": "#f4f4f4", "wire": "#ffffff"}
NAMES = {"pod-a": N_("pod a"), "a": N_("host a"), "wire": N_("wire"), "b": N_("host b"),
         "pod-b": N_("pod b")}  # fmt: skip
BOTH = {"pod-a": N_("both pods"), "a": N_("both hosts"), "wire": N_("wire")}
TUNNEL = "#88458f"
BAD = "#b00020"

Columns = list[dict[str, Any]]


@styled
def path_picture(runs: pd.DataFrame) -> Chart:
    """Draw the path of each scheme's newest run, hop by hop, with the packets counted there.

    A row goes from the pod to the wire. It stands for both ends where these are wired alike, with
    the counts of host a above those of host b; else each end has its own row. Below are the
    devices, above each host's own stack: solid where packets crossed it, dashed where none did. The
    two numbers are packets there and back.

    Args:
        runs: runs as :func:`cniperf.load_runs` gives them; those without evidence are left out.
    """
    found = last_evidence(runs)
    rows = [(scheme, row) for scheme, evidence in found.items() for row in _rows(evidence)]
    chart = Chart(figsize=(WIDTH, 0.4 + ROW * max(1, len(rows))), layout="constrained")
    grid = chart.subplots(max(1, len(rows)), squeeze=False)[:, 0]
    grid[0].set_title(
        _("Which way the packets went: counted there · back (host a above host b)"), pad=6
    )
    if not found:
        grid[0].set_axis_off()
        grid[0].text(0, 0.5, _("No run here has evidence of its path."), color=FAINT)
    palette = colours(found)
    for axes, (scheme, row) in zip(grid, rows, strict=False):
        _draw(axes, scheme, row, found[scheme], palette[scheme])
    return chart


def _rows(evidence: Proof) -> list[Columns]:
    """Return the columns of each row, from the pod to the wire: one row, where both ends are alike.

    A column of such a row has that of host b under ``other``.
    """
    columns = _columns(evidence)
    middle = next(x for x, column in enumerate(columns) if column["place"] == "wire")
    near, far = columns[: middle + 1], columns[: middle - 1 : -1]
    if [_kind(column) for column in near] != [_kind(column) for column in far]:
        return [near, far]
    both = zip(near[:-1], far[:-1], strict=True)
    return [[*({**one, "other": other} for one, other in both), near[-1]]]


def _kind(column: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what both ends must have in common to be drawn as one."""
    device = column["kind"] != "hook"
    return column["place"].replace("b", "a"), column["kind"], device and column["names"][0]


def _draw(axes: Axes, scheme: str, columns: Columns, evidence: Proof, colour: str) -> None:
    left = 0.5 - max(COLUMNS, len(columns))
    axes.set(xlim=(left, 0.5), ylim=(-0.95, 2.45))
    axes.set_axis_off()
    _bands(axes, columns)
    ends = []
    for x, column in enumerate(columns, 1 - len(columns)):
        lane = STACK if column["kind"] == "hook" else DEVICES
        if column["crossed"]:
            ends.append((x, lane, column["wrapped"]))
        _box(axes, x, lane, column, evidence["packets"], colour)
    for (x, y, wrapped), (to_x, to_y, also) in itertools.pairwise(ends):
        inside = wrapped and also
        axes.plot([x, to_x], [y, to_y], color=TUNNEL if inside else colour,
                  linewidth=3.5 if inside else 1.2, zorder=1, solid_capstyle="butt")  # fmt: skip
    more = overhead(evidence)
    note = _("in {tunnel}, +{more} B a packet").format(tunnel=tunnel(evidence), more=more)
    axes.text(left, 1.95, scheme, weight="bold", size=9, va="bottom", color=INK)
    axes.text(0.45, 1.95, note if more else "", size=SIZE, ha="right", va="bottom", color=TUNNEL)


def _columns(evidence: Proof) -> Columns:
    """Return what is drawn, from left to right: devices, and each host's hooks as one column."""
    columns: Columns = []
    for host in ("a", "wire", "b"):
        own = [h for h in evidence["hops"] if h["place"].removeprefix("pod-") == host]
        shown = [h for h in own if h["kind"] != "hook" and h["wants"] != "none"]
        if host == "wire":  # both ends of the wire report the same
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
        names[0] = "br_netfilter"  # a bridge that only forwards passes its frames to it
    return _column(last, names)


def _unseen(before: Columns) -> dict[str, Any]:
    """Return the column of a wire without counts: what left the NIC crossed it."""
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
    ends = [column, *([column["other"]] if "other" in column else [])]
    good = all(_is_as_declared(each, wanted) for each in ends)
    edge = (TUNNEL if column["wrapped"] else colour) if column["crossed"] else FAINT
    names = _names(ends)
    text = "\n".join([*names, *map(_seen, ends)])
    height = 0.12 + 0.31 * len(text.splitlines())
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX / 2, y - height / 2), BOX, height,
            boxstyle="round,pad=0,rounding_size=0.08", facecolor="white", zorder=2,
            edgecolor=edge if good else BAD, linewidth=1.0 if good else 2.0,
            linestyle="-" if column["crossed"] else (0, (3, 2)),
        )
    )  # fmt: skip
    axes.text(x, y, text, ha="center", va="center", size=SIZE, zorder=3, linespacing=1.15,
              color=(INK if column["crossed"] else FAINT) if good else BAD)  # fmt: skip


def _is_as_declared(column: Mapping[str, Any], wanted: int) -> bool:
    """Tell whether each way that must pass here had as many packets as were sent."""
    there, back = (column[way] or 0 for way in ("there", "back"))
    must = {"all": (there, back), "there": (there,), "back": (back,)}.get(column["wants"], ())
    return all(seen >= wanted for seen in must)


def _seen(column: Mapping[str, Any]) -> str:
    return "–" if column["there"] is None else f"{column['there'] or 0} · {column['back'] or 0}"


def _names(ends: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a box's name, one for each that both ends share or differ in."""
    found = list(dict.fromkeys(name for each in ends for name in each["names"]))
    return [name if len(name) <= FITS else f"{name[: FITS - 1]}…" for name in found]


def _bands(axes: Axes, columns: Columns) -> None:
    """Shade pod and host, and name them."""
    for place, own in itertools.groupby(range(len(columns)), lambda x: columns[x]["place"]):
        at = [x + 1 - len(columns) for x in own]
        alike = "other" in columns[at[0] + len(columns) - 1] or place == "wire"
        shade = BANDS[place.replace("b", "a")] if place != "b" else BANDS["a"]
        axes.add_patch(Rectangle((at[0] - 0.5, -0.95), len(at), 2.8, color=shade, zorder=0,
                                 linewidth=0))  # fmt: skip
        axes.text(at[0] - 0.45, -0.9, _((BOTH if alike else NAMES)[place]), size=SIZE, color=FAINT,
                  va="bottom")  # fmt: skip

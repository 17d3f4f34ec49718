"""What was measured and what came out: title, conditions, answer, the table of losses."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.flags import limits
from cniperf.analysis.interval import ENOUGH
from cniperf.analysis.loss import loss_table
from cniperf.analysis.noise import groups, noise_floor
from cniperf.modes import MODES, mode_of
from cniperf.runs import read_run
from cniperf.sections.html import (
    Cell,
    Html,
    as_table,
    commonest,
    listed,
    percent,
    ranged,
    records,
    signed,
)
from cniperf.sections.trust import placed

TITLE = "What a pod network costs"
QUESTION = "How much of the host's own throughput is left between two pods on two hosts, by scheme?"

LIMITS = {
    "sender": "sender's CPU",
    "receiver": "receiver's CPU",
    "both": "both CPUs",
    "wire": "neither CPU",
    "rate": "the offered rate",
    "": "–",
}


def title(runs: pd.DataFrame) -> Html:
    """Say what this is, when it was measured, and on which machine."""
    if runs.empty:
        return Html(f"<h1>{TITLE}</h1><p>There is no run here yet: <code>cniperf suite</code>.</p>")
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in runs["started"].agg(["min", "max"]))
    when = f"{first} to {last[11:] if last[:10] == first[:10] else last} UTC"
    machines = records(runs[["cpu", "cpus", "kernel"]].drop_duplicates())
    where = "; ".join(f"{m['cpu']}, {m['cpus']} CPUs, Linux {m['kernel']}" for m in machines)
    return Html(
        f"<h1>{TITLE}</h1><p>{QUESTION}</p>"
        f"<p class='meta'>{len(runs)} runs of {runs['scheme'].nunique()} schemes, "
        f"measured {when}<br>{escape(where)}</p>"
    )


def heading(condition: Mapping[str, Any], group: pd.DataFrame) -> Html:
    """Say under which conditions the runs of a section were made, and on which CPUs."""
    nic = {
        "virtio": "NICs without tunnel segmentation (virtio)",
        "offload": "NICs with every offload",
        "plain": "NICs without TSO, GSO and GRO (plain)",
    }.get(str(condition["nic"]), f"NIC {condition['nic']}")
    facts = read_run(Path(group.iloc[-1]["path"]))["bed"]
    owned = facts.get("cpus") or {}
    cpus = "; ".join(
        f"host {name} has CPU {', '.join(map(str, own))}" for name, own in owned.items()
    )
    return Html(
        f"<h2>{escape(nic)}</h2><p class='meta'>Bed {condition['bed']}, MTU {condition['mtu']} B, "
        f"{escape(_load(condition))}, "
        f"{condition['duration']} s a run after {condition['omit']} s not counted, "
        f"{escape(str(condition['generator']))} {escape(str(condition['version']))}. "
        f"{escape(cpus + placed(group))}.</p>"
    )


def _load(condition: Mapping[str, Any]) -> str:
    """Say what the pods were loaded with."""
    n, size = condition["streams"], condition["length"] or MODES[condition["mode"]].size
    load = {
        "rr": f"requests and responses of {size} B over one TCP connection",
        "crr": f"requests with a response of {size} B, each over a TCP connection of its own",
        "udp": f"datagrams of {size} B at the highest rate that loses {condition['max_loss']:g} % "
               "at most",
    }.get(condition["mode"])  # fmt: skip
    if load is None:
        window = f", window {condition['window']}" if condition["window"] else ""
        writes = f", writes of {size} B" if size else ""
        rate = f", {condition['rate']:g} Gbit/s offered" if condition["rate"] else ""
        way = {"reverse": " from b to a", "both": " each way"}.get(condition["direction"], "")
        load = (
            f"{'one TCP stream' if n == 1 else f'{n} TCP streams'}{way}, {condition['congestion']}"
            f"{window}{writes}{rate}"
        )
    pairs = condition["pairs"]
    return f"{pairs} pairs of pods at once, each with {load}" if pairs > 1 else load


def answer(group: pd.DataFrame) -> Html:
    """Answer the question in a few sentences, from the runs of one condition."""
    table = loss_table(group)
    good = table[table["runs"] > 0]
    if BASELINE not in good.index:
        return Html(
            "<p>hostnetwork has no figure here, so no loss can be told: measure it, too.</p>"
        )
    mode, base = mode_of(group), float(good["figure"][BASELINE])
    lines = [f"<b>hostnetwork</b> {mode.does.format(mode.spoken(base))}."]
    kernel = good[~good["userspace"] & (good.index != BASELINE)].sort_values("loss")
    for scheme, row in kernel.iterrows():
        lines.append(f"<b>{escape(str(scheme))}</b> {_loses(row)}.")
    floor = noise_floor(group)
    if np.isfinite(floor.smallest):
        alike = [names for names in groups(group) if len(names) > 1]
        said = "; ".join(escape(listed(names)) for names in alike) or "none"
        lines.append(
            f"Nothing smaller than <b>{percent(floor.smallest)}</b> can be seen here: so much "
            f"hostnetwork may differ from itself. Indistinguishable: {said}."
        )
    if len(apart := good[good["userspace"]].index):
        lines.append(
            f"<b>{escape(', '.join(apart))}</b> ran on Open vSwitch's userspace datapath, as this "
            "kernel has no openvswitch module: another thing, comparable with nothing else here."
        )
    for scheme, row in table[table["failed"] > 0].iterrows():
        lines.append(f"<b>{escape(str(scheme))}</b> {_failure(row)}")
    items = "\n".join(f"<li>{line}</li>" for line in lines)
    return Html(f"<ul>{items}</ul>")


def _loses(row: "pd.Series[Any]") -> str:
    verb = "loses" if row["loss"] >= 0 else "gains"
    if np.isnan(row["loss_low"]):
        return f"{verb} {percent(abs(row['loss']))} ({row['runs']} runs: no interval)"
    low, high = sorted((row["loss_low"], row["loss_high"]))
    if row["loss"] < 0:
        low, high = -high, -low
    return f"{verb} {percent(abs(row['loss']))} (95 % interval: {ranged(low, high, '{:.1%}')})"


def _failure(row: "pd.Series[Any]") -> str:
    return f"<span class='bad'>failed</span>: {escape(row['error'])}"


def losses(group: pd.DataFrame) -> Html:
    """Lay out each scheme's figure, its loss and what it costs more."""
    held = group.assign(limit=limits(group)).groupby("scheme")["limit"].agg(commonest)
    mode, table = mode_of(group), loss_table(group)
    rows: list[list[Cell]] = []
    for scheme, row in table.iterrows():
        star = "*" if row["userspace"] else ""
        if not row["runs"]:
            rows.append([str(scheme), "0", Html(_failure(row)), *"–––––"])
            continue
        failed = f" ({row['failed']} failed)" if row["failed"] else ""
        host = scheme == BASELINE
        spread = ranged(row["figure_low"], row["figure_high"], mode.form)
        interval = ranged(row["loss_low"], row["loss_high"], "{:.1%}")
        rows.append(
            [
                str(scheme) + star,
                f"{row['runs']}{failed}",
                _with_range(mode.form.format(row["figure"]), spread),
                "baseline" if host else _with_range(percent(row["loss"]), interval),
                "–" if pd.isna(row["cost"]) else f"{row['cost']:.2f}",
                "–" if host or pd.isna(row["cost_more"]) else signed(row["cost_more"]),
                "–" if pd.isna(row["retransmits"]) else f"{row['retransmits']:.0f}",
                LIMITS[held[str(scheme)]],
            ]
        )
    head: list[Cell] = ["scheme", "runs", Html(f"{mode.unit}<br><small>lowest to highest</small>"),
            Html("loss<br><small>95 % interval</small>"), mode.cost_unit, "extra CPU",
            "retransmits", "held back by"]  # fmt: skip
    told = [place for place in range(len(head)) if place < 4 or any(r[place] != "–" for r in rows)]
    few = "<p class='note'>Medians over the rounds.</p>"
    if table.query("runs > 0 and scheme != @BASELINE")["loss_low"].isna().any():
        few = f"<p class='note'>Medians over the rounds; an interval takes {ENOUGH} of them.</p>"
    shown = [[row[place] for place in told] for row in rows]
    return Html(as_table([head[place] for place in told], shown, numbers=range(1, 7)) + few)


def _with_range(figure: str, spread: str) -> Html:
    return Html(figure if spread == "–" else f"{figure}<br><small>{spread}</small>")

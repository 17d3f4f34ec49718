"""Sweeps: told from other suites, and laid out point by point; and why VXLAN loses."""

from contextlib import suppress
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, spread_of
from cniperf.analysis.factors import cells_table, effects_table
from cniperf.analysis.sweep import COLUMNS, sweep_table
from cniperf.errors import ParameterError
from cniperf.language import _, listed
from cniperf.modes import mode_of
from cniperf.sections.html import (
    Cell,
    Html,
    as_table,
    percent,
    ranged,
    records,
    signed,
)
from cniperf.suites import read_suite


def sweeps(runs: pd.DataFrame) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Part the runs of each sweep from the others.

    Returns:
        The runs of each sweep, and those of none.
    """
    names = []
    for name in dict.fromkeys(name for name in runs["suite"] if name):
        data = Path(runs[runs["suite"].eq(name)].iloc[0]["path"]).parent
        with suppress(ParameterError):  # its file is lost
            if read_suite(data, name).vary:
                names.append(name)
    return [runs[runs["suite"].eq(name)] for name in names], runs[~runs["suite"].isin(names)]


def swept(runs: pd.DataFrame) -> Html:
    """Lay out a sweep's losses, point by point."""
    table, mode = sweep_table(runs), mode_of(runs)
    names = [name for name in table.columns if name not in COLUMNS]
    rows: list[list[Cell]] = []
    for row in records(table):
        star = "*" if row["userspace"] else ""
        host = row["scheme"] == BASELINE
        rows.append(
            [
                *(str(row[name]) for name in names),
                row["scheme"] + star,
                str(row["runs"]),
                mode.form.format(row["figure"]),
                "–" if host else percent(row["loss"]),
                "–" if host else ranged(row["loss_low"], row["loss_high"], "{:.1%}"),
                "–" if np.isnan(row["cost"]) else f"{row['cost']:.2f}",
                "–" if host or np.isnan(row["cost_more"]) else signed(row["cost_more"]),
                "–" if np.isnan(row["mss"]) else f"{row['pod_mtu']:.0f} / {row['mss']:.0f}",
            ]
        )
    head = [*names, _("scheme"), _("runs"), _(mode.unit), _("loss"), _(spread_of(runs).name),
            _(mode.cost_unit), _("extra CPU"), _("pod's MTU / MSS")]  # fmt: skip
    first = len(names)
    title = _("Sweep over {names}").format(names=listed(names) or _("nothing"))
    text = _("{suite}: {runs} runs at {points} points. The same at all of them: {same}.").format(
        suite=runs["suite"].iloc[0], runs=len(runs), same=_same(runs, names),
        points=len(table[names].drop_duplicates()) if names else 1,
    )  # fmt: skip
    return Html(
        f"<h2>{escape(title)}</h2><p class='meta'>{escape(text)}</p>"
        + as_table(head, rows, set(range(first + 1, first + 8)))
    )


def _same(runs: pd.DataFrame, varied: list[str]) -> str:
    """Say which conditions all runs share, as far as a reader asks for them."""
    first = runs.iloc[0]
    shown = ("bed", "nic", "mtu", "mode", "pairs", "streams", "direction", "duration", "omit")
    same = [f"{name} {first[name]}" for name in shown if name not in varied]
    return listed([*same, f"{first['generator']} {first['version']}"])


def why_vxlan(runs: pd.DataFrame) -> Html:
    """Say what makes VXLAN's loss, from the runs of ``why_vxlan.ipynb``."""
    effects, cells = effects_table(runs), cells_table(runs)
    if effects.empty:
        none = _("No round here has every combination, so there is no effect to report.")
        return Html(f"<p>{none}</p>")
    tunnel = cells[cells["scheme"].eq("flannel-vxlan")]
    best, worst = tunnel.iloc[0], tunnel.iloc[-1]
    knobs = effects[effects["factor"].ne("scheme")]
    first = knobs.iloc[0]
    spread = ranged(first["low"], first["high"], "{:+.1%}")
    range_ = _(
        "With the same wiring, flannel-vxlan loses between <b>{least}</b> ({best}) and "
        "<b>{most}</b> ({worst})."
    )
    most = _(" Of the knobs, <b>{knob}</b> moves it most: {effect} of hostnetwork's goodput.")
    if spread != "–":
        most = _(
            " Of the knobs, <b>{knob}</b> moves it most: {effect} of hostnetwork's goodput "
            "(95 % interval: {interval})."
        )
    unseen = knobs[(knobs["low"] <= 0) & (knobs["high"] >= 0)]["words"]
    none = _(" No effect was found of: {knobs}.") if len(unseen) else ""
    said = (range_ + most + none).format(
        least=percent(best["loss"]), best=escape(best["words"]),
        most=percent(worst["loss"]), worst=escape(worst["words"]),
        knob=escape(first["words"]), effect=signed(first["effect"]), interval=spread,
        knobs=escape(_("; ").join(unseen)),
    )  # fmt: skip
    return Html(f"<p>{said}</p>")

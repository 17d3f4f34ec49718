"""Sweeps: told from other suites, and laid out point by point; and why VXLAN loses."""

from contextlib import suppress
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.factors import cells_table, effects_table
from cniperf.analysis.sweep import COLUMNS, sweep_table
from cniperf.errors import ParameterError
from cniperf.modes import mode_of
from cniperf.sections.html import (
    Cell,
    Html,
    as_table,
    listed,
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
    head = [*names, "scheme", "runs", mode.unit, "loss", "95 % interval", mode.cost_unit,
            "extra CPU", "pod's MTU / MSS"]  # fmt: skip
    first = len(names)
    return Html(
        f"<h2>Sweep over {escape(listed(names)) or 'nothing'}</h2>"
        f"<p class='meta'>{escape(runs['suite'].iloc[0])}: {len(runs)} runs at "
        f"{len(table[names].drop_duplicates()) if names else 1} points. The same at all of them: "
        f"{escape(_same(runs, names))}.</p>"
        + as_table(head, rows, set(range(first + 1, first + 8)))
    )


def _same(runs: pd.DataFrame, varied: list[str]) -> str:
    """Say which conditions all runs share, as far as a reader asks for them."""
    first = runs.iloc[0]
    shown = ("bed", "nic", "mtu", "mode", "pairs", "streams", "direction", "duration", "omit")
    same = [f"{name} {first[name]}" for name in shown if name not in varied]
    return ", ".join([*same, f"{first['generator']} {first['version']}"])


def why_vxlan(runs: pd.DataFrame) -> Html:
    """Say what makes VXLAN's loss, from the runs of ``why_vxlan.ipynb``."""
    effects, cells = effects_table(runs), cells_table(runs)
    if effects.empty:
        return Html("<p>No round here has every combination: nothing can be told.</p>")
    tunnel = cells[cells["scheme"].eq("flannel-vxlan")]
    best, worst = tunnel.iloc[0], tunnel.iloc[-1]
    knobs = effects[effects["factor"].ne("scheme")]
    first = knobs.iloc[0]
    spread = ranged(first["low"], first["high"], "{:+.1%}")
    interval = "" if spread == "–" else f" (95 % interval: {spread})"
    unseen = knobs[(knobs["low"] <= 0) & (knobs["high"] >= 0)]["words"]
    none = f" Not told from none: {escape('; '.join(unseen))}." if len(unseen) else ""
    return Html(
        f"<p>With the same wiring flannel-vxlan loses from <b>{percent(best['loss'])}</b> "
        f"({escape(best['words'])}) to <b>{percent(worst['loss'])}</b> "
        f"({escape(worst['words'])}). Of the knobs, <b>{escape(first['words'])}</b> moves it most: "
        f"{signed(first['effect'])} of hostnetwork's goodput{interval}.{none}</p>"
    )

"""What a reader who explores asks for: the schemes that fit, and a single run opened."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import spread_of
from cniperf.analysis.choice import choice_table
from cniperf.analysis.paths import UNDERLAY, evidence_text
from cniperf.language import _, listed
from cniperf.runs import load_evidence, load_plans, load_raw, runs_table
from cniperf.sections.html import Cell, Html, as_table, percent, ranged, signed

RAW = 4000  # characters of a generator's output that are shown


def choice(runs: pd.DataFrame, *, allows: str = UNDERLAY[-1], policy: bool = False) -> Html:
    """Say which scheme to pick, and lay out what speaks for and against each.

    Args are those of :func:`cniperf.analysis.choice.choice_table`.
    """
    table = choice_table(runs, allows=allows, policy=policy)
    rows: list[list[Cell]] = [
        [
            Html(f"<b>{escape(str(scheme))}</b>") if row["pick"] else f"{scheme}{_star(row)}",
            _("yes") if row["fits"] else _("no"),
            percent(row["loss"]),
            ranged(row["loss_low"], row["loss_high"], "{:.1%}"),
            "–" if np.isnan(row["cost_more"]) else signed(row["cost_more"]),
            *map(_known, (row["underlay"], row["policy"])),
            "–" if pd.isna(row["pod_mtu"]) else f"{row['pod_mtu']:.0f} B",
        ]
        for scheme, row in table.iterrows()
    ]
    head = [_("scheme"), _("fits"), _("loss"), _(spread_of(runs).name), _("extra CPU"),
            _("the underlay sees"), _("drop rule on the host"), _("pod's MTU")]  # fmt: skip
    return Html(f"<p>{_picked(table)}</p>" + as_table(head, rows, {2, 3, 4, 7}))


def _star(row: "pd.Series[Any]") -> str:
    return "*" if row["userspace"] else ""


def _known(word: object) -> str:
    return _(word) if isinstance(word, str) else "–"


def _picked(table: pd.DataFrame) -> str:
    picks = [escape(str(name)) for name in table.index[table["pick"].astype(bool)]]
    if not picks:
        return _("No scheme that was measured here meets these needs.")
    least = percent(table["loss"].iloc[0])
    if len(picks) == 1:
        return _("Of those that fit, <b>{scheme}</b> loses least: {loss}.").format(
            scheme=picks[0], loss=least
        )
    return _("Of those that fit, these lose least and cannot be told apart: <b>{schemes}</b>, "
             "from {loss}.").format(schemes=listed(picks), loss=least)  # fmt: skip


def opened(run: Path | str) -> Html:
    """Open a single run: how it was wired, which way its packets went, what the generator said."""
    evidence = load_evidence(run)
    parts = [(_("Which way the packets went"), evidence_text(evidence))] if evidence else []
    for _scheme, a, b in load_plans(runs_table([Path(run)])):
        parts.append((_("How it was wired"), f"{a}\n{b}"))
    for name, text in load_raw(run).items():
        more = "\n…" if len(text) > RAW else ""
        parts.append((f"{name}, {len(text):,} B", text[:RAW].expandtabs(2) + more))
    return Html(
        f"<p><code>{escape(str(run))}</code></p>"
        + "".join(
            f"<details{' open' if not place else ''}><summary>{escape(title)}</summary>"
            f"<pre>{escape(text)}</pre></details>"
            for place, (title, text) in enumerate(parts)
        )
    )

"""How far the figures can be trusted: noise, what lay elsewhere, what looked odd."""

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import lie_as, placements
from cniperf.analysis.flags import flag_table
from cniperf.analysis.interval import ENOUGH
from cniperf.analysis.loss import loss_table
from cniperf.analysis.noise import groups, noise_floor
from cniperf.modes import mode_of
from cniperf.sections.html import Html, as_table, listed, percent, ranged, signed

# Whether one CPU reads what the other has just written from a common cache.
PLACEMENTS = {
    "shared": "the hosts' CPUs share a last-level cache",
    "apart": "the hosts' CPUs share no cache",
}


def noise(group: pd.DataFrame) -> Html:
    """Say how small a difference these runs can see, and what looked odd in them."""
    floor = noise_floor(group)
    parts = ["<h3>How far these figures can be trusted</h3>"]
    if np.isfinite(floor.smallest):
        low, middle, high = floor.difference
        parts.append(
            f"<p>hostnetwork ran twice in {floor.rounds} rounds. The two differ by "
            f"{signed(middle)} (median; 95 % interval {ranged(low, high, '{:+.1%}')}), so no "
            f"difference smaller than {percent(floor.smallest)} can be seen. Schemes that differ "
            "by less stand in one group:</p>"
        )
        rows = [[str(n), listed(names)] for n, names in enumerate(groups(group), 1)]
        parts.append(as_table(["group", "indistinguishable within it"], rows))
    else:
        parts.append(
            f"<p>How much the machine's own noise is, these runs cannot tell: it takes {ENOUGH} "
            "rounds that ran hostnetwork twice (<code>cniperf suite</code>).</p>"
        )
    return Html("".join(parts) + _elsewhere(group) + _flags(flag_table(group), len(group)))


def placed(group: pd.DataFrame) -> str:
    """Say how the hosts' CPUs lay to each other in most runs."""
    most = placements(group)
    return f"; {PLACEMENTS[most.index[0]]}" if len(most) and most.index[0] in PLACEMENTS else ""


def _elsewhere(group: pd.DataFrame) -> str:
    """Show what the rounds say that do not count, as the hypervisor had moved the hosts' CPUs."""
    most = placements(group)
    if len(most) < 2 or not set(most.index) <= set(PLACEMENTS):
        return ""
    first, second = most.index[:2]
    there = loss_table(lie_as(group[group["suite"].ne("")], second))
    mode = mode_of(group)
    rows = [
        [str(scheme), f"{row['runs']}", mode.form.format(row["figure"]), percent(row["loss"]),
         ranged(row["loss_low"], row["loss_high"], "{:.1%}")]
        for scheme, row in there[there["runs"] > 0].iterrows()
    ]  # fmt: skip
    return (
        "<p>The hypervisor moved the hosts' CPUs while the suite ran, which makes another machine "
        f"of this one. Above count the {most[first]} runs where {PLACEMENTS[first]}; where "
        f"{PLACEMENTS[second]}, these were measured:</p>"
        + as_table(["scheme", "runs", mode.unit, "loss", "95 % interval"], rows, {1, 2, 3, 4})
    )


def _flags(table: pd.DataFrame, runs: int) -> str:
    """Lay out the flags, a row for each kind and scheme."""
    if table.empty:
        return "<p>No check found anything odd.</p>"
    rows = []
    for (kind, scheme), part in table.groupby(["kind", "scheme"], sort=False):
        numbers = sorted({n for n in part["round"] if n != ""})
        where = ", ".join(map(str, numbers[:8])) + (" …" if len(numbers) > 8 else "")
        rows.append([str(kind), str(scheme), str(len(part)), where or "–", part["says"].iloc[0]])
    head = ["check", "scheme", "found", "in rounds", "the first"]
    return (
        f"<p>What looked odd in the {runs} runs. Only rounds that a failure broke and runs whose "
        f"CPUs were moved do not count; nothing else was taken out:</p>"
        + as_table(head, rows, numbers={2})
    )

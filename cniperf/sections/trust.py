"""How far the figures can be trusted: the control, groups, placements, what looked odd."""

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import (
    WHERE,
    by_placement,
    placements,
    seeded,
    spread_of,
    that_count,
    usable,
)
from cniperf.analysis.control import control
from cniperf.analysis.flags import flag_table
from cniperf.analysis.groups import groups
from cniperf.analysis.loss import loss_table
from cniperf.language import _, listed, plural
from cniperf.modes import mode_of
from cniperf.sections.html import Cell, Html, as_table, margin, percent, ranged, signed


def noise(group: pd.DataFrame) -> Html:
    """Say whether the control holds, whom these runs tell apart, and what looked odd in them."""
    title = "<h3>" + _("How far these figures can be trusted") + "</h3>"
    odd = _flags(flag_table(group), len(group))
    return Html(title + _control(group) + _groups(group) + _placements(group) + odd)


def _control(group: pd.DataFrame) -> str:
    """Say what hostnetwork against itself came to."""
    found = control(group)
    low, middle, high = found.difference
    words = _(
        "These runs cannot show whether the measurement is sound: that takes two rounds with "
        "hostnetwork against itself (<code>cniperf suite</code>)."
    )
    if seeded(group):
        words = _(
            "The same seed gives the same digits. The seeds are the only spread, so "
            "hostnetwork against itself would show nothing."
        )
    elif not found.sound:
        words = _(
            "The control failed: hostnetwork was compared with itself {rounds} times and "
            "differs by {difference} (95 % interval: {interval})."
        )
    elif found.checked:
        words = _(
            "The control: hostnetwork was compared with itself {rounds} times and differs by "
            "{difference} (95 % interval: {interval}). The interval contains 0, so it shows no "
            "fault of the measurement."
        )
    text = words.format(
        rounds=found.rounds, difference="" if np.isnan(middle) else signed(middle),
        interval=ranged(low, high, "{:+.1%}"),
    )  # fmt: skip
    return f"<p>{text}</p>"


def _groups(group: pd.DataFrame) -> str:
    found = groups(group)
    if not found:
        spread = spread_of(group)
        words = _("No two schemes are told apart yet: {takes}.")
        return f"<p>{words.format(takes=_(spread.takes).format(rounds=spread.rounds))}</p>"
    rows: list[list[Cell]] = [
        [one.letter, listed(one.schemes), margin(one.within)] for one in found
    ]
    text = _(
        "A test compares each pair of schemes within the rounds, adjusted for the number of "
        "pairs. Not told apart does not mean equal: the last column is the smallest margin "
        "within which an equivalence test finds the whole group equal."
    )
    if seeded(group):
        text = _(
            "Two schemes are told apart where all seeds agree on their order. That is not a "
            "test: other seeds may disagree."
        )  # fmt: skip
    head: list[Cell] = [_("group"), _("not told apart"), _("equal within")]
    return f"<p>{text}</p>{as_table(head, rows, {2})}"


def placed(group: pd.DataFrame) -> str:
    """Say how the hosts' CPUs lay to each other."""
    found = placements(usable(group))
    if len(found) == 1:
        return _("; ") + _(WHERE[str(found.index[0])])
    return "".join(
        _("; ") + plural("{placement} in {runs} run", "{placement} in {runs} runs", runs).format(
            placement=_(WHERE[str(place)]), runs=runs)
        for place, runs in found.items()
    )  # fmt: skip


def _placements(group: pd.DataFrame) -> str:
    """Show what each placement of the hosts' CPUs says by itself, and whether it counts."""
    placed = by_placement(usable(group))
    if len(placed) < 2:
        return ""
    mode, enough = mode_of(group), that_count(placed)
    rows: list[list[Cell]] = []
    for place, own in placed.items():
        for scheme, row in loss_table(own).iterrows():
            rows.append([_(WHERE[place]), str(scheme), f"{row['runs']}",
                         mode.form.format(row["figure"]), percent(row["loss"]),
                         ranged(row["loss_low"], row["loss_high"], "{:.1%}")])  # fmt: skip
    text = _(
        "The hypervisor moved the hosts' CPUs between the runs, so the figures belong to two "
        "machines, in effect. Each has its own estimate:"
    )
    few = ""
    if len(enough) < len(placed):
        few = "<p class='note'>" + _(
            "The answers above use only the runs where {placement}. The other runs are too few."
        ).format(placement=_(WHERE[enough[0]])) + "</p>"  # fmt: skip
    head: list[Cell] = [_("placement"), _("scheme"), _("runs"), _(mode.unit), _("loss"),
                        _(spread_of(group).name)]  # fmt: skip
    return f"<p>{text}</p>{as_table(head, rows, {2, 3, 4, 5})}{few}"


def _flags(table: pd.DataFrame, runs: int) -> str:
    """Lay out the flags, a row for each kind and scheme."""
    if table.empty:
        return "<p>" + _("No check flagged anything.") + "</p>"
    rows = []
    for (kind, scheme), part in table.groupby(["kind", "scheme"], sort=False):
        numbers = sorted({n for n in part["round"] if n != ""})
        where = listed([*map(str, numbers[:8])]) + (" …" if len(numbers) > 8 else "")
        rows.append([_(str(kind)), str(scheme), str(len(part)), where or "–", part["says"].iloc[0]])
    head = [_("check"), _("scheme"), _("found"), _("in rounds"), _("example")]
    text = _(
        "Checks flagged these among the {runs} runs. Only rounds with a failed run and runs "
        "whose CPUs were moved are left out; all other runs count:"
    ).format(runs=runs)
    return f"<p>{text}</p>{as_table(head, rows, numbers={2})}"

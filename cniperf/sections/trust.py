"""How far the figures can be trusted: noise, what lay elsewhere, what looked odd."""

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import lie_as, placements, seeded, spread_of
from cniperf.analysis.flags import flag_table
from cniperf.analysis.loss import loss_table
from cniperf.analysis.noise import groups, noise_floor
from cniperf.language import N_, _, listed
from cniperf.modes import mode_of
from cniperf.sections.html import Html, as_table, percent, ranged, signed

# Whether one CPU reads what the other has just written from a common cache.
PLACEMENTS = {
    "shared": N_("the hosts' CPUs share a last-level cache"),
    "apart": N_("the hosts' CPUs share no cache"),
}


def noise(group: pd.DataFrame) -> Html:
    """Say how small a difference these runs can see, and what looked odd in them."""
    floor = noise_floor(group)
    parts = ["<h3>", _("How far these figures can be trusted"), "</h3>"]
    if np.isfinite(floor.smallest):
        low, middle, high = floor.difference
        text = _(
            "hostnetwork ran twice in {rounds} rounds. The two differ by {difference} (median; "
            "95 % interval {interval}), so no difference smaller than {smallest} can be seen. "
            "Schemes that differ by less stand in one group:"
        )
        if seeded(group):
            text = _(
                "The same seed gives the same digits, so what the seeds do is all the spread there "
                "is: over {rounds} of them no share of hostnetwork moves more than that of "
                "{scheme}, by {smallest}. No smaller difference can be seen. Schemes that differ "
                "by less stand in one group:"
            )
        text = text.format(
            rounds=floor.rounds, difference=signed(middle), smallest=percent(floor.smallest),
            interval=ranged(low, high, "{:+.1%}"), scheme=floor.scheme,
        )  # fmt: skip
        parts.append(f"<p>{text}</p>")
        rows = [[str(n), listed(names)] for n, names in enumerate(groups(group), 1)]
        parts.append(as_table([_("group"), _("indistinguishable within it")], rows))
    else:
        text = _(
            "How much the machine's own noise is, these runs cannot tell: it takes {rounds} "
            "rounds that ran hostnetwork twice (<code>cniperf suite</code>)."
        )
        if seeded(group):
            text = _("How much a count moves from seed to seed, these runs cannot tell: it takes "
                     "{rounds} seeds (<code>cniperf suite</code>).")  # fmt: skip
        parts.append(f"<p>{text.format(rounds=spread_of(group).rounds)}</p>")
    return Html("".join(parts) + _elsewhere(group) + _flags(flag_table(group), len(group)))


def placed(group: pd.DataFrame) -> str:
    """Say how the hosts' CPUs lay to each other in most runs."""
    most = placements(group)
    if not len(most) or most.index[0] not in PLACEMENTS:
        return ""
    return _("; ") + _(PLACEMENTS[most.index[0]])


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
    text = _(
        "The hypervisor moved the hosts' CPUs while the suite ran, which makes another machine "
        "of this one. Above count the {runs} runs where {first}; where {second}, these were "
        "measured:"
    ).format(runs=most[first], first=_(PLACEMENTS[first]), second=_(PLACEMENTS[second]))
    head = [_("scheme"), _("runs"), _(mode.unit), _("loss"), _(spread_of(group).name)]
    return f"<p>{text}</p>{as_table(head, rows, {1, 2, 3, 4})}"


def _flags(table: pd.DataFrame, runs: int) -> str:
    """Lay out the flags, a row for each kind and scheme."""
    if table.empty:
        return "<p>" + _("No check found anything odd.") + "</p>"
    rows = []
    for (kind, scheme), part in table.groupby(["kind", "scheme"], sort=False):
        numbers = sorted({n for n in part["round"] if n != ""})
        where = listed([*map(str, numbers[:8])]) + (" …" if len(numbers) > 8 else "")
        rows.append([_(str(kind)), str(scheme), str(len(part)), where or "–", part["says"].iloc[0]])
    head = [_("check"), _("scheme"), _("found"), _("in rounds"), _("the first")]
    text = _(
        "What looked odd in the {runs} runs. Only rounds that a failure broke and runs whose "
        "CPUs were moved do not count; nothing else was taken out:"
    ).format(runs=runs)
    return f"<p>{text}</p>{as_table(head, rows, numbers={2})}"

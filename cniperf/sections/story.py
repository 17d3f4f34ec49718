"""The answer first: who is nearly free, who costs what, what to pick, and how sure that is."""

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.beds import several
from cniperf.analysis.blocks import BASELINE, WITH, laid_out, seeded, spread_of
from cniperf.analysis.choice import choice_table
from cniperf.analysis.control import control
from cniperf.analysis.ladder import ladder_table
from cniperf.analysis.loss import by_loss, loss_table, sittings
from cniperf.analysis.paths import UNDERLAY, control_table
from cniperf.language import N_, _, listed, plural
from cniperf.modes import emulated
from cniperf.runs import CONDITIONS
from cniperf.sections.html import Cell, Html, anchor, as_table, link, percent, ranged, signed
from cniperf.sections.summary import unsound
from cniperf.sections.verdicts import NO_RUNS, in_short

# A loss from here up to the next one is spoken of together; what a reader would do differs.
FREE, MOST = 0.05, 0.40
DISTURBED = 0.1  # share of the runs with such a flag, from which on it stands on the first page
DISTURBANCES = {
    "others": N_("other programs used the CPUs"),
    "stolen": N_("the hypervisor took CPU time"),
    "throttled": N_("a CPU quota stopped the hosts"),
    "moved": N_("the hypervisor moved the CPUs"),
}

# What a network between the hosts may let through, the most usual one first.
NETWORKS = {
    "hosts only": N_("the hosts' own addresses only (most clouds)"),
    "pods' IPs": N_("pods' IP addresses (one subnet, or routers with routes to pods)"),
    "pods' MACs": N_("pods' MAC addresses (many of them a port)"),
}


def story(
    group: pd.DataFrame, other: pd.DataFrame = NO_RUNS, among: pd.DataFrame = NO_RUNS
) -> Html:
    """Answer the question in a few sentences, and say what to pick.

    Args:
        group: runs of one condition.
        other: runs that complete their suite, see :mod:`cniperf.analysis.completed`.
        among: all runs of the report, with those of other NICs.

    Returns:
        Nothing where there are not hostnetwork and two schemes that compare with it, or where
        software emulated the CPUs.
    """
    table = loss_table(group)
    table = table[(table["runs"] > 0) & ~table["userspace"].astype(bool)]
    if BASELINE not in table.index or emulated(group).any() or len(table) < 3:
        return Html("")
    lines = [*unsound(group), *_warnings(group), *_levels(table, group), *_placements(table, group),
             *_counted_beside(other), *_difference(group), *_sure(table, group)]  # fmt: skip
    said = "".join(f"<p>{line}</p>" for line in lines)
    said = f"<div class='story'>{said}</div>{_advice(group, among)}"
    side_by_side = len(among) and several(among)  # the report has its claims bed by bed
    return Html(said + ("" if side_by_side else in_short(group, other)))


def _warnings(group: pd.DataFrame) -> Iterator[str]:
    """Say what disturbed the runs."""
    flags = group["flags"].str.split(",")
    parts = [
        _("{why} in {some} of {all} runs").format(why=_(why), some=found, all=len(group))
        for kind_, why in DISTURBANCES.items()
        if (found := int(flags.apply(lambda own, kind_=kind_: kind_ in own).sum()))
        >= max(1, DISTURBED * len(group))
    ]
    if parts:
        text = _("Disturbed: {what}. This can make the intervals wider.")
        said = text.format(what=_("; ").join(parts))
        yield f"<span class='warning'>{said}</span>"


def _levels(table: pd.DataFrame, group: pd.DataFrame) -> Iterator[str]:
    """Say what each scheme loses, those together that lose about as much."""
    table = table[table.index != BASELINE].sort_values("loss")
    level = table["loss"].ge(FREE) * 2 + table["loss"].ge(MOST)
    level += table["loss"].lt(FREE) & table["loss_high"].ge(FREE)  # its interval reaches further
    said = []
    for place, own in table.groupby(level):
        each = listed([_lost(str(scheme), row) for scheme, row in own.iterrows()])
        words = (_("Nearly free: {each}."), _("Perhaps nearly free: {each}."),
                 _("These lose a part: {each}."), _("These lose most: {each}."))  # fmt: skip
        said.append(words[int(str(place))].format(each=each))
    if table["loss_low"].notna().any():
        said[-1] += " " + _("In brackets: {spread}.").format(spread=_(spread_of(group).name))
    yield from said


def _lost(scheme: str, row: "pd.Series[Any]") -> str:
    """Name a scheme, what it loses, and how well that is known."""
    ends = ranged(row["loss_low"], row["loss_high"], "{:.1%}")
    words = _("<b>{scheme}</b> {loss}") if ends == "–" else _("<b>{scheme}</b> {loss} ({ends})")
    return words.format(scheme=_wired(scheme), loss=percent(row["loss"]), ends=ends)


def _wired(scheme: str) -> str:
    """Return a scheme's name, which leads to the commands that wire it."""
    return link(escape(scheme), anchor("wired", scheme))


def _placements(table: pd.DataFrame, group: pd.DataFrame) -> Iterator[str]:
    """Say what each scheme loses in each placement of the hosts' CPUs, where several count."""
    blocks, losses = laid_out(group), dict[str, list[str]]()
    for scheme in table.index[table.index != BASELINE]:
        for place, change in blocks.each(str(scheme)).items():
            losses.setdefault(place, []).append(
                f"{escape(str(scheme))} {percent(0 - change.middle)}"
            )
    if len(losses) > 1:
        each = _("; ").join(_("{placement} {losses}").format(placement=_(WITH[place]),
                                                             losses=listed(own))
                            for place, own in losses.items())  # fmt: skip
        text = _("The hypervisor moved the hosts' CPUs, so this machine was two machines: {each}.")
        yield text.format(each=each)


def _counted_beside(other: pd.DataFrame) -> Iterator[str]:
    """Say what schemes lose that this machine's own kernel does not carry."""
    if other.empty:
        return
    through = set(other.loc[other["ovs_datapath"].notna(), "scheme"])
    table = by_loss(loss_table(other))
    losses = listed([
        _lost(str(scheme), row)
        for scheme, row in table.iterrows()
        if scheme in through and np.isfinite(row["loss"])
    ])  # fmt: skip
    if losses:
        yield _(
            "This kernel has no Open vSwitch. Counted in a guest that has it, as bytes that the "
            "same instructions carry: {losses}."
        ).format(losses=losses)


def _difference(group: pd.DataFrame) -> Iterator[str]:
    """Name the piece of a pod network that costs most by itself."""
    steps = ladder_table(group)
    if steps.empty:
        return
    place = int(steps["cost"].argmax())
    step, before = steps.iloc[place], steps.iloc[place - 1]
    ends = ranged(100 * step["cost_low"], 100 * step["cost_high"], "{:.1f}")
    points = f"{100 * step['cost']:.1f}" + ("" if ends == "–" else f" ({ends})")
    yield _(
        "What makes the difference: <b>{piece}</b> alone costs {points} points ({scheme} "
        "compared with {before})."
    ).format(
        piece=escape(step["adds"]), points=points, scheme=step["scheme"], before=before["scheme"]
    )


def _sure(table: pd.DataFrame, group: pd.DataFrame) -> Iterator[str]:
    """Say how many runs the least known scheme's loss is from, and what the control came to."""
    if seeded(group):
        return
    blocks, found = laid_out(group), control(group)
    rounds = min(
        len(blocks.changes(scheme)[place]) or int(table["runs"][scheme])
        for scheme in map(str, table.index[table.index != BASELINE])
        for place in blocks.each(scheme)
    )
    text = plural("Confidence: {rounds} run of each scheme.",
                  "Confidence: at least {rounds} runs of each scheme.", rounds)  # fmt: skip
    if found.checked and found.sound:
        low, middle, high = found.difference
        text += " " + _(
            "The control, hostnetwork against itself, differs by {difference} ({interval}): "
            "the interval contains 0, so it shows no fault of the measurement."
        ).format(difference=signed(middle), interval=ranged(low, high, "{:+.1%}"))
    yield text.format(rounds=rounds)


def _advice(group: pd.DataFrame, among: pd.DataFrame) -> str:
    """Say which scheme to pick, by what the network between the hosts lets through."""
    if not set(control_table(group)["underlay"]) & set(UNDERLAY):
        return ""
    rows: list[list[Cell]] = []
    for allows, network in NETWORKS.items():
        any_, strict = (choice_table(group, allows=allows, policy=asked) for asked in (False, True))
        rows.append([_(network), _picks(any_), _picks(strict)])
    head: list[Cell] = [
        _("Your network lets through"), _("pick (it loses)"),
        _("if NetworkPolicy (rules on the host) must take effect"),
    ]  # fmt: skip
    note = ""
    if (group["nic"].eq("virtio") & group["mode"].eq("stream")).all():
        note = f"<p class='story'>{_segmenting(group, among)}</p>"
    return "<h3>" + _("Which one to pick") + "</h3>" + as_table(head, rows) + note


def _segmenting(group: pd.DataFrame, among: pd.DataFrame) -> str:
    """Say what a tunnel loses over NICs that segment its packets, if that was measured."""
    ask = _("<b>Can your NIC segment a tunnel's packets?</b> These NICs cannot.")
    see = _("<code>ethtool -k eth0 | grep udp_tnl</code> shows the features of your NIC.")
    tunnels = control_table(group)["underlay"].eq("hosts only")
    names = set(tunnels.index[tunnels]) - {BASELINE}
    found = _("With one that can, a tunnel loses less: measure it with "
              "<code>cniperf suite --nic offload</code>.")  # fmt: skip
    for offload in _with_offload(group, among):
        table = loss_table(offload)
        lost = [_lost(str(scheme), row) for scheme, row in table.iterrows()
                if scheme in names and np.isfinite(row["loss"])]  # fmt: skip
        if lost:
            found = _("With NICs that can ({nic}): {losses}.").format(
                nic="<code>offload</code>", losses=listed(lost)
            )
            break  # the largest suite comes first
    return f"{ask} {found} {see}"


def _with_offload(group: pd.DataFrame, among: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Iterate over the runs that differ from a group in their NICs, which have every offload."""
    if among.empty:
        return
    same = [name for name in CONDITIONS if name not in ("nic", "cpu", "kernel", "version")]
    mine = group[same].iloc[0].astype(str)
    for condition, own in sittings(among):
        if condition["nic"] == "offload" and own[same].iloc[0].astype(str).equals(mine):
            yield own


def _picks(table: pd.DataFrame) -> Cell:
    """Name the schemes to pick, and what they lose."""
    picks = table[table["pick"].astype(bool)]
    if picks.empty:
        return "–"
    names = _(" or ").join(f"<b>{_wired(str(name))}</b>" for name in picks.index)
    low, high = picks["loss"].min(), picks["loss"].max()
    lost = percent(low) if np.isclose(low, high) else ranged(low, high, "{:.1%}")
    said = _("{names} ({lost})").format(names=names, lost=lost)
    return Html(f"<span class='whole'>{said}</span>" if len(picks) == 1 else said)

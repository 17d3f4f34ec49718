"""What came out: the answer in sentences, and the table of losses."""

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, WITH, Blocks, laid_out, seeded, spread_of
from cniperf.analysis.control import control
from cniperf.analysis.flags import limits
from cniperf.analysis.groups import EQUIVALENT, Group, groups
from cniperf.analysis.interval import Interval
from cniperf.analysis.loss import APART, by_loss, loss_table
from cniperf.language import N_, _, listed, plural
from cniperf.modes import emulated, mode_of
from cniperf.sections.html import (
    Cell,
    Html,
    anchor,
    as_table,
    commonest,
    link,
    percent,
    ranged,
    signed,
    two_lines,
    with_range,
)

EMULATED = N_(
    "These figures mean little: software emulates the CPUs here, and figures of the same load "
    "spread by 6 to 65 % where it was tried. The tables below list them, but none of their "
    "losses is a finding. Count instructions, or use KVM."
)

LIMITS = {
    "sender": N_("sender's CPU"),
    "receiver": N_("receiver's CPU"),
    "both": N_("both CPUs"),
    "wire": N_("neither CPU"),
    "rate": N_("the offered rate"),
    "": "–",
}


def answer(group: pd.DataFrame) -> Html:
    """Answer the question in a few sentences, from the runs of one condition."""
    table = loss_table(group)
    good = table[table["runs"] > 0]
    if BASELINE not in good.index:
        none = _(
            "hostnetwork has no figure here, so there is no loss. Measure hostnetwork as well."
        )
        return Html(f"<p>{none}</p>")
    lines = [f"<span class='bad'>{_(EMULATED)}</span>"]
    if not emulated(group).any():
        lines = [*unsound(group), *_found(good, group), *_alike(group)]
    if len(apart := good[good["userspace"]].index):
        lines.append(
            _(
                "<b>{schemes}</b> ran on Open vSwitch's userspace datapath, because this "
                "kernel has no openvswitch module. That is a different datapath: do not "
                "compare it with the other rows."
            ).format(schemes=escape(listed([*apart])))
        )
    for scheme, row in table[table["failed"] > 0].iterrows():
        lines.append(f"<b>{escape(str(scheme))}</b> {_failure(row)}")
    items = "\n".join(f"<li>{line}</li>" for line in lines)
    return Html(f"<ul>{items}</ul>")


def unsound(group: pd.DataFrame) -> list[str]:
    """Say first where hostnetwork against itself comes to a difference, which cannot be."""
    found = control(group)
    if found.sound:
        return []
    words = _(
        "<span class='bad'>The control failed</span>: hostnetwork differs from itself by "
        "{difference} (95 % interval: {interval}). It should not. Do not use the figures "
        "below; measure again. One sound suite in twenty fails this check by chance."
    )
    low, middle, high = found.difference
    return [words.format(difference=signed(middle), interval=ranged(low, high, "{:+.1%}"))]


def _found(good: pd.DataFrame, group: pd.DataFrame) -> list[str]:
    """Say what hostnetwork has, and what each scheme loses."""
    mode, blocks = mode_of(group), laid_out(group)
    base = mode.spoken(float(good["figure"][BASELINE]))
    kernel = good[~good["userspace"] & (good.index != BASELINE)].sort_values("loss")
    return [
        _(mode.does).format(scheme="<b>hostnetwork</b>", figure=base),
        *(
            _loses(str(scheme), row, blocks, mode.spoken(float(row["figure"])))
            for scheme, row in kernel.iterrows()
        ),
    ]


def _alike(group: pd.DataFrame) -> list[str]:
    """Say which schemes these runs do not tell apart, and how sure an interval is."""
    found = groups(group)
    if not found:
        return []
    several = [_group(one) for one in found if len(one.schemes) > 1]
    lines = [_("All schemes differ from each other.")]
    if several:
        lines = [_("Not told apart: {groups}.").format(groups=_("; ").join(several))]
    if seeded(group):
        lines.append(_("A spread of seeds is not a 95 % interval: other seeds may lie outside it."))
    else:
        lines.append(_(
            "Each interval has 95 % confidence: about 1 in 20 does not contain the true value. "
            "The test that tells schemes apart is adjusted for the number of pairs."
        ))  # fmt: skip
    return lines


def _group(group: Group) -> str:
    names = escape(listed(group.schemes))
    if not group.equivalent:
        return names
    return _("{schemes} (equal within {margin})").format(schemes=names, margin=percent(EQUIVALENT))


def _loses(scheme: str, row: "pd.Series[Any]", blocks: Blocks, figure: str) -> str:
    """Say what a scheme loses; where the hosts' CPUs lay in two ways, in each of them."""
    each, loses = blocks.each(scheme), row["loss"] >= 0
    shares = [-one.middle if loses else one.middle for one in each.values()]
    words = (
        _("<b>{scheme}</b> loses {share} ({known}): {figure}.")
        if loses
        else _("<b>{scheme}</b> gains {share} ({known}): {figure}.")
    )
    known = [_known(one, blocks, int(row["runs"]), loses=loses) for one in each.values()]
    share = percent(shares[0])
    if len(each) > 1:
        share = ranged(min(shares), max(shares), "{:.1%}")
        told = _("{share} {placement}, {known}")
        known = [
            told.format(share=percent(own), placement=_(WITH[place]), known=one)
            for own, place, one in zip(shares, each, known, strict=True)
        ]
    known_ = _("; ").join(known)
    return words.format(scheme=escape(scheme), share=share, known=known_, figure=figure)


def _known(change: Interval, blocks: Blocks, runs: int, *, loses: bool) -> str:
    if np.isnan(change.low):
        return plural("one run: no interval", "{runs} runs: no interval", runs).format(runs=runs)
    low, high = (-change.high, -change.low) if loses else (change.low, change.high)
    interval = ranged(low, high, "{:.1%}")
    return _("{spread}: {interval}").format(spread=_(blocks.spread.name), interval=interval)


def _failure(row: "pd.Series[Any]") -> str:
    words = _("<span class='bad'>failed</span>: {error}")
    return words.format(error=escape(row["error"]))


def losses(group: pd.DataFrame) -> Html:
    """Lay out each scheme's figure, its loss, what it costs more, and whom it is told from."""
    held = group.assign(limit=limits(group)).groupby("scheme")["limit"].agg(commonest)
    mode, table, told_by = mode_of(group), by_loss(loss_table(group)), spread_of(group)
    letters, those = _letters(groups(group)), anchor("runs", *group["run"])
    notes = _notes(table, group, told_apart=bool(letters))
    rows: list[list[Cell]] = []
    for scheme, row in table.iterrows():
        star = "*" if row["userspace"] else ""
        if not row["runs"]:
            rows.append([str(scheme), "0", Html(f"<div class='failure'>{_failure(row)}</div>"),
                         *"––––––––"])  # fmt: skip
            continue
        count = _("{runs} ({failed} failed)") if row["failed"] else "{runs}"
        host = scheme == BASELINE
        spread = ranged(row["figure_low"], row["figure_high"], mode.form)
        interval = ranged(row["loss_low"], row["loss_high"], "{:.1%}")
        more = ranged(row["cost_more_low"], row["cost_more_high"], "{:+.1%}")
        rows.append(
            [
                str(scheme) + star,
                Html(link(count.format(runs=row["runs"], failed=row["failed"]), those)),
                with_range(mode.form.format(row["figure"]), spread),
                _("baseline") if host else with_range(percent(row["loss"]), interval),
                letters.get(str(scheme), "–"),
                *("–" if pd.isna(row[name]) else mode.form.format(row[name]) for name in APART),
                "–" if pd.isna(row["cost"]) else f"{row['cost']:.2f}",
                "–" if host or pd.isna(row["cost_more"])
                else with_range(signed(row["cost_more"]), more),
                "–" if pd.isna(row["retransmits"]) else f"{row['retransmits']:.0f}",
                _(LIMITS[held.get(str(scheme), "")]),
            ]
        )  # fmt: skip
    head: list[Cell] = [_("scheme"), _("runs"), two_lines(_(mode.unit), _("lowest to highest")),
            two_lines(_("loss"), _(told_by.name)), _("group"), _("host a"), _("host b"),
            _(mode.cost_unit), _("extra CPU"), _("retransmits"), _("limited by")]  # fmt: skip
    told = [place for place in range(len(head)) if place < 4 or any(r[place] != "–" for r in rows)]
    shown = [[row[place] for place in told] for row in rows]
    numbers = [place for place, column in enumerate(told) if 0 < column < 10 and column != 4]
    return Html(as_table([head[place] for place in told], shown, numbers) + notes)


def _letters(found: list[Group]) -> dict[str, str]:
    """Return the letters of the groups that each scheme is in."""
    letters: dict[str, str] = {}
    for group in found:
        for scheme in group.schemes:
            letters[scheme] = letters.get(scheme, "") + group.letter
    return letters


def _notes(table: pd.DataFrame, group: pd.DataFrame, *, told_apart: bool) -> str:
    told_by = spread_of(group)
    notes = [
        _(
            "All figures are geometric means. A scheme's figure is hostnetwork's figure times (1 "
            "− loss)."
        )
    ]
    if told_apart:
        notes.append(_("Schemes that share a letter (group) are not told apart."))
    if table.query("runs > 0 and scheme != @BASELINE")["loss_low"].isna().any():
        notes.append(_("No interval: {takes}.").format(
            takes=_(told_by.takes).format(rounds=told_by.rounds)
        ))  # fmt: skip
    return f"<p class='note'>{' '.join(notes)}</p>"

"""The article's claims judged, and what each scheme asks of the host and of the underlay."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, seeded, spread_of
from cniperf.analysis.claims import CLAIMS, is_articles_load
from cniperf.analysis.completed import claims_of_both
from cniperf.analysis.paths import control_table
from cniperf.language import N_, _, each, in_percent, listed, plural
from cniperf.modes import emulated, mode_of
from cniperf.sections.html import (
    Cell,
    Html,
    anchor,
    as_table,
    link,
    margin,
    ranged,
    records,
    signed,
    two_lines,
    with_range,
)

UNDERLAY_ASKS = N_(
    "What the network between the hosts must allow: <i>pods' MACs</i>, many MACs a port, which "
    "most clouds drop; <i>pods' IPs</i>, routes to the pods on any router between the hosts; "
    "<i>hosts only</i>, nothing but packets between the hosts."
)


NO_RUNS = pd.DataFrame()


def claims(group: pd.DataFrame, other: pd.DataFrame = NO_RUNS) -> Html:
    """Judge the article's statements by the runs of one condition.

    Args:
        group: these.
        other: runs that complete their suite, see :mod:`cniperf.analysis.completed`.
    """
    if not concerned(group):
        return Html("")
    rows: list[list[Cell]] = []
    implied = "<br><small>" + _("implied") + "</small>"
    table = claims_of_both(group, other)
    for row in records(table):
        article = "–" if np.isnan(row["article"]) else signed(row["article"])
        interval = ranged(row["ours_low"], row["ours_high"], "{:+.1%}")
        rows.append(
            [
                row["claim"] + ("†" if row["completed"] else ""),
                _("the host") if row["of"] == BASELINE else row["of"],
                Html(article + (implied if row["implied"] else "")),
                "–" if np.isnan(row["ours"]) else with_range(signed(row["ours"]), interval),
                _verdict(row),
            ]
        )
    spread = spread_of(group)
    head: list[Cell] = [_("the article says"), _("relative to"), _("its figure"),
            two_lines(_("here"), _(spread.name)), _("verdict")]  # fmt: skip
    title, shown = _("The article's claims"), as_table(head, rows, numbers={2, 3})
    title = f"<h3 id='{_place(group)}'>{title}</h3>"
    note = _claims_note(group)
    if table["completed"].any():
        note += " " + _(
            "† Counted in a guest with Linux {kernel}, which has Open vSwitch in the kernel: bytes "
            "that the same instructions carry."
        ).format(kernel=escape(str(other["kernel"].iloc[0])))
        seeds = other["seed"].nunique()
        note += " " + plural(
            "It is of {seeds} seed, so it has no spread.",
            "Its figures are the spread of {seeds} seeds, not a 95 % interval.", seeds,
        ).format(seeds=seeds)  # fmt: skip
    return Html(f"{title}{shown}<p class='note'>{note}</p>")


def _place(group: pd.DataFrame) -> str:
    """Return the name of the section with the claims that some runs judge."""
    return anchor("claims", *group["run"])


def in_short(group: pd.DataFrame, other: pd.DataFrame = NO_RUNS) -> str:
    """Count the article's claims, and name those that these runs judge, a line each.

    Args: those of :func:`claims`.
    """
    said = tally(group, other)
    if not said:
        return ""
    rows: list[list[Cell]] = []
    for row in records(claims_of_both(group, other)):
        if np.isfinite(row["ours"]):
            here = ranged(row["ours_low"], row["ours_high"], "{:+.1%}")
            ours = signed(row["ours"]) + ("" if here == "–" else f" ({here})")
            article = "–" if np.isnan(row["article"]) else signed(row["article"])
            verdict = Html(f"<b class='{kind(row)}'>{escape(row['says'])}</b>")
            rows.append([row["claim"] + ("†" if row["completed"] else ""), article, ours, verdict])
    head: list[Cell] = [_("the article says"), _("its figure"), _("here"), _("verdict")]
    shown = f"<div class='brief'>{as_table(head, rows, {1, 2})}</div>" if rows else ""
    more = link(_("More on each"), _place(group)) + "."
    if not other.empty:
        more += " " + _("† Counted in a guest.")
    return "<h3>" + _("The article's claims in short") + f"</h3><p>{said[0]} {more}</p>{shown}"


def concerned(group: pd.DataFrame) -> bool:
    """Tell whether the article's claims can be judged by the runs of one condition."""
    if not is_articles_load(group) or emulated(group).any():
        return False
    named = {name for claim in CLAIMS for name in (claim.scheme, claim.relative_to)}
    return bool(set(group["scheme"]) & named - {BASELINE})


_TALLIED = ("confirmed", "contradicted", "undecided", "not", "missing")


def tally(group: pd.DataFrame, other: pd.DataFrame = NO_RUNS) -> list[str]:
    """Return how many of the article's claims hold, as a sentence; none where none is judged.

    Args: those of :func:`claims`.
    """
    if not concerned(group):
        return []
    found = claims_of_both(group, other)
    kinds = found.apply(kind, axis=1).value_counts()
    counts = {name: int(kinds.get(name, 0)) for name in _TALLIED}
    words = {
        "confirmed": plural("{n} holds", "{n} hold", counts["confirmed"]),
        "contradicted": plural("{n} does not hold", "{n} do not hold", counts["contradicted"]),
        "undecided": plural("{n} is not decided", "{n} are not decided", counts["undecided"]),
        "not": _("{n} cannot be compared here"),
        "missing": plural("{n} was not measured", "{n} were not measured", counts["missing"]),
    }
    parts = [text.format(n=counts[name]) for name, text in words.items() if counts[name]]
    text = _("The article of 2018 makes {all} claims: {parts}.")
    return [text.format(all=len(found), parts=listed(parts))]


DIRECTIONS = {
    "holds": N_("holds"), "does not hold": N_("does not hold"),
    "not told apart": N_("not told apart"), "depends": N_("depends"),
}  # fmt: skip
SIZES = {
    "as the article": N_("as the article"), "more": N_("more"), "less": N_("less"),
    "not known well enough": N_("not known well enough"), "depends": N_("depends"),
}  # fmt: skip


def kind(row: Mapping[str, Any]) -> str:
    """Return the class of a verdict, which gives it its colour."""
    answer = row["direction"] or row["size"]  # a claim of no difference has a size alone
    if answer in ("does not hold", "more"):
        return "contradicted"
    if answer in ("holds", "as the article"):
        return "confirmed"
    if not row["comparable"]:
        return "not"
    return "missing" if np.isnan(row["ours"]) else "undecided"


def _verdict(row: Mapping[str, Any]) -> Html:
    """Return a verdict in words, below it direction, size and what would have confirmed."""
    says = f"<b class='{kind(row)}'>{escape(row['says'])}</b>"
    parts = []
    if row["direction"]:
        parts.append(_("direction: {direction}").format(direction=_(DIRECTIONS[row["direction"]])))
    if row["size"]:
        parts.append(_("size: {size}").format(size=_(SIZES[row["size"]])))
    if np.isfinite(row["needed"]):
        words = _("equal within {needed} (margin: {margin})")
        asked = in_percent(f"{100 * row['margin']:g}")
        parts.append(words.format(needed=margin(row["needed"]), margin=asked))
    return two_lines(says, " · ".join(parts)) if parts else Html(says)


def _claims_note(group: pd.DataFrame) -> str:
    note = _(
        "The article has one run of 60 s per scheme and prints ratios only; <i>implied</i> "
        "figures follow from two of them. Direction and size are separate questions, each "
        "adjusted for the number of claims. A size is <i>as the article</i> if an equivalence "
        "test finds ours within a margin that was fixed beforehand: 7 % of what the article's "
        "scheme carries, or 1 % for its claims of 1 %. The table also gives the "
        "smallest margin that passes."
    )
    if seeded(group):
        note = _(
            "The article has one run of 60 s per scheme and prints ratios only; "
            "<i>implied</i> figures follow from two of them. A spread of {seeds} seeds is not "
            "a 95 % interval: a verdict here is what all seeds agree on, without a test, and "
            "other seeds may disagree. A size is <i>as the article</i> if all seeds lie "
            "within the margin: 7 % of what the article's scheme carries, or 1 % for its "
            "claims of 1 %."
        ).format(seeds=group["seed"].nunique())
    if mode_of(group).less:
        note += " " + _(
            "The article measured throughput; ours is the change of the bytes that the same "
            "instructions carry."
        )  # fmt: skip
    return note


def control(group: pd.DataFrame, fresh: pd.DataFrame | None = None) -> Html:
    """Report where a host policy takes effect, and what the hosts' network must allow.

    Args:
        group: runs of one condition.
        fresh: those of them whose way was not shown yet; all if not given.
    """
    table, whole = control_table(group if fresh is None else fresh), control_table(group)
    if whole.empty:
        return Html("")
    title = "<h3>" + _("Which way the packets went, and what that allows") + "</h3>"
    again = [scheme for scheme in map(str, whole.index) if scheme not in table.index]
    as_above = _("The same as above: {schemes}.").format(schemes=escape(listed(again)))
    said = f"<p>{as_above}</p>" if again else ""
    if table.empty:
        return Html(title + said)
    if table["forward"].isna().all():  # the devices counted
        return Html(title + _by_devices(table) + said)
    rows: list[list[Cell]] = []
    for scheme, row in table.iterrows():
        colour = "confirmed" if row["policy"] == "takes effect" else ""
        effect = f"<b class='{colour}'>{each(row['policy'])}</b>"
        counted = _("{dropped} of {sent} dropped").format(**row)
        rows.append(
            [
                str(scheme) + ("*" if row["userspace"] else ""),
                Html(f"{effect} <small>({counted})</small>"),
                _("{forward} of {packets}").format(**row),
                each(row["underlay"]),
                "–" if row["overhead"] is None else f"{row['overhead']:.0f} B",
                f"{row['pod_mtu']:.0f} B",
            ]
        )
    head = [_("scheme"), _("drop rule on the host"), _("seen by its forward hook"),
            _("the underlay sees"), _("added on the wire"), _("pod's MTU")]  # fmt: skip
    text = _(
        "Before each load, {packets} datagrams crossed the path each way and were counted at "
        "every hop. A run whose packets take another path than its scheme declares fails. "
        "Then a rule in host a's forward hook drops the pod's packets: if it stops none, "
        "a policy on the host has no effect."
    ).format(packets=table["packets"].iloc[0])
    asks = _(UNDERLAY_ASKS)
    shown = as_table(head, rows, {2, 4, 5})
    return Html(f"{title}<p>{text}</p>{shown}{said}<p class='note'>{asks}</p>")


def _by_devices(table: pd.DataFrame) -> str:
    """Say what the devices of a cluster's nodes counted, and whether its policies take effect."""
    rows: list[list[Cell]] = [
        [
            str(scheme),
            Html(f"<b class='{'confirmed' if row['policy'] == 'takes effect' else ''}'>"
                 f"{each(row['policy'])}</b>"),
            each(row["underlay"]) or "–",
            "–" if row["overhead"] is None else f"{row['overhead']:.0f} B",
            f"{row['pod_mtu']:.0f} B",
        ]
        for scheme, row in table.iterrows()
    ]  # fmt: skip
    head: list[Cell] = [_("scheme"), _("a policy that lets nothing in"), _("the underlay sees"),
            _("added on the wire"), _("pod's MTU")]  # fmt: skip
    text = _(
        "Before each load, {packets} datagrams crossed the path each way. The devices whose "
        "own counters rose by as many make up the path. Then a policy blocked all traffic to "
        "the run's own pods."
    ).format(packets=table["packets"].iloc[0])
    return f"<p>{text}</p>{as_table(head, rows, {3, 4})}"

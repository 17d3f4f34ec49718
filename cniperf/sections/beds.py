"""Beds side by side: the losses of each in one table, what they agree on, and what they do not."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from cniperf.analysis.beds import (
    Setup,
    agreement,
    beds_table,
    moves,
    set_up,
    several,
)
from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.claims import CLAIMS, Claim, claims_table
from cniperf.language import _, listed
from cniperf.modes import emulated
from cniperf.sections.html import Cell, Html, as_table, percent, records, signed
from cniperf.sections.verdicts import kind

MARKS = {"holds": "✓", "does not hold": "✗", "not told apart": "?", "depends": "?", "": ""}
SIZES = {"as the article": "=", "more": "+", "less": "−", "not known well enough": "~",
         "depends": "~", "": ""}  # fmt: skip


def beds(runs: pd.DataFrame) -> Html:
    """Lay what each scheme loses on each bed side by side, and say what holds on all of them."""
    if not several(runs):
        return Html("")
    said = "\n".join(f"<li>{line}</li>" for line in (*_agreed(runs), *_moved(runs)))
    note = _(
        "A loss is a share of the same bed's own hostnetwork. The first row has hostnetwork's "
        "figure, in the bed's own unit; figures of two beds never meet in one ratio. The last row "
        "is half of the widest 95 % interval or, of bed counted, spread of the seeds; a spread is "
        "no interval."
    )
    if runs["meter"].eq("instructions").any():
        note += " " + _(
            "An instruction is no time: what caches, parallel hosts and the exits of a guest cost "
            "is not in a count. ERMS: the kernel copies a byte an instruction, else eight."
        )
    if len(left := dict.fromkeys(runs.loc[emulated(runs), "bed"])):
        note += " " + _("Gbit/s from software emulation are left out: bed {beds}.").format(
            beds=listed([*left])
        )
    if _stars(runs):
        note += " " + _("* Open vSwitch's userspace datapath: do not compare it with other rows.")
    title = _("Beds side by side")
    return Html(f"<h2>{title}</h2><ul>{said}</ul>{_side_by_side(runs)}<p class='note'>{note}</p>")


def _stars(runs: pd.DataFrame) -> bool:
    return bool(beds_table(runs)["userspace"].any())


def _side_by_side(runs: pd.DataFrame) -> str:
    table, columns = beds_table(runs), list(set_up(runs))
    cells = {(Setup(*(row[name] for name in Setup._fields)), row["scheme"]): row
             for row in records(table)}  # fmt: skip
    rows: list[list[Cell]] = []
    for scheme in table.sort_values("order")["scheme"].drop_duplicates():
        own = [cells.get((bed, scheme)) for bed in columns]
        shown = [_base(bed, row) if scheme == BASELINE else _loss(row)
                 for bed, row in zip(columns, own, strict=True)]  # fmt: skip
        rows.append([str(scheme), *shown])
    rows.append([_("half of the widest interval"), *(_known(table, bed) for bed in columns)])
    head: list[Cell] = [_("loss, %"), *(_head(bed, bed.knobs, _unit(bed)) for bed in columns)]
    return as_table(head, rows, range(1, len(head)))


def _unit(bed: Setup) -> str:
    return _(bed.mode.short or bed.mode.unit)


def _head(bed: Setup, *more: str) -> Html:
    parts = (bed.kind, *more)
    return Html("<br>".join(f"<small>{escape(part)}</small>" if place else escape(part)
                            for place, part in enumerate(parts)))  # fmt: skip


def _base(bed: Setup, row: dict[str, float] | None) -> str:
    return "–" if row is None or not row["runs"] else bed.mode.form.format(row["figure"])


def _loss(row: dict[str, float] | None) -> str:
    if row is None or np.isnan(row["loss"]):
        return "–"
    star = "*" if row["userspace"] else ""
    return f"{100 * row['loss']:.1f}{star}".replace("-", "−")


def _known(table: pd.DataFrame, bed: Setup) -> str:
    """Return half of a bed's widest interval, in points of loss."""
    own = table[(table[list(Setup._fields)] == bed).all(axis=1) & table["loss"].notna()]
    wide = (own["loss_high"] - own["loss_low"]).max(skipna=False)
    return "–" if np.isnan(wide) else f"{50 * wide:.1f}"


def _agreed(runs: pd.DataFrame) -> list[str]:
    """Say which way it goes, and in which order the schemes come."""
    found = agreement(runs)
    if not found.order:
        return [_("No bed shows a difference between two schemes yet: measure more rounds.")]
    lines = []
    if found.gains:
        for scheme, those in found.gains:
            words = _("<b>{scheme}</b> does not lose everywhere: it gains on {beds}.")
            lines.append(words.format(scheme=escape(scheme), beds=_named(those)))
    else:
        lines.append(_("No bed has a scheme that is better than its hostnetwork."))
    order = " &gt; ".join(escape(" = ".join(group)) for group in found.order)
    words = _("Wherever two schemes can be told apart, all beds have one order, the cheapest "
              "first: <b>{order}</b>.")  # fmt: skip
    if found.against:
        words = _("Most beds have this order, the cheapest first: <b>{order}</b>.")
    lines.append(words.format(order=order))
    for schemes, others, those in found.against:
        words = _("Another order on {beds}: <b>{schemes}</b> before {others}.")
        named = {"schemes": escape(listed(schemes)), "others": escape(listed(others))}
        lines.append(words.format(**named, beds=_named(those)))
    return lines


def _moved(runs: pd.DataFrame) -> list[str]:
    """Say what does not hold from bed to bed: the loss that each knob moves most."""
    words = _("{knob} alone moves the loss of <b>{scheme}</b> from {least} ({here}) to {most} "
              "({there}).")  # fmt: skip
    return [
        words.format(
            knob=move.knob, scheme=escape(move.scheme),
            least=percent(move.least[1]), most=percent(move.most[1]),
            here=_named([move.least[0]]), there=_named([move.most[0]]),
        )
        for move in moves(runs)
    ]  # fmt: skip


def _named(beds: Sequence[Setup]) -> str:
    return escape(_("; ").join(map(str, beds)))


def claims_by_bed(runs: pd.DataFrame) -> Html:
    """Judge the article's statements by each bed, one table for all of them."""
    columns = set_up(runs)
    if not several(runs):
        return Html("")
    judged = [records(claims_table(group)) for group in columns.values()]
    rows: list[list[Cell]] = [
        [_against(claim),
         "–" if claim.change is None else signed(claim.change).removesuffix(" %"),
         *map(_verdict, said)]
        for claim, *said in zip(CLAIMS, *judged, strict=True)
    ]  # fmt: skip
    head: list[Cell] = [_("the article says"), _("its figure"),
                        *(_head(bed, *bed.knobs.split(", ")) for bed in columns)]  # fmt: skip
    note = _(
        "Direction: ✓ holds, ✗ does not, ? not told apart. Size: = as the article's, + more, − "
        "less, ~ not known well enough. – not measured or not comparable here; beside it our "
        "change in %. The tests are those of the sections, adjusted for how many claims there are; "
        "on bed counted it is what all seeds say, which is no test. The article measured "
        "throughput; where instructions were counted, ours is the change of the bytes that the "
        "same instructions carry."
    )
    title, table = _("The article's claims, bed by bed"), as_table(head, rows, range(1, len(head)))
    return Html(f"<h3>{title}</h3>{table}<p class='note'>{note}</p>")


def _against(claim: Claim) -> Html:
    against = _("against {other}").format(other=claim.relative_to)
    return Html(f"{escape(_(claim.text))}<br><small>{escape(against)}</small>")


def _verdict(row: dict[str, object]) -> Html:
    ours = float(str(row["ours"]))
    if np.isnan(ours) or not row["comparable"]:
        return Html("<b class='not'>–</b>")
    mark = MARKS[str(row["direction"])] + SIZES[str(row["size"])]
    return Html(
        f"<b class='{kind(row)}'>{mark}</b>\N{NO-BREAK SPACE}{signed(ours).removesuffix(' %')}"
    )

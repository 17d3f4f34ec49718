"""The article's claims judged, and what each scheme asks of the host and of the underlay."""

from html import escape

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import spread_of
from cniperf.analysis.claims import claims_table, is_articles_load
from cniperf.analysis.paths import control_table
from cniperf.language import N_, _, each, listed
from cniperf.modes import emulated, mode_of
from cniperf.sections.html import Cell, Html, as_table, ranged, records, signed

UNDERLAY_ASKS = N_(
    "What the network between the hosts must allow: <i>pods' MACs</i>, many MACs a port, which "
    "most clouds drop; <i>pods' IPs</i>, routes to the pods on any router between the hosts; "
    "<i>hosts only</i>, nothing but packets between the hosts."
)


def claims(group: pd.DataFrame) -> Html:
    """Judge the article's statements by the runs of one condition."""
    if not is_articles_load(group) or emulated(group).any():
        return Html("")
    rows: list[list[Cell]] = []
    implied = "<br><small>" + _("implied") + "</small>"
    for row in records(claims_table(group)):
        article = "–" if np.isnan(row["article"]) else signed(row["article"])
        counted = row["verdict"] != "not comparable here" and not np.isnan(row["ours"])
        verdict = Html(f"<b class='{row['verdict'].split()[0]}'>{_(row['verdict'])}</b>")
        why = "" if row["verdict"] in ("confirmed", "contradicted") else row["why"]
        rows.append(
            [
                row["claim"],
                row["of"],
                Html(article + (implied if row["implied"] else "")),
                ranged(row["band_low"], row["band_high"], "{:+.0%}"),
                signed(row["ours"]) if counted else "–",
                ranged(row["ours_low"], row["ours_high"], "{:+.1%}") if counted else "–",
                Html(f"{verdict.text}<br><small>{escape(why)}</small>" if why else verdict.text),
            ]
        )
    head = [_("the article says"), _("relative to"), _("its figure"), _("range"), _("here"),
            _(spread_of(group).name), _("verdict")]  # fmt: skip
    note = _(
        "The article gives one run of 60 s a scheme and prints ratios only; "
        "<i>implied</i> ones follow from two of its figures. A claim is confirmed where the whole "
        "interval lies within the range (5 points around the article's figure; claims of 1 %: 1 "
        "point), contradicted where all of it lies outside; the interval counts as no narrower "
        "than the noise floor."
    )
    if mode_of(group).less:
        note += " " + _("It measured throughput; ours is the change of the bytes that the same "
                        "instructions carry.")  # fmt: skip
    title, table = _("The article's claims"), as_table(head, rows, numbers={2, 3, 4, 5})
    return Html(f"<h3>{title}</h3>{table}<p class='note'>{note}</p>")


def control(group: pd.DataFrame, fresh: pd.DataFrame | None = None) -> Html:
    """Say where a policy on the host bites, and what the network between the hosts must allow.

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
    rows: list[list[Cell]] = []
    for scheme, row in table.iterrows():
        colour = "confirmed" if row["policy"] == "bites" else ""
        bites = f"<b class='{colour}'>{each(row['policy'])}</b>"
        counted = _("{dropped} of {sent} dropped").format(**row)
        rows.append(
            [
                str(scheme) + ("*" if row["userspace"] else ""),
                Html(f"{bites} <small>({counted})</small>"),
                _("{forward} of {packets}").format(**row),
                each(row["underlay"]),
                "–" if row["overhead"] is None else f"{row['overhead']:.0f} B",
                f"{row['pod_mtu']:.0f} B",
            ]
        )
    head = [_("scheme"), _("drop rule on the host"), _("seen by its forward hook"),
            _("the underlay sees"), _("added on the wire"), _("pod's MTU")]  # fmt: skip
    text = _(
        "Before each load a probe of {packets} datagrams each way was counted hop by hop; a run "
        "whose packets took another way than its scheme declares has no figure. Then a rule in "
        "host a's forward hook dropped what the pod sent: where it stops nothing, no policy on "
        "the host can."
    ).format(packets=table["packets"].iloc[0])
    asks = _(UNDERLAY_ASKS)
    shown = as_table(head, rows, {2, 4, 5})
    return Html(f"{title}<p>{text}</p>{shown}{said}<p class='note'>{asks}</p>")

"""What was measured and what came out: title, conditions, answer, the table of losses."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, seeded, spread_of
from cniperf.analysis.flags import limits
from cniperf.analysis.loss import APART, loss_table
from cniperf.analysis.noise import groups, noise_floor
from cniperf.language import N_, _, listed, plural
from cniperf.modes import MODES, emulated, mode_of
from cniperf.runs import read_run
from cniperf.sections.html import (
    Cell,
    Html,
    as_table,
    commonest,
    percent,
    ranged,
    records,
    signed,
)
from cniperf.sections.trust import placed

TITLE = N_("What a pod network costs")
QUESTION = N_(
    "How much of the host's own throughput is left between two pods on two hosts, by scheme?"
)

EMULATED = N_(
    "These figures say little: software emulates the CPUs here, and those of one and the same load "
    "spread by 6 to 65 % where it was tried. They are kept below as they came; no loss among them "
    "is a finding. Count instructions, or use KVM."
)

LIMITS = {
    "sender": N_("sender's CPU"),
    "receiver": N_("receiver's CPU"),
    "both": N_("both CPUs"),
    "wire": N_("neither CPU"),
    "rate": N_("the offered rate"),
    "": "–",
}

NICS = {
    "virtio": N_("NICs without tunnel segmentation (virtio)"),
    "offload": N_("NICs with every offload"),
    "plain": N_("NICs without TSO, GSO and GRO (plain)"),
    "own": N_("The hosts' own NICs"),
}

# What a heading says of a bed that is neither this machine nor one that is named.
BEDS = {
    "vm": N_("Two guests: {nic}"),
    "counted": N_("Counted in one guest: {nic}"),
}

MADE_BY = {
    "instructions": N_("Instructions were counted, not seconds."),
    "tcg": N_("Software emulates the CPUs."),
    "kvm": N_("The guests run on the machine's own CPUs (KVM)."),
}


def title(runs: pd.DataFrame) -> Html:
    """Say what this is, when it was measured, and on which machine."""
    if runs.empty:
        none = _("There is no run here yet: <code>cniperf suite</code>.")
        return Html(f"<h1>{_(TITLE)}</h1><p>{none}</p>")
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in runs["started"].agg(["min", "max"]))
    said = _("{runs} runs of {schemes} schemes, measured {first} to {last} UTC").format(
        runs=len(runs), schemes=runs["scheme"].nunique(), first=first,
        last=last[11:] if last[:10] == first[:10] else last,
    )  # fmt: skip
    machines = records(runs[["cpu", "cpus", "kernel"]].drop_duplicates())
    where = _("; ").join(
        _("{cpu}, {cpus} CPUs, Linux {kernel}").format(**machine) for machine in machines
    )
    return Html(
        f"<h1>{_(TITLE)}</h1><p>{_(QUESTION)}</p><p class='meta'>{said}<br>{escape(where)}</p>"
    )


def heading(condition: Mapping[str, Any], group: pd.DataFrame) -> Html:
    """Say under which conditions the runs of a section were made, and on which CPUs."""
    nic = _(NICS.get(str(condition["nic"]), f"NIC {condition['nic']}"))
    owned = read_run(Path(group.iloc[-1]["path"])).bed.cpus or {}
    cpus = _("; ").join(
        _("host {name} has CPU {numbers}").format(name=name, numbers=listed([*map(str, own)]))
        for name, own in owned.items()
    )
    text = _(
        "Bed {bed}, MTU {mtu} B, {load}, {duration} s a run after {omit} s not counted, "
        "{generator} {version}."
    ).format(**{**condition, "load": _load(condition)})
    text += _(" {cpus}.").format(cpus=cpus + placed(group)) if cpus else ""
    for fact in (condition["meter"], condition["accelerator"]):
        text += f" {_(MADE_BY[fact])}" if fact in MADE_BY else ""
    if condition["erms"]:
        text += " " + _("The kernel copies a byte an instruction (ERMS).")
        nic = _("{nic}, ERMS").format(nic=nic)
    nic = _(BEDS.get(str(condition["bed"]), "{nic}")).format(nic=nic)
    if condition["between"]:
        nic = _("{nic}, {a} to {b}").format(nic=nic, **_two(str(condition["between"])))
    return Html(f"<h2>{escape(nic)}</h2><p class='meta'>{escape(text)}</p>")


def _two(between: str) -> dict[str, str]:
    return dict(zip("ab", between.split(","), strict=True))


def _load(condition: Mapping[str, Any]) -> str:
    """Say what the pods were loaded with."""
    size = condition["length"] or MODES[condition["mode"]].size
    words = {
        "rr": _("requests and responses of {size} B over one TCP connection"),
        "crr": _("requests with a response of {size} B, each over a TCP connection of its own"),
        "udp": _("datagrams of {size} B at the highest rate that loses {max_loss:g} % at most"),
    }.get(condition["mode"]) or _streams(condition)
    load = words.format(**{**condition, "size": size})
    if condition["pairs"] == 1:
        return load
    words = _("{pairs} pairs of pods at once, each with {load}")
    return words.format(pairs=condition["pairs"], load=load)


def _streams(condition: Mapping[str, Any]) -> str:
    """Return the words for TCP streams, for a condition to be filled in."""
    n, way = condition["streams"], condition["direction"]
    streams = {
        "forward": plural("one TCP stream", "{streams} TCP streams", n),
        "reverse": plural("one TCP stream from b to a", "{streams} TCP streams from b to a", n),
        "both": plural("one TCP stream each way", "{streams} TCP streams each way", n),
    }[way]
    more = {
        "window": _("window {window}"),
        "length": _("writes of {length} B"),
        "rate": _("{rate:g} Gbit/s offered"),
    }
    return listed(
        [streams, "{congestion}", *(words for name, words in more.items() if condition[name])]
    )


def answer(group: pd.DataFrame) -> Html:
    """Answer the question in a few sentences, from the runs of one condition."""
    table = loss_table(group)
    good = table[table["runs"] > 0]
    if BASELINE not in good.index:
        none = _("hostnetwork has no figure here, so no loss can be told: measure it, too.")
        return Html(f"<p>{none}</p>")
    lines = [f"<span class='bad'>{_(EMULATED)}</span>"]
    if not emulated(group).any():
        lines = [*_found(good, group), *_seen(group)]
    if len(apart := good[good["userspace"]].index):
        lines.append(
            _(
                "<b>{schemes}</b> ran on Open vSwitch's userspace datapath, as this "
                "kernel has no openvswitch module: another thing, comparable with nothing else "
                "here."
            ).format(schemes=escape(listed([*apart])))
        )
    for scheme, row in table[table["failed"] > 0].iterrows():
        lines.append(f"<b>{escape(str(scheme))}</b> {_failure(row)}")
    items = "\n".join(f"<li>{line}</li>" for line in lines)
    return Html(f"<ul>{items}</ul>")


def _found(good: pd.DataFrame, group: pd.DataFrame) -> list[str]:
    """Say what hostnetwork has, and what each scheme loses."""
    mode, spread = mode_of(group), _(spread_of(group).name)
    base = mode.spoken(float(good["figure"][BASELINE]))
    kernel = good[~good["userspace"] & (good.index != BASELINE)].sort_values("loss")
    return [
        _(mode.does).format(scheme="<b>hostnetwork</b>", figure=base),
        *(_loses(str(scheme), row, spread) for scheme, row in kernel.iterrows()),
    ]


def _seen(group: pd.DataFrame) -> list[str]:
    """Say how small a difference can be seen, if that is known."""
    floor = noise_floor(group)
    if not np.isfinite(floor.smallest):
        return []
    words = _(
        "Nothing smaller than <b>{smallest}</b> can be seen here: so much "
        "hostnetwork may differ from itself. Indistinguishable: {groups}."
    )
    if seeded(group):
        words = _(
            "Nothing smaller than <b>{smallest}</b> can be seen here: so much a scheme's loss "
            "moves from seed to seed. Indistinguishable: {groups}."
        )
    alike = [escape(listed(names)) for names in groups(group) if len(names) > 1]
    return [words.format(smallest=percent(floor.smallest), groups=_("; ").join(alike) or _("none"))]


def _loses(scheme: str, row: "pd.Series[Any]", spread: str) -> str:
    loses = row["loss"] >= 0
    low, high = sorted((row["loss_low"], row["loss_high"]))
    if not loses:
        low, high = -high, -low
    known = _("{spread}: {interval}")
    if np.isnan(row["loss_low"]):
        known = plural("one run: no interval", "{runs} runs: no interval", row["runs"])
    words = (
        _("<b>{scheme}</b> loses {share} ({known}).")
        if loses
        else _("<b>{scheme}</b> gains {share} ({known}).")
    )
    return words.format(
        scheme=escape(scheme), share=percent(abs(row["loss"])),
        known=known.format(spread=spread, interval=ranged(low, high, "{:.1%}"), runs=row["runs"]),
    )  # fmt: skip


def _failure(row: "pd.Series[Any]") -> str:
    words = _("<span class='bad'>failed</span>: {error}")
    return words.format(error=escape(row["error"]))


def losses(group: pd.DataFrame) -> Html:
    """Lay out each scheme's figure, its loss and what it costs more."""
    held = group.assign(limit=limits(group)).groupby("scheme")["limit"].agg(commonest)
    mode, table, told_by = mode_of(group), loss_table(group), spread_of(group)
    rows: list[list[Cell]] = []
    for scheme, row in table.iterrows():
        star = "*" if row["userspace"] else ""
        if not row["runs"]:
            rows.append([str(scheme), "0", Html(f"<div class='failure'>{_failure(row)}</div>"),
                         *"–––––––"])  # fmt: skip
            continue
        count = _("{runs} ({failed} failed)") if row["failed"] else "{runs}"
        host = scheme == BASELINE
        spread = ranged(row["figure_low"], row["figure_high"], mode.form)
        interval = ranged(row["loss_low"], row["loss_high"], "{:.1%}")
        rows.append(
            [
                str(scheme) + star,
                count.format(runs=row["runs"], failed=row["failed"]),
                _with_range(mode.form.format(row["figure"]), spread),
                _("baseline") if host else _with_range(percent(row["loss"]), interval),
                *("–" if pd.isna(row[name]) else mode.form.format(row[name]) for name in APART),
                "–" if pd.isna(row["cost"]) else f"{row['cost']:.2f}",
                "–" if host or pd.isna(row["cost_more"]) else signed(row["cost_more"]),
                "–" if pd.isna(row["retransmits"]) else f"{row['retransmits']:.0f}",
                _(LIMITS[held[str(scheme)]]),
            ]
        )
    head: list[Cell] = [_("scheme"), _("runs"), _two_lines(_(mode.unit), _("lowest to highest")),
            _two_lines(_("loss"), _(told_by.name)), _("host a"), _("host b"), _(mode.cost_unit),
            _("extra CPU"), _("retransmits"), _("held back by")]  # fmt: skip
    told = [place for place in range(len(head)) if place < 4 or any(r[place] != "–" for r in rows)]
    note = _("Medians over the rounds.")
    if table.query("runs > 0 and scheme != @BASELINE")["loss_low"].isna().any():
        note = _("Medians over the rounds; {takes}.")
    takes = _(told_by.takes).format(rounds=told_by.rounds)
    few = f"<p class='note'>{note.format(takes=takes)}</p>"
    shown = [[row[place] for place in told] for row in rows]
    return Html(as_table([head[place] for place in told], shown, numbers=range(1, 9)) + few)


def _with_range(figure: str, spread: str) -> Html:
    return Html(figure) if spread == "–" else _two_lines(figure, spread)


def _two_lines(first: str, second: str) -> Html:
    return Html(f"{first}<br><small>{second}</small>")

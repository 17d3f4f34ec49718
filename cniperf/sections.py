"""The sections of the report in words and tables: each takes runs and returns a piece of HTML."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, lie_as, placements
from cniperf.analysis.claims import claims_table
from cniperf.analysis.factors import cells_table, effects_table
from cniperf.analysis.flags import flag_table, limits
from cniperf.analysis.interval import ENOUGH
from cniperf.analysis.loss import loss_table
from cniperf.analysis.noise import groups, noise_floor
from cniperf.analysis.paths import control_table
from cniperf.analysis.sweep import COLUMNS as SWEEP_COLUMNS
from cniperf.analysis.sweep import sweep_table
from cniperf.errors import ParameterError
from cniperf.runs import load_plans, read_run
from cniperf.suites import read_suite

SHORT = 9  # rows of a table that is kept on one page

TITLE = "What a pod network costs"
QUESTION = "How much of the host's own throughput is left between two pods on two hosts, by scheme?"


LIMITS = {
    "sender": "sender's CPU",
    "receiver": "receiver's CPU",
    "both": "both CPUs",
    "wire": "neither CPU",
    "rate": "the offered rate",
    "": "–",
}


# Whether one CPU reads what the other has just written from a common cache.
PLACEMENTS = {
    "shared": "the hosts' CPUs share a last-level cache",
    "apart": "the hosts' CPUs share no cache",
}


class Html(NamedTuple):
    """A piece of HTML that a notebook shows as such."""

    text: str

    def _repr_html_(self) -> str:
        return self.text


def title(runs: pd.DataFrame) -> Html:
    """Say what this is, when it was measured, and on which machine."""
    if runs.empty:
        return Html(f"<h1>{TITLE}</h1><p>There is no run here yet: <code>cniperf suite</code>.</p>")
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in runs["started"].agg(["min", "max"]))
    when = f"{first} to {last[11:] if last[:10] == first[:10] else last} UTC"
    machines = _records(runs[["cpu", "cpus", "kernel"]].drop_duplicates())
    where = "; ".join(f"{m['cpu']}, {m['cpus']} CPUs, Linux {m['kernel']}" for m in machines)
    return Html(
        f"<h1>{TITLE}</h1><p>{QUESTION}</p>"
        f"<p class='meta'>{len(runs)} runs of {runs['scheme'].nunique()} schemes, "
        f"measured {when}<br>{escape(where)}</p>"
    )


def answer(group: pd.DataFrame) -> Html:
    """Answer the question in a few sentences, from the runs of one condition."""
    table = loss_table(group)
    good = table[table["runs"] > 0]
    if BASELINE not in good.index:
        return Html(
            "<p>hostnetwork has no figure here, so no loss can be told: measure it, too.</p>"
        )
    base = float(good["gbps"][BASELINE])
    lines = [f"<b>hostnetwork</b> carries {base:.1f} Gbit/s from host to host."]
    kernel = good[~good["userspace"] & (good.index != BASELINE)].sort_values("loss")
    for scheme, row in kernel.iterrows():
        lines.append(f"<b>{escape(str(scheme))}</b> {_loses(row)}.")
    floor = noise_floor(group)
    if np.isfinite(floor.smallest):
        alike = [names for names in groups(group) if len(names) > 1]
        said = "; ".join(escape(_listed(names)) for names in alike) or "none"
        lines.append(
            f"Nothing smaller than <b>{_percent(floor.smallest)}</b> can be seen here: so much "
            f"hostnetwork may differ from itself. Indistinguishable: {said}."
        )
    if len(apart := good[good["userspace"]].index):
        lines.append(
            f"<b>{escape(', '.join(apart))}</b> ran on Open vSwitch's userspace datapath, as this "
            "kernel has no openvswitch module: another thing, comparable with nothing else here."
        )
    for scheme, row in table[table["failed"] > 0].iterrows():
        lines.append(f"<b>{escape(str(scheme))}</b> {_failure(row)}")
    items = "\n".join(f"<li>{line}</li>" for line in lines)
    return Html(f"<ul>{items}</ul>")


def heading(condition: Mapping[str, Any], group: pd.DataFrame) -> Html:
    """Say under which conditions the runs of a section were made, and on which CPUs."""
    nic = {
        "virtio": "NICs without tunnel segmentation (virtio)",
        "offload": "NICs with every offload",
        "plain": "NICs without TSO, GSO and GRO (plain)",
    }.get(str(condition["nic"]), f"NIC {condition['nic']}")
    streams = (
        "one TCP stream" if condition["streams"] == 1 else f"{condition['streams']} TCP streams"
    )
    window = f", window {condition['window']!s}" if condition["window"] else ""
    facts = read_run(Path(group.iloc[-1]["path"]))["bed"]
    owned = facts.get("cpus") or {}
    cpus = "; ".join(
        f"host {name} has CPU {', '.join(map(str, own))}" for name, own in owned.items()
    )
    return Html(
        f"<h2>{escape(nic)}</h2><p class='meta'>Bed {condition['bed']}, MTU {condition['mtu']} B, "
        f"{streams}, {escape(str(condition['congestion']))}{escape(str(window))}, "
        f"{condition['duration']} s a run after {condition['omit']} s not counted, "
        f"iperf3 {condition['iperf3']}. {escape(cpus + _placed(group))}.</p>"
    )


def losses(group: pd.DataFrame) -> Html:
    """Lay out each scheme's goodput and loss as a table."""
    held = group.assign(limit=limits(group)).groupby("scheme")["limit"].agg(_most)
    rows: list[list[Cell]] = []
    for scheme, row in loss_table(group).iterrows():
        star = "*" if row["userspace"] else ""
        if not row["runs"]:
            rows.append([str(scheme), "0", Html(_failure(row)), *"––––––"])
            continue
        failed = f" ({row['failed']} failed)" if row["failed"] else ""
        host = scheme == BASELINE
        rows.append(
            [
                str(scheme) + star,
                f"{row['runs']}{failed}",
                f"{row['gbps']:.2f}",
                _range(row["gbps_low"], row["gbps_high"], "{:.2f}"),
                "baseline" if host else _percent(row["loss"]),
                "–" if host else _range(row["loss_low"], row["loss_high"], "{:.1%}"),
                "–" if pd.isna(row["retransmits"]) else f"{row['retransmits']:.0f}",
                "–" if pd.isna(row["cpu_per_gb"]) else f"{row['cpu_per_gb']:.2f}",
                LIMITS[held[str(scheme)]],
            ]
        )
    head = ["scheme", "runs", "Gbit/s", "lowest to highest", "loss", "95 % interval",
            "retransmits", "CPU s/GB", "held back by"]  # fmt: skip
    few = "<p class='note'>Medians over the rounds.</p>"
    if loss_table(group).query("runs > 0 and scheme != @BASELINE")["loss_low"].isna().any():
        few = f"<p class='note'>Medians over the rounds; an interval takes {ENOUGH} of them.</p>"
    return Html(_table(head, rows, numbers={1, 2, 3, 4, 5, 6, 7}) + few)


def noise(group: pd.DataFrame) -> Html:
    """Say how small a difference these runs can see, and what looked odd in them."""
    floor = noise_floor(group)
    parts = ["<h3>How far these figures can be trusted</h3>"]
    if np.isfinite(floor.smallest):
        low, middle, high = floor.difference
        parts.append(
            f"<p>hostnetwork ran twice in {floor.rounds} rounds. The two differ by "
            f"{_signed(middle)} (median; 95 % interval {_range(low, high, '{:+.1%}')}), so no "
            f"difference smaller than {_percent(floor.smallest)} can be seen. Schemes that differ "
            "by less stand in one group:</p>"
        )
        rows = [[str(n), _listed(names)] for n, names in enumerate(groups(group), 1)]
        parts.append(_table(["group", "indistinguishable within it"], rows))
    else:
        parts.append(
            f"<p>How much the machine's own noise is, these runs cannot tell: it takes {ENOUGH} "
            "rounds that ran hostnetwork twice (<code>cniperf suite</code>).</p>"
        )
    return Html("".join(parts) + _elsewhere(group) + _flags(flag_table(group), len(group)))


def _placed(group: pd.DataFrame) -> str:
    most = placements(group)
    return f"; {PLACEMENTS[most.index[0]]}" if len(most) and most.index[0] in PLACEMENTS else ""


def _elsewhere(group: pd.DataFrame) -> str:
    """Show what the rounds say that do not count, as the hypervisor had moved the hosts' CPUs."""
    most = placements(group)
    if len(most) < 2 or not set(most.index) <= set(PLACEMENTS):
        return ""
    first, second = most.index[:2]
    there = loss_table(lie_as(group[group["suite"].ne("")], second))
    rows = [
        [str(scheme), f"{row['runs']}", f"{row['gbps']:.2f}", _percent(row["loss"]),
         _range(row["loss_low"], row["loss_high"], "{:.1%}")]
        for scheme, row in there[there["runs"] > 0].iterrows()
    ]  # fmt: skip
    return (
        "<p>The hypervisor moved the hosts' CPUs while the suite ran, which makes another machine "
        f"of this one. Above count the {most[first]} runs where {PLACEMENTS[first]}; where "
        f"{PLACEMENTS[second]}, these were measured:</p>"
        + _table(["scheme", "runs", "Gbit/s", "loss", "95 % interval"], rows, {1, 2, 3, 4})
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
        + _table(head, rows, numbers={2})
    )


def claims(group: pd.DataFrame) -> Html:
    """Judge the article's statements by the runs of one condition."""
    rows: list[list[Cell]] = []
    for row in _records(claims_table(group)):
        article = "–" if np.isnan(row["article"]) else _signed(row["article"])
        counted = row["verdict"] != "not comparable here" and not np.isnan(row["ours"])
        verdict = Html(f"<b class='{row['verdict'].split()[0]}'>{row['verdict']}</b>")
        why = "" if row["verdict"] in ("confirmed", "contradicted") else row["why"]
        rows.append(
            [
                row["claim"],
                row["of"],
                Html(article + ("<br><small>implied</small>" if row["implied"] else "")),
                _range(row["band_low"], row["band_high"], "{:+.0%}"),
                _signed(row["ours"]) if counted else "–",
                _range(row["ours_low"], row["ours_high"], "{:+.1%}") if counted else "–",
                Html(f"{verdict.text}<br><small>{escape(why)}</small>" if why else verdict.text),
            ]
        )
    head = ["the article says", "relative to", "its figure", "range", "here",
            "95 % interval", "verdict"]  # fmt: skip
    return Html(
        "<h3>The article's claims</h3>" + _table(head, rows, numbers={2, 3, 4, 5})
        + "<p class='note'>The article gives one run of 60 s a scheme and prints ratios only; "
        "<i>implied</i> ones follow from two of its figures. A claim is confirmed where the whole "
        "interval lies within the range (5 points around the article's figure; claims of 1 %: 1 "
        "point), contradicted where all of it lies outside.</p>"
    )  # fmt: skip


UNDERLAY_ASKS = (
    "What the network between the hosts must allow: <i>pods' MACs</i>, many MACs a port, which "
    "most clouds drop; <i>pods' IPs</i>, routes to the pods on any router between the hosts; "
    "<i>hosts only</i>, nothing but packets between the hosts."
)


def control(group: pd.DataFrame) -> Html:
    """Say where a policy on the host bites, and what the network between the hosts must allow."""
    table = control_table(group)
    if table.empty:
        return Html("")
    rows: list[list[Cell]] = []
    for scheme, row in table.iterrows():
        bites = f"<b class='{'confirmed' if row['policy'] == 'bites' else ''}'>{row['policy']}</b>"
        counted = f"{row['dropped']} of {row['sent']} dropped"
        rows.append(
            [
                str(scheme) + ("*" if row["userspace"] else ""),
                Html(f"{bites} <small>({counted})</small>"),
                f"{row['forward']} of {row['packets']}",
                row["underlay"],
                "–" if row["overhead"] is None else f"{row['overhead']:.0f} B",
                f"{row['pod_mtu']:.0f} B",
            ]
        )
    head = ["scheme", "drop rule on the host", "seen by its forward hook",
            "the underlay sees", "added on the wire", "pod's MTU"]  # fmt: skip
    return Html(
        "<h3>Which way the packets went, and what that allows</h3><p>Before each load a probe of "
        f"{table['packets'].iloc[0]} datagrams each way was counted hop by hop; a run whose "
        "packets took another way than its scheme declares has no figure. Then a rule in host "
        "a's forward hook dropped what the pod sent: where it stops nothing, no policy on the "
        "host can.</p>" + _table(head, rows, {2, 4, 5}) + f"<p class='note'>{UNDERLAY_ASKS}</p>"
    )


def how_measured(runs: pd.DataFrame) -> Html:
    """Say how the suites among some runs were laid out, and why each ended."""
    rows = []
    for name in dict.fromkeys(name for name in runs["suite"] if name):
        data = Path(runs[runs["suite"].eq(name)].iloc[0]["path"]).parent
        try:
            suite = read_suite(data, name)
        except ParameterError:
            continue
        ended = suite.ended or "it was interrupted"
        rows.append([name, str(suite.seed), str(len(suite.cells)), ended])
    if not rows:
        return Html("")
    head = ["suite", "seed", "runs a round", "ended by"]
    return Html(
        "<h2>How it was measured</h2><p>In rounds: each measures every scheme once, on a freshly "
        "built lab, in random order, and hostnetwork twice. A loss is the median over the rounds "
        "of one minus the scheme's goodput over hostnetwork's in the same round; its interval is a "
        "bootstrap of the rounds, with hostnetwork's own noise in it.</p>" + _table(head, rows)
    )


def sweeps(runs: pd.DataFrame) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Part the runs of each sweep from the others.

    Returns:
        The runs of each sweep, and those of none.
    """
    names = []
    for name in dict.fromkeys(name for name in runs["suite"] if name):
        data = Path(runs[runs["suite"].eq(name)].iloc[0]["path"]).parent
        with suppress(ParameterError):  # its file is lost
            if read_suite(data, name).vary:
                names.append(name)
    return [runs[runs["suite"].eq(name)] for name in names], runs[~runs["suite"].isin(names)]


def swept(runs: pd.DataFrame) -> Html:
    """Lay out a sweep's losses, point by point."""
    table = sweep_table(runs)
    names = [name for name in table.columns if name not in SWEEP_COLUMNS]
    rows: list[list[Cell]] = []
    for row in _records(table):
        star = "*" if row["userspace"] else ""
        host = row["scheme"] == BASELINE
        rows.append(
            [
                *(str(row[name]) for name in names),
                row["scheme"] + star,
                str(row["runs"]),
                f"{row['gbps']:.2f}",
                "–" if host else _percent(row["loss"]),
                "–" if host else _range(row["loss_low"], row["loss_high"], "{:.1%}"),
                "–" if np.isnan(row["cpu_per_gb"]) else f"{row['cpu_per_gb']:.2f}",
                "–" if np.isnan(row["mss"]) else f"{row['pod_mtu']:.0f} / {row['mss']:.0f}",
            ]
        )
    head = [*names, "scheme", "runs", "Gbit/s", "loss", "95 % interval", "CPU s/GB",
            "pod's MTU / MSS"]  # fmt: skip
    first = len(names)
    return Html(
        f"<h2>Sweep over {escape(_listed(names)) or 'nothing'}</h2>"
        f"<p class='meta'>{escape(runs['suite'].iloc[0])}: {len(runs)} runs at "
        f"{len(table[names].drop_duplicates()) if names else 1} points.</p>"
        + _table(head, rows, set(range(first + 1, first + 7)))
    )


def why_vxlan(runs: pd.DataFrame) -> Html:
    """Say what makes VXLAN's loss, from the runs of ``why_vxlan.ipynb``."""
    effects, cells = effects_table(runs), cells_table(runs)
    if effects.empty:
        return Html("<p>No round here has every combination: nothing can be told.</p>")
    tunnel = cells[cells["scheme"].eq("flannel-vxlan")]
    best, worst = tunnel.iloc[0], tunnel.iloc[-1]
    knobs = effects[effects["factor"].ne("scheme")]
    first = knobs.iloc[0]
    spread = _range(first["low"], first["high"], "{:+.1%}")
    interval = "" if spread == "–" else f" (95 % interval: {spread})"
    unseen = knobs[(knobs["low"] <= 0) & (knobs["high"] >= 0)]["words"]
    none = f" Not told from none: {escape('; '.join(unseen))}." if len(unseen) else ""
    return Html(
        f"<p>With the same wiring flannel-vxlan loses from <b>{_percent(best['loss'])}</b> "
        f"({escape(best['words'])}) to <b>{_percent(worst['loss'])}</b> "
        f"({escape(worst['words'])}). Of the knobs, <b>{escape(first['words'])}</b> moves it most: "
        f"{_signed(first['effect'])} of hostnetwork's goodput{interval}.{none}</p>"
    )


def left_out(runs: pd.DataFrame) -> Html:
    """Name the folders that are no complete run, if any."""
    broken = runs.attrs.get("broken", [])
    if not broken:
        return Html("")
    rows = [[folder, reason] for folder, reason in broken]
    return Html("<h2>Left out</h2>" + _table(["folder", "why"], rows))


def commands(runs: pd.DataFrame) -> Html:
    """Show how each scheme was wired, as shell commands for each host."""
    parts = ["<h2 class='appendix'>How each scheme was wired</h2>"]
    for scheme, a, b in load_plans(runs.sort_values(["order", "started"])):
        parts.append(f"<h3>{escape(scheme)}</h3><pre>{escape(a)}\n{escape(b.rstrip())}</pre>")
    return Html("".join(parts))


def environment(runs: pd.DataFrame) -> Html:
    """Show the machine, the versions and the kernel's settings behind the newest run."""
    if runs.empty:
        return Html("")
    facts = read_run(Path(runs.sort_values("started").iloc[-1]["path"]))["environment"]
    rows = [[name, str(facts[name])] for name in ("os", "kernel", "arch", "cpu", "cpus")]
    rows.append(["memory", f"{facts['memory']} GiB"])
    rows.append(["Python", facts["python"]])
    rows += [[tool, str(found or "not installed")] for tool, found in facts["versions"].items()]
    rows += [[name, str(value)] for name, value in facts["sysctl"].items()]
    return Html("<h2>The machine</h2>" + _table(["what", "value"], rows))


# ── little words ──────────────────────────────────────────────────────────────────────────────


Cell = str | Html  # a plain word is escaped, a piece of HTML is not


def _table(
    head: Sequence[Cell], rows: Sequence[Sequence[Cell]], numbers: Collection[int] = ()
) -> str:
    def line(cells: Sequence[Cell], tag: str) -> str:
        parts = []
        for place, cell in enumerate(cells):
            kind = " class='number'" if place in numbers else ""
            text = cell.text if isinstance(cell, Html) else escape(cell)
            parts.append(f"<{tag}{kind}>{text}</{tag}>")
        return "".join(parts)

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    short = " class='short'" if len(rows) <= SHORT else ""
    return f"<table{short}><thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def _failure(row: "pd.Series[Any]") -> str:
    return f"<span class='bad'>failed</span>: {escape(row['error'])}"


def _loses(row: "pd.Series[Any]") -> str:
    verb = "loses" if row["loss"] >= 0 else "gains"
    if np.isnan(row["loss_low"]):
        return f"{verb} {_percent(abs(row['loss']))} ({row['runs']} runs: no interval)"
    low, high = sorted((row["loss_low"], row["loss_high"]))
    if row["loss"] < 0:
        low, high = -high, -low
    return f"{verb} {_percent(abs(row['loss']))} (95 % interval: {_range(low, high, '{:.1%}')})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _most(words: pd.Series) -> str:
    return str(words.mode().iloc[0])


def _percent(fraction: float) -> str:
    return "unknown" if np.isnan(fraction) else f"{100 * fraction:.1f} %"


def _signed(fraction: float) -> str:
    return f"{100 * fraction:+.1f} %".replace("-", "−")


def _range(low: float, high: float, form: str) -> str:
    if low == high or np.isnan(low):  # a single run has no spread
        return "–"
    unit = " %" if form.endswith("%}") else ""
    first, last = (
        form.format(end).replace("-", "−").removesuffix("%") if end else "0" for end in (low, high)
    )
    return f"{first} to {last}{unit}"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]

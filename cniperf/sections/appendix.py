"""What a stranger needs to repeat it: how it was measured and wired, on which machine."""

import re
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path

import pandas as pd

from cniperf import checksums
from cniperf.analysis.blocks import is_interleaved, seeded
from cniperf.analysis.damage import damaged
from cniperf.analysis.loss import conditions, sittings
from cniperf.errors import ParameterError
from cniperf.language import N_, _, listed
from cniperf.modes import mode_of
from cniperf.record import Environment
from cniperf.runs import load_plans, read_run
from cniperf.sections.html import Cell, Html, anchor, as_table, records
from cniperf.sections.measured import heading
from cniperf.suites import Suite, clock, read_suite

MACHINE = {"os": N_("os"), "kernel": N_("kernel"), "arch": N_("arch"), "cpu": N_("cpu"),
           "cpus": N_("cpus")}  # fmt: skip


DESIGNS = {
    True: N_(
        "Interleaved design: in each lab, hostnetwork and the scheme take turns of a fraction "
        "of a second, so each lab has its own ratio. Once a round, hostnetwork takes the "
        "scheme's place: the control."
    ),
    False: N_(
        "Separate design: each scheme has its own runs and is compared with hostnetwork in "
        "the same round. Each round runs hostnetwork twice: the control."
    ),
}


def how_measured(runs: pd.DataFrame) -> Html:
    """Say how the suites among some runs were laid out, and why each ended."""
    rows = []
    for name, suite in _suites(runs):
        rows.append([name, str(suite.seed), str(len(suite.cells)), suite.ended_by])
    if not rows:
        return Html("")
    head = [_("suite"), _("seed"), _("runs a round"), _("ended by")]
    title = _("How it was measured")
    text = _(
        "Each round measures every scheme once, on a freshly built lab, in random order. The "
        "estimate uses logarithms of ratios to hostnetwork: their mean with Student's t up to "
        "seven rounds, the Hodges-Lehmann estimate with Wilcoxon's signed ranks from eight on."
    )
    for interleaved, words in DESIGNS.items():
        if (is_interleaved(runs) == interleaved).any():
            text += " " + _(words)
    text += _took(runs)
    if seeded(runs):
        text += " " + _(
            "On bed counted, a round is a seed, and hostnetwork runs once in it. The loss is "
            "one minus hostnetwork's instructions per byte over the scheme's; its spread "
            "reaches from the lowest to the highest seed."
        )
    return Html(f"<h2>{title}</h2><p>{text}</p>{as_table(head, rows)}")


def _took(runs: pd.DataFrame) -> str:
    """Say over which time the runs of a round were spread, which is when they saw the machine."""
    rounds = runs[runs["suite"].ne("")].groupby(["suite", "round"])["started"]
    spans = (rounds.max() - rounds.min()).dt.total_seconds()
    if not spans.max() > 0:
        return ""
    words = _("The runs of a round began within {usual} of each other (median), at most {most}.")
    return " " + words.format(usual=clock(spans.median()), most=clock(spans.max()))


def how_to_repeat(runs: pd.DataFrame) -> Html:
    """Name the data, by checksum, and the commands that would measure the like."""
    if runs.empty:
        return Html("")
    listed = checksums.checksums(runs["path"], runs["suite"])
    version = read_run(Path(runs.iloc[-1]["path"])).environment.versions.get("cniperf") or "?"
    lines = [f"sudo {suite.command()}" for _name, suite in _suites(runs)]
    if runs["suite"].eq("").any():
        why = _("and the conditions that its section names")
        lines.append(f"sudo cniperf run SCHEME  # {why}")
    lines.append(f"cd DATA && sha256sum --check --quiet REPORT/{checksums.NAME}")
    title = _("How to repeat it")
    text = _(
        "Measured with cniperf {version} by these commands. The last one checks that a folder "
        "contains exactly the runs behind this report. <code>{name}</code>, beside the "
        "report, lists their {files} files; its own SHA-256 is <code>{checksum}</code>."
    ).format(
        version=escape(str(version)), name=checksums.NAME, files=listed.count("\n"),
        checksum=checksums.checksum(listed),
    )  # fmt: skip
    commands = escape("\n".join(lines))
    return Html(f"<h2>{title}</h2><p>{text}</p><pre>{commands}</pre>")


def _suites(runs: pd.DataFrame) -> Iterator[tuple[str, Suite]]:
    """Iterate over the names of the suites among some runs, and what each set out to measure."""
    for name in dict.fromkeys(name for name in runs["suite"] if name):
        data = Path(runs[runs["suite"].eq(name)].iloc[0]["path"]).parent
        with suppress(ParameterError):  # its file is lost
            yield name, read_suite(data, name)


def left_out(runs: pd.DataFrame) -> Html:
    """Name the folders that are no complete run and the files that are damaged, if any."""
    rows: list[list[Cell]] = [[folder, why] for folder, why in runs.attrs.get("broken", [])]
    rows += [[each.name, each.why] for each in damaged(runs)]
    if not rows:
        return Html("")
    return Html("<h2>" + _("Left out") + "</h2>" + as_table([_("folder"), _("why")], rows))


def commands(runs: pd.DataFrame) -> Html:
    """Show how each scheme was wired, as shell commands for each host.

    Where it was wired in several ways, it is that of the report's first condition.
    """
    if runs.empty:
        return Html("")
    first = next(conditions(runs))[1]
    runs = runs.assign(first=runs.index.isin(first.index))
    parts = ["<h2 class='appendix'>", _("How each scheme was wired"), "</h2>"]
    for scheme, a, b in load_plans(runs.sort_values(["order", "first", "started"])):
        own = f"<pre id='{anchor('wired', scheme)}'>{escape(a)}\n{escape(b.rstrip())}</pre>"
        parts.append(f"<details><summary>{escape(scheme)}</summary>{own}</details>")
    return Html("".join(parts))


def listed_runs(runs: pd.DataFrame) -> Html:
    """List the runs of each condition; on a screen only, as they are many."""
    if runs.empty:
        return Html("")
    title, text = _("The runs"), _(
        "Each run is a folder of this name. It contains the commands for both hosts "
        "(<code>host-a.sh</code>, <code>host-b.sh</code>), the generator's output, the packets "
        "that were counted, and all facts (<code>run.json</code>)."
    )  # fmt: skip
    parts = [f"<h2>{title}</h2><p>{text}</p>"]
    head: list[Cell] = [_("scheme"), _("round"), _("figure"), _("run"), _("check")]
    for condition, group in sittings(runs):
        mode = mode_of(group)
        rows: list[list[Cell]] = [
            [run["scheme"], str(run["round"]),
             mode.spoken(run["figure"]) if run["status"] == "ok" else _("failed"),
             Html(f"<code>{escape(run['run'])}</code>"),
             listed([_(kind) for kind in run["flags"].split(",") if kind])]
            for run in records(group.sort_values(["order", "round", "started"]))
        ]  # fmt: skip
        named = re.sub("<[^>]+>", "", heading(condition).text)
        summary = f"<summary>{named}, MTU {condition['mtu']}: {len(group)}</summary>"
        shown = f"<div id='{anchor('runs', *group['run'])}'>{as_table(head, rows, {1, 2})}</div>"
        parts.append(f"<details>{summary}{shown}</details>")
    return Html(f"<section class='screen'>{''.join(parts)}</section>")


def environment(runs: pd.DataFrame) -> Html:
    """Show the machine, the versions and the kernel's settings behind each bed's newest run."""
    if runs.empty:
        return Html("")
    newest = runs.sort_values(["started", "run"]).groupby("bed", sort=False)["path"].last()
    parts = ["<h2>" + _("The machine") + "</h2>"]
    for bed, path in newest.items():
        parts += [f"<h3>{escape(str(bed))}</h3>"] * (len(newest) > 1)
        parts.append(_facts(read_run(Path(path)).environment))
    return Html("".join(parts))


def _facts(facts: Environment) -> str:
    rows = [[_(words), _known(getattr(facts, name))] for name, words in MACHINE.items()]
    rows.append([_("memory"), _known(facts.memory and f"{facts.memory} GiB")])
    rows.append(["Python", _known(facts.python)])
    rows += [[tool, found or _("not installed")] for tool, found in facts.versions.items()]
    rows += [[name, _known(value)] for name, value in facts.sysctl.items()]
    return as_table([_("what"), _("value")], rows)


def _known(fact: object) -> str:
    return str(fact) if fact not in (None, "") else _("unknown")

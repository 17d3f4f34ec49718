"""What a stranger needs to repeat it: how it was measured and wired, on which machine."""

from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path

import pandas as pd

from cniperf import checksums
from cniperf.errors import ParameterError
from cniperf.runs import load_plans, read_run
from cniperf.sections.html import Html, as_table
from cniperf.suites import Suite, read_suite


def how_measured(runs: pd.DataFrame) -> Html:
    """Say how the suites among some runs were laid out, and why each ended."""
    rows = []
    for name, suite in _suites(runs):
        ended = suite.ended or "it was interrupted"
        rows.append([name, str(suite.seed), str(len(suite.cells)), ended])
    if not rows:
        return Html("")
    head = ["suite", "seed", "runs a round", "ended by"]
    return Html(
        "<h2>How it was measured</h2><p>In rounds: each measures every scheme once, on a freshly "
        "built lab, in random order, and hostnetwork twice. A loss is the median over the rounds "
        "of one minus the scheme's goodput over hostnetwork's in the same round; its interval is a "
        "bootstrap of the rounds, with hostnetwork's own noise in it.</p>" + as_table(head, rows)
    )


def how_to_repeat(runs: pd.DataFrame) -> Html:
    """Name the data, by checksum, and the commands that would measure the like."""
    if runs.empty:
        return Html("")
    listed = checksums.checksums(runs["path"], runs["suite"])
    version = read_run(Path(runs.iloc[-1]["path"]))["environment"]["versions"].get("cniperf", "?")
    suites = [suite for _, suite in _suites(runs)]
    lines = [f"sudo {suite.command()}" for suite in suites]
    if runs["suite"].eq("").any():
        lines.append("sudo cniperf run SCHEME  # and the conditions that its section names")
    lines.append(f"cd DATA && sha256sum --check --quiet REPORT/{checksums.NAME}")
    return Html(
        f"<h2>How to repeat it</h2><p>Measured with cniperf {escape(str(version))}, by these "
        "commands; the last one tells whether a folder holds the very runs that this report was "
        f"made from. <code>{checksums.NAME}</code>, beside the report, lists their "
        f"{listed.count(chr(10))} files; its own SHA-256 is <code>{checksums.checksum(listed)}"
        f"</code>.</p><pre>{escape(chr(10).join(lines))}</pre>"
    )


def _suites(runs: pd.DataFrame) -> Iterator[tuple[str, Suite]]:
    """Iterate over the names of the suites among some runs, and what each set out to measure."""
    for name in dict.fromkeys(name for name in runs["suite"] if name):
        data = Path(runs[runs["suite"].eq(name)].iloc[0]["path"]).parent
        with suppress(ParameterError):  # its file is lost
            yield name, read_suite(data, name)


def left_out(runs: pd.DataFrame) -> Html:
    """Name the folders that are no complete run, if any."""
    broken = runs.attrs.get("broken", [])
    if not broken:
        return Html("")
    rows = [[folder, reason] for folder, reason in broken]
    return Html("<h2>Left out</h2>" + as_table(["folder", "why"], rows))


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
    return Html("<h2>The machine</h2>" + as_table(["what", "value"], rows))

"""The verbs that only read: doctor, plan, compare, report, export. Only doctor asks for root."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cniperf import stop
from cniperf.cli.app import app, examples, shown, tell
from cniperf.cli.options import Lang, Mtu, Nic, Scheme, words


@app.command(epilog=examples("cniperf doctor"))
def doctor() -> None:
    """Tell what this machine can run, scheme by scheme, and what would mend what it cannot.

    Exit code 1 where something stands in the way of the article's eight.
    """
    from cniperf.doctor import examine

    machine, schemes, further = examine()
    tell("This machine", machine)
    tell("Schemes", schemes)
    tell("Further schemes, measured where they are named", further)
    if not all(finding.ok for finding in (*machine, *schemes)):
        raise typer.Exit(1)


@app.command(epilog=examples("cniperf plan calico", "cniperf plan canal --host b --undo"))
def plan(
    scheme: Scheme,
    host: Annotated[Literal["a", "b"] | None, typer.Option(help="Only this host.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="The commands that take it back.")] = False,
    nic: Nic = None,
    mtu: Mtu = None,
    ovs_datapath: Annotated[
        Literal["system", "netdev"],
        typer.Option(help="Open vSwitch's datapath: kernel or userspace."),
    ] = "system",
) -> None:
    """Print the shell commands that wire a scheme, host by host.

    They run as printed, as root, on a host that forwards IPv4 and has a default route.
    """
    from dataclasses import replace

    from cniperf.beds import find as find_bed
    from cniperf.params import Experiment
    from cniperf.plan import planned

    experiment = Experiment.of(scheme=scheme, nic=nic, mtu=mtu)
    a, b = (
        replace(each, ovs_datapath=ovs_datapath)
        for each in find_bed(experiment.bed).hosts(experiment)
    )
    for side in planned(experiment, (a, b)):
        stop.look()
        if host in (None, side.host.name):
            typer.echo(side.undo_script() if undo else side.script())


@app.command(
    epilog=examples(
        "cniperf compare data/monday data/tuesday",
        "cniperf compare data/baseline data/new --within 2",
    )
)
def compare(
    before: Annotated[Path, typer.Argument(help="Folder of runs, the baseline.")],
    after: Annotated[Path, typer.Argument(help="Another.")],
    suites: Annotated[
        tuple[str, str],
        typer.Option(help="Only the runs of these suites, one of each folder."),
    ] = ("", ""),
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Even if they were measured under other conditions.")
    ] = False,
    within: Annotated[
        float,
        typer.Option(
            min=0, help="% by which the same may differ; of bed counted, in instructions per byte."
        ),
    ] = 3.0,
) -> None:
    """Tell which schemes became better or worse from one set of runs to another. Needs no root.

    Runs of bed counted are compared by their instructions per byte, seed by seed.

    Exit code 3 if any became worse, so that it can guard a pipeline; 0 if none did.
    """
    from cniperf.analysis import gate
    from cniperf.analysis.blocks import seeded
    from cniperf.analysis.compare import compare as measure
    from cniperf.analysis.compare import heading, pair_up, sentence
    from cniperf.modes import mode_of
    from cniperf.runs import load_runs

    sets = [load_runs(folder, suite=name or None)
            for folder, name in zip((before, after), suites, strict=True)]  # fmt: skip
    worse = False
    pairs = pair_up(*sets, anyway=anyway)
    for condition, one, other in pairs:
        stop.look()
        typer.secho(heading(condition, [each for each, *_ in pairs]), bold=True)
        table, counted = measure(one, other, within / 100), seeded(one) and seeded(other)
        for scheme, row in table.iterrows():
            says = gate.sentence(row) if counted else sentence(row, mode_of(one))
            typer.echo(f"  {scheme:<15} {says}")
        worse = worse or bool(table["verdict"].eq("worse").any())
    if worse:
        raise typer.Exit(3)


@app.command(
    epilog=examples("cniperf report", "cniperf report data/reference --out-dir /tmp/report")
)
def report(
    data: Annotated[
        Path | None, typer.Argument(help="Folder of runs. (default: the project's data/)")
    ] = None,
    suite: Annotated[str, typer.Option(help="Only the runs of this suite.")] = "",
    out_dir: Annotated[
        Path | None, typer.Option(help="Folder of the report. (default: reports/…)")
    ] = None,
    format: Annotated[
        str, typer.Option(help="Of html, pdf, md (Markdown); commas between.")
    ] = "html,pdf",
    lang: Lang = "en",
) -> None:
    """Make the report of a folder of runs. Needs no root."""
    from cniperf.report import make_report

    files = make_report(data, out_dir, suite=suite, formats=words(format), lang=lang)
    typer.echo("report: " + "\n        ".join(map(shown, files.files)))


@app.command(
    epilog=examples(
        "cniperf export data/reference --out runs.csv",
        "cniperf export --suite NAME --out runs.parquet",
    )
)
def export(
    data: Annotated[
        Path | None, typer.Argument(help="Folder of runs. (default: the project's data/)")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The file; its ending names the format, .csv or .parquet.")
    ] = Path("runs.csv"),
    suite: Annotated[str, typer.Option(help="Only the runs of this suite.")] = "",
) -> None:
    """Write a folder of runs into one table for other tools, a row a run. Needs no root."""
    from cniperf.export import export as write
    from cniperf.runs import load_runs

    write(load_runs(data, suite=suite or None), out)
    typer.echo(shown(out))

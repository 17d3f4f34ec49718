"""The verbs that only read: doctor, plan, compare, report, export. Only doctor asks for root."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cniperf import stop
from cniperf.cli.app import app, examples, report_findings, shown
from cniperf.cli.options import CniBinDir, Config, Ip, Lang, Mtu, Nic, Scheme, words

if TYPE_CHECKING:
    import pandas as pd

Suite = Annotated[
    str, typer.Option(help="Read the runs of this suite only. (default: all)", show_default=False)
]


@app.command(epilog=examples("cniperf doctor"))
def doctor() -> None:
    """Report what this machine can run, scheme by scheme, and how to fix the rest.

    A line marked warn does not stop a run; a line marked NO does.
    The exit code is 1 if one of the article's eight schemes cannot run.
    """
    from cniperf.beds.privilege import may_make_namespaces, with_namespaces
    from cniperf.doctor import examine

    machine, schemes, further = (
        with_namespaces(examine, tell=typer.echo) if may_make_namespaces() else examine()
    )
    report_findings("This machine", machine)
    report_findings("Schemes", schemes)
    report_findings("Further schemes, measured where they are named", further)
    if not all(finding.ok for finding in (*machine, *schemes)):
        raise typer.Exit(1)


@app.command(epilog=examples("cniperf plan calico", "cniperf plan canal --host b --undo"))
def plan(
    scheme: Scheme,
    host: Annotated[
        Literal["a", "b"] | None, typer.Option(help="Print this host only. (default: both)")
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Print the commands that undo the wiring.")
    ] = False,
    nic: Nic = None,
    ip: Ip = None,
    mtu: Mtu = None,
    ovs_datapath: Annotated[
        Literal["system", "netdev"],
        typer.Option(
            help="Datapath of Open vSwitch. system: kernel. netdev: userspace. (default: system)",
            show_default=False,
        ),
    ] = "system",
    config: Config = None,
    cni_bin_dir: CniBinDir = None,
) -> None:
    """Print the shell commands that wire a scheme, host by host.

    They run as printed, as root.
    The host needs IPv4 forwarding and a default route.
    """
    from dataclasses import replace

    from cniperf.beds import find as find_bed
    from cniperf.params import Experiment
    from cniperf.plan import planned

    experiment = Experiment.of(scheme=scheme, nic=nic, ip=ip, mtu=mtu, config=config,
                               cni_bin_dir=cni_bin_dir)  # fmt: skip
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
    before: Annotated[Path, typer.Argument(help="Folder of the runs to compare with.")],
    after: Annotated[Path, typer.Argument(help="Folder of the runs to judge.")],
    suites: Annotated[
        tuple[str, str],
        typer.Option(
            help="Compare the runs of these suites only, one of each folder. (default: all runs)",
            show_default=False,
        ),
    ] = ("", ""),
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare even if the measuring conditions differ.")
    ] = False,
    within: Annotated[
        float,
        typer.Option(
            min=0,
            help="A difference of this many % counts as the same. (default: 3)",
            show_default=False,
        ),
    ] = 3.0,
) -> None:
    """Report which schemes became better or worse between two sets of runs. Needs no root.

    Runs of bed counted compare by instructions per byte, seed by seed.
    The exit code is 3 if a scheme became worse, so a pipeline can stop, else 0.
    """
    from cniperf.analysis import gate
    from cniperf.analysis.blocks import seeded
    from cniperf.analysis.compare import compare as measure
    from cniperf.analysis.compare import heading, pair_up, sentence
    from cniperf.modes import mode_of

    sets = [_runs(folder, name)
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
        Path | None, typer.Argument(help="Folder of the runs. (default: the project's data/)")
    ] = None,
    suite: Suite = "",
    out_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the report. (default: reports/ and the suite or the time)"),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            help="Formats, separated by commas: html, pdf, md (Markdown). (default: html,pdf)",
            show_default=False,
        ),
    ] = "html,pdf",
    lang: Lang = "en",
) -> None:
    """Make the report of a folder of runs. Needs no root."""
    from cniperf.report import make_report

    files = make_report(
        data, out_dir, suite=suite, formats=words(format), lang=lang, tell=typer.echo
    )
    typer.echo("report: " + "\n        ".join(map(shown, files.files)))


@app.command(
    epilog=examples(
        "cniperf export data/reference --out runs.csv",
        "cniperf export --suite NAME --out runs.parquet",
    )
)
def export(
    data: Annotated[
        Path | None, typer.Argument(help="Folder of the runs. (default: the project's data/)")
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="File of the table, .csv or .parquet. (default: runs.csv)", show_default=False
        ),
    ] = Path("runs.csv"),
    suite: Suite = "",
) -> None:
    """Write the runs of a folder to one table, with a row for each run. Needs no root."""
    from cniperf.export import check
    from cniperf.export import export as write

    check(out)
    write(_runs(data, suite), out)
    typer.echo(shown(out))


def _runs(data: Path | None, suite: str) -> "pd.DataFrame":
    """Load the runs of a folder, or of one suite in it.

    Raises:
        BadRun: there is no such folder.
        ParameterError: no run is of that suite.
    """
    from cniperf.errors import ParameterError, unknown
    from cniperf.runs import default_data_dir, load_runs
    from cniperf.suites import suite_names

    runs = load_runs(data, suite=suite or None)
    if not suite or not runs.empty:
        return runs
    folder = data or default_data_dir()
    if suite in (names := suite_names(folder)):
        raise ParameterError(f"suite {suite} has no run in {folder}: `cniperf suite --resume`")
    raise ParameterError(f"{folder}: {unknown('suite', suite, names)}")

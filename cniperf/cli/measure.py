"""The verbs that measure: run, notebook, suite, sweep, prove."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cniperf.cli.app import app, examples, shown
from cniperf.cli.layout import resumed, suite_of, sweep_of
from cniperf.cli.options import (
    OUTPUT,
    WHAT,
    WHEN,
    WHERE,
    CniBinDir,
    Config,
    DataDir,
    Ip,
    Lang,
    Mtu,
    Nic,
    Scheme,
    Schemes,
    Settings,
    complete_scheme,
    experiment_of,
    merged,
    takes_parameters,
)
from cniperf.errors import CniperfError

# Runs of one scheme: fewer labs give no interval that is worth a look.
LABS = 4

if TYPE_CHECKING:
    from cniperf.params import Experiment
    from cniperf.suites import Suite

# How often one scheme is measured.
Labs = Annotated[
    int | None,
    typer.Option(help="Runs of the scheme, each in a new lab. (default: interleaved 4; separate 1)",
                 rich_help_panel=WHEN),
]  # fmt: skip
# How a suite ends, as options; the defaults of suite and sweep differ.
Target = Annotated[
    float | None,
    typer.Option(help="Stop when the interval of every loss is within ± this many points of "
                 "hostnetwork's figure. 0: stop at --rounds or --budget only. (default: 1)",
                 rich_help_panel=WHEN),
]  # fmt: skip
Seed = Annotated[
    int | None,
    typer.Option(help="Seed of the order of the runs in each round. (default: random)",
                 rich_help_panel=WHAT),
]  # fmt: skip
Resume = Annotated[
    str | None,
    typer.Option(help="Continue the interrupted suite of this name, with its own options. "
                 "(default: a new suite)"),
]  # fmt: skip
OutDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the report. (default: reports/NAME)", rich_help_panel=OUTPUT),
]


@app.command(
    epilog=examples(
        "cniperf run macvlan",
        "cniperf run canal --nic offload --duration 30",
        "cniperf run calico --mode rr",
    )
)
@takes_parameters
def run(
    scheme: Scheme,
    rounds: Labs = None,
    settings: Settings = None,
    **parameters: Any,  # noqa: ANN401
) -> None:
    """Measure one scheme, and write a folder for each run."""
    asked = _asked(settings, {"scheme": scheme, "rounds": rounds, **parameters})
    # A wrong value need not wait for these.
    from cniperf.cli.losses import losses
    from cniperf.measure.run import run as measure
    from cniperf.runs import runs_table

    folders = measure(asked)
    for line in losses(runs_table(folders)):
        typer.echo(line)
    for folder in folders:
        typer.echo(shown(folder))


def _asked(settings: Path | None, options: dict[str, Any]) -> "Experiment":
    """Return the runs of one scheme that options ask for."""
    known = merged(settings, {}, options)
    asked = experiment_of(known)
    if asked.design == "interleaved" and "rounds" not in known:
        asked = experiment_of({**known, "rounds": LABS})
    return asked


@app.command(
    epilog=examples(
        "cniperf notebook macvlan",
        "cniperf notebook calico --mode rr --out calico-rr.ipynb",
    )
)
@takes_parameters
def notebook(
    scheme: Scheme,
    rounds: Labs = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File of the notebook. (default: SCHEME.ipynb)",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    lang: Lang = "en",
    settings: Settings = None,
    **parameters: Any,  # noqa: ANN401
) -> None:
    """Measure one scheme as `run` does, and keep it as a notebook with charts.

    It runs run_scheme.ipynb by papermill.
    """
    asked = _asked(settings, {"scheme": scheme, "rounds": rounds, **parameters})
    file = out or Path(f"{asked.scheme}.ipynb")
    from cniperf import files
    from cniperf.measure.run import check
    from cniperf.notebook import execute
    from cniperf.places import require_file

    require_file(file)
    if file.exists():
        raise CniperfError(f"there is already a {file}: give another name with --out")
    check(asked)
    parameters = {**asked.model_dump(mode="json"), "lang": lang}
    file.parent.mkdir(parents=True, exist_ok=True)
    with files.whole(file) as draft:  # what failed would stand in the way of the next try
        execute("run_scheme", draft, parameters, says=sys.stdout)
    typer.echo(shown(file))


@app.command(
    epilog=examples(
        "cniperf suite --budget 10m",
        "cniperf suite calico canal --rounds 20 --target 0 --nic offload",
        "cniperf suite --mode rr",
        "cniperf suite --equal-load",
        "cniperf suite --lang zh",
        "cniperf suite --resume NAME",
    )
)
@takes_parameters
def suite(
    schemes: Schemes = None,
    target: Target = None,
    rounds: Annotated[
        int | None,
        typer.Option(help="Stop after this many rounds. (default: 100)", rich_help_panel=WHEN),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Stop early enough for the report to be ready within this time, for example 10m "
            "or 1h30m. 0: no limit. (default: 15m)",
            rich_help_panel=WHEN,
        ),
    ] = None,
    equal_load: Annotated[
        bool | None,
        typer.Option(
            "--equal-load",
            help="Offer every scheme the same load, 90 % of what the slowest carries. The suite "
            "measures that first. (default: no)",
            rich_help_panel=WHAT,
        ),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(
            help="Runs at a time: bed ssh, pairs of hosts, each host in one run; bed counted, "
            "guests. (default: 1; in bed counted one for each CPU)",
            rich_help_panel=WHERE,
        ),
    ] = None,
    seed: Seed = None,
    resume: Resume = None,
    out_dir: OutDir = None,
    lang: Lang = "en",
    data_dir: DataDir = None,
    settings: Settings = None,
    **parameters: Any,  # noqa: ANN401
) -> None:
    """Measure schemes in rounds until their losses are precise, and write a report.

    A round measures every scheme once, in random order.
    It also measures hostnetwork against itself, as a control.
    Design interleaved: a run loads the scheme and hostnetwork in turns, for 3
    seconds in all.
    Design separate: one second of load counts in a run, and hostnetwork has two
    runs a round.
    """
    options = {"target": target, "rounds": rounds, "budget": budget, "seed": seed,
               "equal_load": equal_load, "at_once": at_once, **parameters}  # fmt: skip
    planned = resumed(resume, [schemes, settings, *options.values()], data_dir)
    _measured(planned or suite_of(schemes, settings, data_dir, options), data_dir, out_dir, lang)


@app.command(
    epilog=examples(
        "cniperf sweep --vary mtu=1450,1500,9000 --vary streams=1,4",
        "cniperf sweep --schemes calico,canal --vary length=64,1024,131072 --budget 20m",
        "cniperf sweep --schemes macvlan,calico --vary pairs=1,4,16 --nic offload",
        "cniperf sweep --settings sweep.yaml",
        "cniperf sweep --resume NAME",
    )
)
@takes_parameters
def sweep(
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="A parameter and its values, for example mtu=1450,1500,9000. Give it once for "
            "each parameter. (required, here or in --settings)",
            rich_help_panel=WHAT,
        ),
    ] = None,
    schemes: Annotated[
        str | None,
        typer.Option(
            help="The schemes, separated by commas. (default: the article's without Open vSwitch)",
            autocompletion=complete_scheme,
            rich_help_panel=WHAT,
        ),
    ] = None,
    one_at_a_time: Annotated[
        bool | None,
        typer.Option(
            "--one-at-a-time/--grid",
            help="Vary one parameter at a time and keep the others at their first values, or "
            "measure every combination. (default: grid)",
            rich_help_panel=WHAT,
        ),
    ] = None,
    target: Target = None,
    rounds: Annotated[
        int | None,
        typer.Option(help="Stop after this many rounds. (default: 8)", rich_help_panel=WHEN),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Stop early enough for the report to be ready within this time, for example 30m. "
            "(default: 0: no limit)",
            rich_help_panel=WHEN,
        ),
    ] = None,
    seed: Seed = None,
    resume: Resume = None,
    out_dir: OutDir = None,
    lang: Lang = "en",
    data_dir: DataDir = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="YAML file with options, for example vary: {mtu: [1450, 9000]}. An option on the "
            "command line overrides it. (default: no file)"
        ),
    ] = None,
    **parameters: Any,  # noqa: ANN401
) -> None:
    """Measure schemes at several values of parameters, and report the effect.

    A round measures hostnetwork and every scheme at every point.
    """
    options = {"vary": vary, "schemes": schemes, "one_at_a_time": one_at_a_time, "target": target,
               "rounds": rounds, "budget": budget, "seed": seed, **parameters}  # fmt: skip
    planned = resumed(resume, [settings, *options.values()], data_dir)
    _measured(planned or sweep_of(settings, options), data_dir, out_dir, lang)


def _measured(planned: "Suite", data_dir: Path | None, out_dir: Path | None, lang: str) -> None:
    """Measure a suite, print its progress, and write its report."""
    from cniperf.cli.losses import losses
    from cniperf.measure.suite import run_suite

    typer.echo(_announced(planned))
    done = run_suite(planned, data_dir=data_dir, out_dir=out_dir, tell=typer.echo, lang=lang)
    if not planned.vary:
        for line in losses(done.runs):
            typer.echo(line)
    if done.report:
        typer.echo("\nreport: " + "\n        ".join(map(shown, done.report.files)))
    missing = {str(cell["scheme"]) for cell in planned.cells} - set(
        done.runs[done.runs["status"].eq("ok")]["scheme"]
    )
    if missing:
        raise CniperfError(f"{', '.join(sorted(missing))} failed; the report has the reason")


def _announced(suite: "Suite") -> str:
    from cniperf.suites import clock

    wanted = f"until every loss is within ±{100 * suite.target:g} points" if suite.target else ""
    caps = [f"{suite.rounds} rounds"]
    if suite.budget:
        caps.append(clock(suite.budget))
    params = suite.params
    nics = " and ".join(suite.values("nic") or [params["nic"]])
    return (
        f"{suite.name}: {len(suite.cells)} runs of {params['omit']} + {params['duration']} s a "
        f"round, bed {params['bed']}, NIC {nics}, MTU {params['mtu']}; "
        f"{wanted + ', or ' if wanted else ''}at most {' or '.join(caps)}"
    )


@app.command(epilog=examples("cniperf prove", "cniperf prove calico calico-ipip --bed vm"))
def prove(
    schemes: Schemes = None,
    bed: Annotated[
        Literal["lab", "vm"] | None,
        typer.Option(
            help="lab: namespaces on this machine. vm: guests, with a kernel that supports every "
            "scheme. (default: lab)",
            rich_help_panel=WHERE,
        ),
    ] = None,
    nic: Nic = None,
    ip: Ip = None,
    mtu: Mtu = None,
    config: Config = None,
    cni_bin_dir: CniBinDir = None,
) -> None:
    """Count a scheme's packets at each hop of their path.

    It wires each scheme and sends 100 datagrams each way.
    The exit code is 1 if the packets took another path than the scheme declares.
    The error names the first hop that disagrees.
    """
    from cniperf.analysis.paths import evidence_text
    from cniperf.measure.run import prove_path
    from cniperf.schemes import ARTICLE, find

    problems = []
    for name in [find(name).name for name in schemes or ARTICLE]:
        options = {"scheme": name, "bed": bed, "nic": nic, "ip": ip, "mtu": mtu, "config": config,
                   "cni_bin_dir": cni_bin_dir}  # fmt: skip
        evidence = prove_path(experiment_of(merged(None, {}, options)), typer.echo)
        typer.echo(evidence_text(evidence.as_dict()) + "\n")
        if evidence.problem:
            problems.append(f"{name}: {evidence.problem}")
    if problems:
        raise CniperfError("; ".join(problems))

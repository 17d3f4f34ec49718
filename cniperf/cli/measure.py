"""The verbs that measure: run, suite, sweep, prove."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cniperf.cli.app import app, examples, shown
from cniperf.cli.options import (
    OUTPUT,
    WHAT,
    WHEN,
    WHERE,
    DataDir,
    Lang,
    Mtu,
    Nic,
    Scheme,
    Schemes,
    Settings,
    complete_scheme,
    experiment_of,
    flag,
    listed,
    merged,
    number,
    seconds,
    takes_parameters,
    whole,
)
from cniperf.errors import CniperfError, ParameterError

# Runs of one scheme: fewer labs give no interval that is worth a look.
LABS = 4

# When a suite ends.
UNTIL = {"target": 1.0, "rounds": 100, "budget": "15m", "at_once": 1}

if TYPE_CHECKING:
    from cniperf.params import Experiment
    from cniperf.suites import Suite

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
    rounds: Annotated[
        int | None,
        typer.Option(
            help="Runs of the scheme, each in a new lab. (default: interleaved 4; separate 1)",
            rich_help_panel=WHEN,
        ),
    ] = None,
    settings: Settings = None,
    **parameters: Any,  # noqa: ANN401
) -> None:
    """Measure one scheme, and write a folder for each run. Needs root."""
    from cniperf.cli.losses import losses
    from cniperf.measure.run import run as measure
    from cniperf.runs import runs_table

    known = merged(settings, {}, {"scheme": scheme, "rounds": rounds, **parameters})
    asked = experiment_of(known)
    if asked.design == "interleaved" and "rounds" not in known:
        asked = experiment_of({**known, "rounds": LABS})
    folders = measure(asked)
    for line in losses(runs_table(folders)):
        typer.echo(line)
    for folder in folders:
        typer.echo(shown(folder))


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
    """Measure schemes in rounds until their losses are precise, and write a report. Needs root.

    A round measures every scheme once, in random order.
    It also measures hostnetwork against itself, as a control.
    Design interleaved: a run loads the scheme and hostnetwork in turns, for 3
    seconds in all.
    Design separate: one second of load counts in a run, and hostnetwork has two
    runs a round.
    """
    options = {"target": target, "rounds": rounds, "budget": budget, "seed": seed,
               "equal_load": equal_load, "at_once": at_once, **parameters}  # fmt: skip
    planned = _resumed(resume, [schemes, settings, *options.values()], data_dir)
    _measured(planned or _suite(schemes, settings, data_dir, options), data_dir, out_dir, lang)


def _suite(
    schemes: list[str] | None, settings: Path | None, data_dir: Path | None, options: dict[str, Any]
) -> "Suite":
    """Return the suite that the options describe."""
    from cniperf.beds import find as find_bed
    from cniperf.measure.suite import robust_cells, scheme_cells
    from cniperf.schemes import BASELINE, find

    given = merged(settings, {}, options)
    kind = find_bed(str(given.get("bed", "lab")))
    chosen = {find(name).name for name in (*(schemes or kind.usual), BASELINE)}
    names = sorted(chosen, key=lambda name: find(name).order)
    known = {**UNTIL, **kind.suite, **given}
    equal = flag("equal_load", known.pop("equal_load", False))
    at_once = whole("at_once", known.pop("at_once"), 1, 64)
    until = {**_until(known), "at_once": at_once}
    base = _short(known)
    pairs = _pairs_of(base)
    if at_once > 1 and len(pairs) < 2 and not kind.aside:
        raise ParameterError(f"at_once={at_once} is not allowed: more than 1 needs several pairs "
                             "of hosts (bed ssh, and a hosts file with more than two) or "
                             "--bed counted")  # fmt: skip
    if equal:
        base = _short({**known, "rate": _paced(base, names, data_dir)})
    if kind.robust:
        return _new(base, robust_cells(names, kind.robust, known), until)
    alone = _alone(base, names, pairs, known) if base.design == "interleaved" else {}
    return _new(base, scheme_cells(names, pairs, design=base.design, alone=alone), until)


def _alone(
    base: "Experiment", names: list[str], pairs: list[str], known: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return each scheme that cannot take turns, with the parameters of its separate runs."""
    rest = {name: value for name, value in known.items() if name not in ("design", "slice")}
    found = {}
    for name in names:
        if reason := base.alone(name, pairs):
            typer.echo(f"{name} and hostnetwork have separate runs, not turns: {reason}")
            own = _short({**rest, "scheme": name, "design": "separate"})
            found[name] = own.model_dump(include={"design", "slice", "duration", "omit"})
    return found


def _short(known: dict[str, Any]) -> "Experiment":
    """Return the experiment of a suite: by default one second of a separate run counts."""
    base = experiment_of(known)
    if base.design == "separate" and "duration" not in known:
        return experiment_of({**known, "duration": 1})
    return base


def _pairs_of(base: "Experiment") -> list[str]:
    """Return the pairs of hosts that a suite measures: all of the file, or the one named."""
    from cniperf.inventory import read_inventory

    if base.hosts is None or base.between:
        return []
    return read_inventory(base.hosts).all_pairs()


def _paced(base: "Experiment", names: list[str], data_dir: Path | None) -> float:
    """Return a rate that every scheme can carry, in Gbit/s."""
    from cniperf.measure.equal_load import common_rate

    if base.rate or base.mode != "stream":
        raise ParameterError("--equal-load does not go with --rate or --mode: it sets the rate of "
                             "TCP streams; leave both out")  # fmt: skip
    return common_rate(base, names, data_dir, typer.echo)


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
    """Measure schemes at several values of parameters, and report the effect. Needs root.

    A round measures hostnetwork and every scheme at every point.
    """
    options = {"vary": vary, "schemes": schemes, "one_at_a_time": one_at_a_time, "target": target,
               "rounds": rounds, "budget": budget, "seed": seed, **parameters}  # fmt: skip
    planned = _resumed(resume, [settings, *options.values()], data_dir)
    _measured(planned or _sweep(settings, options), data_dir, out_dir, lang)


def _sweep(settings: Path | None, options: dict[str, Any]) -> "Suite":
    """Return the sweep that the options describe."""
    from cniperf.measure.sweep import read_vary, sweep_cells
    from cniperf.schemes import ARTICLE, find

    known = merged(settings, {"target": 1.0, "rounds": 8, "budget": "0"}, options)
    vary, chosen = known.pop("vary", None), known.pop("schemes", None)
    if not vary:
        raise ParameterError("a sweep needs a parameter to vary: --vary mtu=1450,1500,9000")
    points = vary if isinstance(vary, dict) else read_vary(listed("vary", [*vary]))
    if chosen is None:
        chosen = [name for name in ARTICLE if not find(name).ovs]
    names = [find(name).name for name in listed("schemes", chosen)]
    single = flag("one_at_a_time", known.pop("one_at_a_time", False))
    until = _until(known)
    base = _short(known)
    return _new(base, sweep_cells(base, names, points, one_at_a_time=single), until, list(points))


def _until(known: dict[str, Any]) -> dict[str, Any]:
    """Remove the options that limit a suite from the others, and return their values."""
    target, rounds, budget, seed = (
        known.pop(name, None) for name in ("target", "rounds", "budget", "seed")
    )
    return {
        "target": number("target", target, 0, 100) / 100,
        "rounds": whole("rounds", rounds, 1, 10_000),
        "budget": seconds(str(budget)),
        "seed": None if seed is None else whole("seed", seed, -(2**63), 2**63 - 1),
    }


def _new(
    base: "Experiment", cells: list[Any], until: dict[str, Any], vary: list[str] | None = None
) -> "Suite":
    from cniperf.measure.suite import new_suite

    return new_suite(base, cells, vary=vary or (), **until)


def _resumed(resume: str | None, others: list[object], data_dir: Path | None) -> "Suite | None":
    """Return the suite to continue, if one is named. It takes no other option."""
    from cniperf.measure.suite import resumable

    if not resume:
        return None
    if any(value not in (None, []) for value in others):
        raise ParameterError("--resume continues a suite with its own options: give no other "
                             "option than --data-dir, --out-dir and --lang")  # fmt: skip
    return resumable(data_dir, resume)


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
    mtu: Mtu = None,
) -> None:
    """Count a scheme's packets at each hop of their path. Needs root.

    It wires each scheme and sends 100 datagrams each way.
    The exit code is 1 if the packets took another path than the scheme declares.
    The error names the first hop that disagrees.
    """
    from cniperf.analysis.paths import evidence_text
    from cniperf.measure.run import prove_path
    from cniperf.schemes import ARTICLE, find

    problems = []
    for name in [find(name).name for name in schemes or ARTICLE]:
        options = {"scheme": name, "bed": bed, "nic": nic, "mtu": mtu}
        evidence = prove_path(experiment_of(merged(None, {}, options)), typer.echo)
        typer.echo(evidence_text(evidence.as_dict()) + "\n")
        if evidence.problem:
            problems.append(f"{name}: {evidence.problem}")
    if problems:
        raise CniperfError("; ".join(problems))

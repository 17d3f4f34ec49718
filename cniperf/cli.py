"""The command line. What a verb needs is imported when it is called, so that help is quick."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from cniperf import __version__
from cniperf.errors import CniperfError, ParameterError, Stopped

if TYPE_CHECKING:
    from cniperf.params import Experiment
    from cniperf.suites import Suite

app = typer.Typer(
    name="cniperf",
    help="What does a pod network cost? Wires eight schemes, loads them, and compares.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

SCHEMES = "hostnetwork, macvlan, ovs, ovs-bridge, calico, flannel-hostgw, flannel-vxlan, canal"

# An option that is not given is None: then the settings file speaks, then the default.
Scheme = Annotated[str, typer.Argument(help=f"One of: {SCHEMES}.")]
Nic = Annotated[
    str | None,
    typer.Option(help="The hosts' NICs: virtio (no tunnel segmentation), offload (everything), "
                 "plain (no TSO, GSO, GRO). (default: virtio)"),
]  # fmt: skip
Mtu = Annotated[int | None, typer.Option(help="MTU of the underlay, bytes. (default: 1500)")]
Duration = Annotated[int | None, typer.Option(help="Seconds of load that count. (default: 10)")]
SuiteDuration = Annotated[
    int | None, typer.Option(help="Seconds of load that count, a run. (default: 1)")
]
Omit = Annotated[int | None, typer.Option(help="Seconds before that, not counted. (default: 1)")]
Rounds = Annotated[
    int | None,
    typer.Option(help="Runs of the scheme, each on a fresh lab. (default: 1)"),
]
Streams = Annotated[int | None, typer.Option(help="Parallel TCP connections. (default: 1)")]
Window = Annotated[str | None, typer.Option(help="TCP window, as 512K. (default: autotuned)")]
Congestion = Annotated[str | None, typer.Option(help="TCP congestion control. (default: cubic)")]
Gro = Annotated[
    str | None, typer.Option(help="GRO of the hosts' NICs: on, off, default. (default: default)")
]
Length = Annotated[
    int | None, typer.Option(help="Bytes a write; 0: 128 KiB. (default: 0)")
]
Direction = Annotated[
    str | None, typer.Option(help="Who sends: forward (a), reverse (b), both. (default: forward)")
]
Rate = Annotated[
    float | None, typer.Option(help="Load offered, Gbit/s; 0: as much as goes. (default: 0)")
]
Udpcsum = Annotated[
    bool | None,
    typer.Option("--udpcsum/--no-udpcsum", help="Checksum in VXLAN's outer UDP. (default: no)"),
]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of runs. (default: the project's data/)")
]
Settings = Annotated[Path | None, typer.Option(help="YAML file of these options, as duration: 5.")]


def _examples(*lines: str) -> str:
    return "\n\n".join(["Examples:", *lines])  # typer takes an empty line for a line break


@app.command(epilog=_examples("cniperf doctor"))
def doctor() -> None:
    """Tell what this machine can run, scheme by scheme, and what would mend what it cannot."""
    from cniperf.doctor import examine

    machine, schemes = examine()
    for heading, findings in (("This machine", machine), ("Schemes", schemes)):
        typer.secho(heading, bold=True)
        for finding in findings:
            mark = typer.style("ok", fg="green") if finding.ok else typer.style("no", fg="red")
            typer.echo(f"  {mark}  {finding.subject:<15} {finding.says}")
            if finding.fix:
                typer.echo(f"      {'':<15} mend: {finding.fix}")
    if not all(finding.ok for finding in (*machine, *schemes)):
        raise typer.Exit(1)


@app.command(epilog=_examples("cniperf plan calico", "cniperf plan canal --host b --undo"))
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

    from cniperf.hosts import ARTICLE_HOSTS
    from cniperf.params import Experiment
    from cniperf.plan import make_plan

    experiment = Experiment.of(scheme=scheme, nic=nic, mtu=mtu)
    hosts = (
        replace(
            each, mtu=experiment.mtu, plain=experiment.nic == "plain", ovs_datapath=ovs_datapath
        )
        for each in ARTICLE_HOSTS
    )
    for side in make_plan(experiment.scheme, *hosts):
        if host in (None, side.host.name):
            typer.echo(side.undo_script() if undo else side.script())


@app.command(
    epilog=_examples("cniperf run macvlan", "cniperf run canal --nic offload --duration 30")
)
def run(
    scheme: Scheme,
    nic: Nic = None,
    mtu: Mtu = None,
    duration: Duration = None,
    omit: Omit = None,
    rounds: Rounds = None,
    streams: Streams = None,
    window: Window = None,
    congestion: Congestion = None,
    gro: Gro = None,
    udpcsum: Udpcsum = None,
    length: Length = None,
    direction: Direction = None,
    rate: Rate = None,
    data_dir: DataDir = None,
    settings: Settings = None,
) -> None:
    """Measure one scheme and leave a run for each round."""
    from cniperf.measure.run import run as measure

    options = {
        "scheme": scheme, "nic": nic, "mtu": mtu, "duration": duration, "omit": omit,
        "rounds": rounds, "streams": streams, "window": window, "congestion": congestion,
        "gro": gro, "udpcsum": udpcsum, "length": length, "direction": direction,
        "rate": rate, "data_dir": data_dir,
    }  # fmt: skip
    for folder in measure(_experiment(_merged(settings, {}, options))):
        typer.echo(_shown(folder))


@app.command(
    epilog=_examples(
        "cniperf suite --budget 10m",
        "cniperf suite calico canal --rounds 20 --target 0 --nic offload",
        "cniperf suite --resume NAME",
    )
)
def suite(
    schemes: Annotated[
        list[str] | None, typer.Argument(help="Schemes; all if none is given.")
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            help="Stop when every loss is known to ± this many points of hostnetwork's "
            "goodput; 0: go on until a cap. (default: 1)"
        ),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Stop after this many rounds. (default: 100)")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Stop in time for the report to be there after this, as 10m or 1h30m; "
            "0: no limit. (default: 15m)"
        ),
    ] = None,
    nic: Nic = None,
    mtu: Mtu = None,
    duration: SuiteDuration = None,
    omit: Omit = None,
    streams: Streams = None,
    window: Window = None,
    congestion: Congestion = None,
    gro: Gro = None,
    udpcsum: Udpcsum = None,
    length: Length = None,
    direction: Direction = None,
    rate: Rate = None,
    seed: Annotated[int | None, typer.Option(help="Of the order of each round.")] = None,
    resume: Annotated[
        str | None, typer.Option(help="Go on with a suite that was interrupted, by its name.")
    ] = None,
    data_dir: DataDir = None,
    out_dir: Annotated[
        Path | None, typer.Option(help="Folder of the report. (default: reports/SUITE)")
    ] = None,
    settings: Settings = None,
) -> None:
    """Measure all schemes (or some) in rounds until the losses are known, and end in a report.

    Each round measures every scheme once, in random order, and hostnetwork twice: how much the
    two differ is the noise. hostnetwork is always among them: without it no loss can be told.
    """
    options = {
        "target": target, "rounds": rounds, "budget": budget, "nic": nic, "mtu": mtu,
        "duration": duration, "omit": omit, "streams": streams, "window": window,
        "congestion": congestion, "gro": gro, "udpcsum": udpcsum, "length": length,
        "direction": direction, "rate": rate, "seed": seed,
    }  # fmt: skip
    _measured(_suite(schemes, resume, settings, data_dir, options), data_dir, out_dir)


def _measured(planned: "Suite", data_dir: Path | None, out_dir: Path | None) -> None:
    """Measure a suite, saying what happens, and end in its report."""
    from cniperf.measure.suite import run_suite

    typer.echo(_announced(planned))
    done = run_suite(planned, data_dir=data_dir, out_dir=out_dir, tell=typer.echo)
    if done.report:
        typer.echo(f"\nreport: {_shown(done.report.html)}\n        {_shown(done.report.pdf)}")
    missing = {str(cell["scheme"]) for cell in planned.cells} - set(
        done.runs[done.runs["status"].eq("ok")]["scheme"]
    )
    if missing:
        raise CniperfError(f"{', '.join(sorted(missing))} failed; the report says why")


@app.command(
    epilog=_examples(
        "cniperf sweep --vary mtu=1450,1500,9000 --vary streams=1,4",
        "cniperf sweep --schemes calico,canal --vary length=64,1024,131072 --budget 20m",
        "cniperf sweep --settings sweep.yaml",
        "cniperf sweep --resume NAME",
    )
)
def sweep(
    vary: Annotated[
        list[str] | None,
        typer.Option(help="A parameter and its values, as mtu=1450,1500,9000; more than once."),
    ] = None,
    schemes: Annotated[
        str | None, typer.Option(help="Schemes, commas between. (default: those of the kernel)")
    ] = None,
    one_at_a_time: Annotated[
        bool | None,
        typer.Option("--one-at-a-time/--grid", help="Change one parameter at a time from the "
                     "first values, instead of every combination."),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(help="Stop when every loss is known to ± this many points. 0: go on until "
                     "a cap. (default: 1)"),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Stop after this many rounds. (default: 8)")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Stop in time after this, as 30m. (default: 0: no limit)")
    ] = None,
    duration: SuiteDuration = None,
    omit: Omit = None,
    seed: Annotated[int | None, typer.Option(help="Of the order of each round.")] = None,
    resume: Annotated[
        str | None, typer.Option(help="Go on with a sweep that was interrupted, by its name.")
    ] = None,
    data_dir: DataDir = None,
    out_dir: Annotated[
        Path | None, typer.Option(help="Folder of the report. (default: reports/SWEEP)")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(help="YAML file of these options, as vary: {mtu: [1450, 9000]}."),
    ] = None,
) -> None:
    """Measure schemes at several values of some parameters, and chart what their loss depends on.

    A round measures hostnetwork and every scheme at every point. A parameter that is to have one
    other value everywhere is varied over that value alone: --vary nic=offload.
    """
    from cniperf.measure.suite import resumable

    options = {
        "vary": vary, "schemes": schemes, "one_at_a_time": one_at_a_time, "target": target,
        "rounds": rounds, "budget": budget, "duration": duration, "omit": omit, "seed": seed,
    }  # fmt: skip
    if resume:
        if settings or any(value is not None for value in options.values()):
            raise ParameterError("--resume goes on as the sweep began: give it no other option "
                                 "than --data-dir and --out-dir")  # fmt: skip
        _measured(resumable(data_dir, resume), data_dir, out_dir)
        return
    defaults = {"duration": 1, "target": 1.0, "rounds": 8, "budget": "0"}
    _measured(_sweep(_merged(settings, defaults, options)), data_dir, out_dir)


def _sweep(merged: dict[str, Any]) -> "Suite":
    """Lay out the sweep that was asked for."""
    from cniperf.measure.suite import new_suite
    from cniperf.measure.sweep import read_vary, sweep_cells
    from cniperf.schemes import all_schemes, find

    vary, chosen = merged.pop("vary", None), merged.pop("schemes", None)
    if not vary:
        raise ParameterError("a sweep needs something to vary: --vary mtu=1450,1500,9000")
    points = vary if isinstance(vary, dict) else read_vary(vary)
    if chosen is None:
        chosen = [scheme.name for scheme in all_schemes().values() if not scheme.ovs]
    names = chosen.split(",") if isinstance(chosen, str) else chosen
    own = {name: merged.pop(name, None) for name in ("target", "rounds", "budget", "seed")}
    single = bool(merged.pop("one_at_a_time", False))
    base = _experiment(merged)
    return new_suite(
        base,
        sweep_cells(base, [find(name).name for name in names], points, one_at_a_time=single),
        target=_number("target", own["target"], 0, 100) / 100,
        rounds=int(_number("rounds", own["rounds"], 1, 10_000)),
        budget=_seconds(str(own["budget"])),
        seed=own["seed"],
        vary=list(points),
    )


def _suite(
    schemes: list[str] | None,
    resume: str | None,
    settings: Path | None,
    data_dir: Path | None,
    options: dict[str, Any],
) -> "Suite":
    """Lay out the suite that was asked for, or find the one to go on with."""
    from cniperf.measure.suite import new_suite, resumable, scheme_cells
    from cniperf.schemes import BASELINE, find, scheme_names

    given = [name for name, value in options.items() if value is not None]
    if resume:
        if schemes or settings or given:
            raise ParameterError("--resume goes on as the suite began: give it no other option "
                                 "than --data-dir and --out-dir")  # fmt: skip
        return resumable(data_dir, resume)
    chosen = {find(name).name for name in schemes or scheme_names()} | {BASELINE}
    merged = _merged(settings, {"duration": 1, "target": 1.0, "rounds": 100, "budget": "15m"},
                     options)  # fmt: skip
    own = {name: merged.pop(name, None) for name in ("target", "rounds", "budget", "seed")}
    return new_suite(
        _experiment(merged),
        scheme_cells([name for name in scheme_names() if name in chosen]),
        target=_number("target", own["target"], 0, 100) / 100,
        rounds=int(_number("rounds", own["rounds"], 1, 10_000)),
        budget=_seconds(str(own["budget"])),
        seed=own["seed"],
    )


def _announced(suite: "Suite") -> str:
    wanted = f"until every loss is known to ±{100 * suite.target:g} points" if suite.target else ""
    caps = [f"{suite.rounds} rounds"]
    if suite.budget:
        caps.append(f"{suite.budget / 60:g} minutes")
    params = suite.params
    return (
        f"{suite.name}: {len(suite.cells)} runs of {params['omit']} + {params['duration']} s a "
        f"round, NIC {params['nic']}, MTU {params['mtu']}; "
        f"{wanted + ', or ' if wanted else ''}at most {' or '.join(caps)}"
    )


@app.command(epilog=_examples("cniperf compare data/monday data/tuesday"))
def compare(
    before: Annotated[Path, typer.Argument(help="Folder of runs.")],
    after: Annotated[Path, typer.Argument(help="Another.")],
    suites: Annotated[
        tuple[str, str],
        typer.Option(help="Only the runs of these suites, one of each folder."),
    ] = ("", ""),
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Even if they were measured under other conditions.")
    ] = False,
) -> None:
    """Tell which schemes became better or worse from one set of runs to another. Needs no root.

    Exit code 3 if any became worse, so that it can guard a pipeline; 0 if none did.
    """
    from cniperf.analysis.compare import compare as measure
    from cniperf.analysis.compare import pair_up, sentence
    from cniperf.runs import load_runs

    sets = [load_runs(folder, suite=name or None)
            for folder, name in zip((before, after), suites, strict=True)]  # fmt: skip
    worse = False
    for condition, one, other in pair_up(*sets, anyway=anyway):
        typer.secho(f"NIC {condition['nic']}, MTU {condition['mtu']}", bold=True)
        table = measure(one, other)
        for scheme, row in table.iterrows():
            typer.echo(f"  {scheme:<15} {sentence(row)}")
        worse = worse or bool(table["verdict"].eq("worse").any())
    if worse:
        raise typer.Exit(3)


@app.command(
    epilog=_examples("cniperf report", "cniperf report data/reference --out-dir /tmp/report")
)
def report(
    data: Annotated[
        Path | None, typer.Argument(help="Folder of runs. (default: the project's data/)")
    ] = None,
    suite: Annotated[str, typer.Option(help="Only the runs of this suite.")] = "",
    out_dir: Annotated[
        Path | None, typer.Option(help="Folder of the report. (default: reports/…)")
    ] = None,
) -> None:
    """Make the HTML and PDF report of a folder of runs. Needs no root."""
    import warnings

    from cniperf.report import make_report
    from cniperf.runs import BrokenRunWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BrokenRunWarning)
        files = make_report(data, out_dir, suite=suite)
    for warning in {str(each.message): each for each in caught}:
        typer.echo(f"left out: {warning}", err=True)
    typer.echo(f"report: {_shown(files.html)}\n        {_shown(files.pdf)}")


@app.command(epilog=_examples("cniperf prove", "cniperf prove calico flannel-vxlan"))
def prove(
    schemes: Annotated[
        list[str] | None, typer.Argument(help="Schemes; all if none is given.")
    ] = None,
    nic: Nic = None,
    mtu: Mtu = None,
) -> None:
    """Show which way a scheme's packets go, counted hop by hop.

    Wires each scheme and sends 100 datagrams each way. Exit code 1 if they took another way than
    the scheme declares; the first hop that disagrees is named.
    """
    from cniperf.analysis.paths import evidence_text
    from cniperf.measure.run import prove_path
    from cniperf.schemes import find, scheme_names

    problems = []
    for name in [find(name).name for name in schemes or scheme_names()]:
        evidence = prove_path(_experiment(_merged(None, {}, {"scheme": name, "nic": nic,
                                                             "mtu": mtu})))  # fmt: skip
        typer.echo(evidence_text(evidence.as_dict()) + "\n")
        if evidence.problem:
            problems.append(f"{name}: {evidence.problem}")
    if problems:
        raise CniperfError("; ".join(problems))


@app.command(epilog=_examples("cniperf up calico"))
def up(scheme: Scheme, nic: Nic = None, mtu: Mtu = None) -> None:
    """Wire a scheme and leave it standing, to look around in it."""
    from cniperf.beds.keeper import up as build
    from cniperf.measure.run import check

    experiment = _experiment(_merged(None, {}, {"scheme": scheme, "nic": nic, "mtu": mtu}))
    check(experiment)
    found = build(experiment)
    typer.echo(f"{found.scheme} is up; its devices, by place:")
    for place, names in found.devices.items():
        typer.echo(f"  {place:<6} {', '.join(names)}")
    typer.echo(
        f"try:  cniperf exec pod-a -- ping -c 3 {found.pods['b']}\n"
        f"      cniperf capture a:eth0\n"
        f"      cniperf down"
    )


@app.command(
    "exec",
    epilog=_examples("cniperf exec pod-a -- ip route", "cniperf exec a -- nft list ruleset"),
)
def exec_(
    place: Annotated[str, typer.Argument(help="pod-a, a, wire, b or pod-b.")],
    command: Annotated[list[str], typer.Argument(help="The command, after --.")],
) -> None:
    """Run a command inside the lab that is up; its exit code is this one's."""
    import os

    from cniperf.beds.keeper import the_one
    from cniperf.beds.lab import require_root

    require_root()
    argv = the_one().enter(place, command)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], argv)


@app.command(epilog=_examples("cniperf capture a:eth0", "cniperf capture pod-a:calico-c -c 20"))
def capture(
    hop: Annotated[str, typer.Argument(help="A device of the lab, as a:eth0 or pod-a:calico-c.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file. (default: HOP.pcap)")
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-c", min=0, help="Stop after so many packets; 0: Ctrl-C.")
    ] = 0,
) -> None:
    """Capture packets at a hop of the lab that is up into a pcap file."""
    import os
    from shutil import which

    from cniperf.beds.keeper import the_one
    from cniperf.beds.lab import require_root
    from cniperf.errors import NotAble

    require_root()
    lab = the_one()
    place, device = lab.device(hop)
    if which("tcpdump") is None:
        raise NotAble("tcpdump not found: apt-get install tcpdump")
    file = out or Path(f"{place}-{device}.pcap")
    if not file.resolve().parent.is_dir():
        raise ParameterError(f"there is no folder {file.resolve().parent}")
    argv = lab.enter(place, ["tcpdump", "-n", "-i", device, "-U", "-Z", "root", "-w", str(file),
                             *(["-c", str(count)] if count else [])])  # fmt: skip
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], argv)


@app.command(epilog=_examples("cniperf down"))
def down() -> None:
    """Take down the lab that is up."""
    from cniperf.beds.keeper import down as take_down
    from cniperf.beds.lab import require_root

    require_root()
    typer.echo(f"{take_down().scheme} is down")


@app.command(epilog=_examples("cniperf clean"))
def clean() -> None:
    """Take down what killed runs left behind: exactly what they had written down."""
    from cniperf.beds.journal import journals, sweep_dead
    from cniperf.beds.lab import require_root

    require_root()
    swept = sweep_dead()
    living = [journal.path.stem for journal in journals()]
    typer.echo(f"swept: {', '.join(swept)}" if swept else "nothing to sweep")
    if living:
        typer.echo(f"left alone, in use: {', '.join(living)}")


@app.command(epilog=_examples("cniperf bench", "cniperf bench --out docs/bench.md"))
def bench(
    out: Annotated[
        Path | None, typer.Option(help="File for the table, as Markdown. (default: none)")
    ] = None,
) -> None:
    """Measure cniperf itself: what it adds to iperf3 and to ip. Takes ten minutes."""
    from cniperf.bench import as_page
    from cniperf.bench import bench as measure

    results = []
    for result in measure():
        results.append(result)
        typer.echo(f"{result.what:<50} {result.median:>7}   {result.spread:<18} {result.bound}")
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(as_page(results))


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"cniperf {__version__}")
        raise typer.Exit


def _merged(
    settings: Path | None, defaults: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    """Merge defaults, the settings file and the options given; the later win."""
    from cniperf.params import read_settings

    given = {name: value for name, value in options.items() if value is not None}
    return {**defaults, **(read_settings(settings) if settings else {}), **given}


def _experiment(values: dict[str, Any]) -> "Experiment":
    from cniperf.params import Experiment

    return Experiment.of(**values)


def _number(name: str, value: object, low: float, high: float) -> float:
    if isinstance(value, int | float) and low <= value <= high:
        return value
    raise ParameterError(f"{name}={value!r} is not allowed: a number from {low} to {high}")


def _seconds(text: str) -> float:
    """Return the seconds of a time such as 10m or 1h30m; 0 is no limit."""
    import re

    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if text == "0":
        return 0.0
    if not found or not text:
        raise ParameterError(f"budget={text!r} is not allowed: as 90s, 10m or 1h30m; 0 for none")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600.0 * hours + 60 * minutes + seconds


def _shown(path: Path) -> str:
    """Return a path as short as it goes from here."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # a second one must not cut the tidying short
    raise Stopped(number)


def main() -> None:
    """Run the command line: one line and an exit code not 0 where something is wrong.

    Exit codes: 0 done, 1 it cannot be done or failed, 2 bad usage or parameter, 130 Ctrl-C,
    143 SIGTERM.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app()
    except Stopped as stop:
        name = signal.Signals(stop.args[0]).name
        _end(f"stopped by {name}; nothing is left running", 128 + stop.args[0])
    except ParameterError as problem:
        _end(str(problem), 2)
    except CniperfError as problem:
        _end(str(problem), 1)


def _end(text: str, code: int) -> NoReturn:
    typer.echo(f"cniperf: {text}", err=True)
    sys.exit(code)

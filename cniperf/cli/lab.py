"""The verbs for a lab that stands, for what was left behind, and for cniperf itself."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cniperf import stop
from cniperf.cli.app import app, examples
from cniperf.cli.options import Context, Kubeconfig, Mtu, Nic, Scheme, experiment_of, merged
from cniperf.errors import ParameterError


@app.command(epilog=examples("cniperf up calico"))
def up(scheme: Scheme, nic: Nic = None, mtu: Mtu = None) -> None:
    """Wire a scheme and leave it standing, to look around in it."""
    from cniperf.beds.lab.keeper import up as build
    from cniperf.measure.run import check

    experiment = experiment_of(merged(None, {}, {"scheme": scheme, "nic": nic, "mtu": mtu}))
    check(experiment)
    found = build(experiment)
    typer.echo(f"{found.scheme} is up; its devices, by place:")
    for place, names in found.devices.items():
        typer.echo(f"  {place:<6} {', '.join(names)}")
    typer.echo(
        f"try:  cniperf exec pod-a -- ping -c 3 {shlex.quote(found.pods['b'])}\n"
        f"      cniperf capture a:eth0\n"
        f"      cniperf down"
    )


@app.command(
    "exec",
    epilog=examples("cniperf exec pod-a -- ip route", "cniperf exec a -- nft list ruleset"),
)
def exec_(
    place: Annotated[str, typer.Argument(help="pod-a, a, wire, b or pod-b.")],
    command: Annotated[list[str], typer.Argument(help="The command, after --.")],
) -> None:
    """Run a command inside the lab that is up; its exit code is this one's."""
    import os

    from cniperf.beds.lab.keeper import the_one
    from cniperf.beds.privilege import require_root

    require_root()
    argv = the_one().enter(place, command)
    stop.let_go()
    os.execvp(argv[0], argv)


@app.command(epilog=examples("cniperf capture a:eth0", "cniperf capture pod-a:calico-c -c 20"))
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

    from cniperf.beds.lab.keeper import the_one
    from cniperf.beds.privilege import require_root
    from cniperf.errors import NotAble

    require_root()
    lab = the_one()
    place, device = lab.device(hop)
    if which("tcpdump") is None:
        raise NotAble("tcpdump not found: apt-get install tcpdump")
    file = out or Path(f"{place}-{device}.pcap")
    if not os.path.isdir(file.parent):  # noqa: PTH112  Path's own raises where it cannot look
        raise ParameterError(f"there is no folder {file.parent}")
    argv = lab.enter(place, ["tcpdump", "-n", "-i", device, "-U", "-Z", "root", "-w", str(file),
                             *(["-c", str(count)] if count else [])])  # fmt: skip
    stop.let_go()
    os.execvp(argv[0], argv)


@app.command(epilog=examples("cniperf down"))
def down() -> None:
    """Take down the lab that is up."""
    from cniperf.beds.lab.keeper import down as take_down
    from cniperf.beds.privilege import require_root

    require_root()
    typer.echo(f"{take_down().scheme} is down")


@app.command(epilog=examples("cniperf clean", "cniperf clean --bed k8s --context staging"))
def clean(
    bed: Annotated[str, typer.Option(help="Whose: this machine's, or k8s: the cluster's.")] = "lab",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
) -> None:
    """Take down what killed runs left behind: exactly what they had written down, or labelled."""
    from cniperf.beds import find
    from cniperf.beds.journal import journals

    kind = find(bed)
    if (kubeconfig or context) and "kubeconfig" not in kind.own:
        raise ParameterError(f"kubeconfig and context go with a cluster only, not bed={bed!r}")
    swept = kind.sweep(kubeconfig=kubeconfig, context=context)
    living = [journal.path.stem for journal in journals()]
    typer.echo(f"swept: {', '.join(swept)}" if swept else "nothing to sweep")
    if living:
        typer.echo(f"left alone, in use: {', '.join(living)}")


@app.command(epilog=examples("cniperf bench", "cniperf bench --out docs/bench.md"))
def bench(
    out: Annotated[
        Path | None, typer.Option(help="File for the table, as Markdown. (default: none)")
    ] = None,
) -> None:
    """Measure cniperf itself: what it adds to iperf3 and to ip. Takes ten minutes."""
    from cniperf.bench.table import as_page
    from cniperf.bench.table import bench as measure
    from cniperf.places import require_file

    if out:
        require_file(out)
    results = []
    for result in measure():
        results.append(result)
        typer.echo(f"{result.what:<50} {result.median:>7}   {result.spread:<18} {result.bound}")
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(as_page(results), encoding="utf-8")

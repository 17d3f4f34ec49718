"""The verbs for a lab that stays up, for the leftovers of killed runs, and for cniperf itself."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from cniperf import stop
from cniperf.cli.app import app, examples, shown
from cniperf.cli.options import (
    CniBinDir,
    Config,
    Context,
    Ip,
    Kubeconfig,
    Mtu,
    Nic,
    Scheme,
    experiment_of,
    merged,
)
from cniperf.errors import ParameterError


@app.command(epilog=examples("cniperf up calico"))
def up(
    scheme: Scheme,
    nic: Nic = None,
    ip: Ip = None,
    mtu: Mtu = None,
    config: Config = None,
    cni_bin_dir: CniBinDir = None,
) -> None:
    """Wire a scheme and keep its lab up, for a look inside."""
    from cniperf.beds.lab.keeper import up as build
    from cniperf.measure.run import check

    options = {"scheme": scheme, "nic": nic, "ip": ip, "mtu": mtu, "config": config,
               "cni_bin_dir": cni_bin_dir}  # fmt: skip
    experiment = experiment_of(merged(None, {}, options))
    check(experiment)
    found = build(experiment)
    typer.echo(f"{found.scheme} is up; its devices:")
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
    place: Annotated[str, typer.Argument(help="Where: pod-a, a, wire, b or pod-b.")],
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after --.")],
) -> None:
    """Run a command in the lab that is up, and return its exit code."""
    import os

    from cniperf.beds.lab.keeper import the_one

    argv = the_one().enter(place, command)
    stop.let_go()
    os.execvp(argv[0], argv)


@app.command(epilog=examples("cniperf capture a:eth0", "cniperf capture pod-a:calico-c -c 20"))
def capture(
    hop: Annotated[
        str, typer.Argument(help="A device, for example a:eth0; `cniperf up` lists them.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File. (default: PLACE-DEVICE.pcap)")
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--count",
            "-c",
            min=0,
            show_default=False,
            help="Stop after this many packets. (default: 0: stop with Ctrl-C)",
        ),
    ] = 0,
) -> None:
    """Capture the packets at a device of the lab that is up, in a pcap file."""
    import os
    import sys
    from shutil import which

    from cniperf.beds.lab import pcap
    from cniperf.beds.lab.keeper import the_one
    from cniperf.beds.privilege import is_root
    from cniperf.errors import NotAble

    lab = the_one()
    place, device = lab.device(hop)
    if is_root() and which("tcpdump") is None:
        raise NotAble("tcpdump not found: apt-get install tcpdump")
    file = out or Path(f"{place}-{device}.pcap")
    if not os.path.isdir(file.parent):  # noqa: PTH112  Path's own raises where it cannot look
        raise ParameterError(f"there is no folder {file.parent}: mkdir {file.parent}")
    if is_root():
        words = ["tcpdump", "-n", "-i", device, "-U", "-Z", "root", "-w", str(file),
                 *(["-c", str(count)] if count else [])]  # fmt: skip
    else:
        words = [sys.executable, "-SE", pcap.__file__, device, str(file), str(count)]
    argv = lab.enter(place, words)
    until = f"after {count} packets" if count else "with Ctrl-C"
    typer.echo(f"capturing {place}:{device} to {shown(file)}; it stops {until}")
    stop.let_go()
    os.execvp(argv[0], argv)


@app.command(epilog=examples("cniperf down"))
def down() -> None:
    """Take down the lab that is up."""
    from cniperf.beds.lab.keeper import down as take_down

    typer.echo(f"{take_down().scheme} is down")


@app.command(epilog=examples("cniperf clean", "cniperf clean --bed k8s --context staging"))
def clean(
    bed: Annotated[
        Literal["lab", "k8s"],
        typer.Option(
            help="lab: labs and guests of this machine. k8s: namespaces of a cluster. "
            "(default: lab)",
            show_default=False,
        ),
    ] = "lab",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
) -> None:
    """Remove what killed runs left. It removes only what they recorded."""
    from cniperf.beds import find
    from cniperf.beds.journal import journals

    kind = find(bed)
    if (kubeconfig or context) and "kubeconfig" not in kind.own:
        raise ParameterError(f"kubeconfig and context do not go with bed={bed!r}: give --bed k8s")
    swept = kind.sweep(kubeconfig=kubeconfig, context=context)
    living = [journal.path.stem for journal in journals()]
    typer.echo(f"removed: {', '.join(swept)}" if swept else "nothing to remove")
    if living:
        typer.echo(f"left alone, in use: {', '.join(living)}")


@app.command(epilog=examples("cniperf bench", "cniperf bench --out docs/bench.md"))
def bench(
    out: Annotated[
        Path | None, typer.Option(help="File of the table, in Markdown. (default: no file)")
    ] = None,
) -> None:
    """Measure the time that cniperf adds to iperf3 and to ip. Takes twenty minutes. Needs root."""
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

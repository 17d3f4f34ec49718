"""What cniperf itself costs, as ratios measured in one run: ``cniperf bench``."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cniperf.beds.lab import Lab
from cniperf.beds.lock import machine_lock
from cniperf.measure.iperf3 import Load, client_argv, server_argv
from cniperf.params import Experiment
from cniperf.plan import Plan, make_plan
from cniperf.schemes import all_schemes
from cniperf.steps import DelLink, Step

PAIRS = 5


def bench() -> Iterator[str]:
    """Measure and yield the lines of a table: what, median ratio, its range, the bound."""
    yield "what                                         median   lowest – highest   bound"
    with machine_lock("cniperf bench"):
        yield _line("goodput / iperf3 typed by hand", load_ratios(), "0.97 – 1.03")
        for scheme in all_schemes().values():
            if scheme.devices and not scheme.ovs:
                what = f"wire and unwire {scheme.name} / ip -batch"
                yield _line(what, wiring_ratios(scheme.name), "at most 1.5")
    yield _line("import cniperf, s", seconds("-c", "import cniperf"), "less than 0.15")
    yield _line("cniperf --help, s", seconds("-m", "cniperf", "--help"), "less than 0.4")


def load_ratios(duration: int = 2) -> list[float]:
    """Compare hostnetwork as cniperf loads it with iperf3 typed by hand, in pairs.

    A pair is eight loads, hand first and then cniperf first (ABBA BAAB), so that a machine
    that changes its speed meanwhile favours neither.
    """
    experiment = Experiment.of(scheme="hostnetwork", duration=duration)
    with Lab() as lab, TemporaryDirectory() as folder:
        plan = make_plan("hostnetwork", *lab.hosts)
        load = Load(lab, plan, experiment, Path(folder))

        def pair() -> float:
            total = {"hand": 0.0, "cniperf": 0.0}
            for who in "ABBABAAB":
                if who == "A":
                    total["hand"] += _by_hand(lab, plan, experiment)
                else:
                    total["cniperf"] += load.run(lambda *_: None)["gbps"]
            return total["cniperf"] / total["hand"]

        return [pair() for _ in range(PAIRS)]


def _by_hand(lab: Lab, plan: Plan, experiment: Experiment) -> float:
    """Run iperf3 as a person would, in the hosts' namespaces and on their CPUs."""

    def typed(host: str, argv: list[str]) -> list[str]:
        cpus = ",".join(map(str, lab.cpus[host]))
        return ["ip", "netns", "exec", lab.names.host(host), "taskset", "-c", cpus, *argv]

    address = plan.b.endpoint.address
    with subprocess.Popen(typed("b", server_argv(address)), stdout=subprocess.DEVNULL):
        time.sleep(0.3)
        client = typed("a", client_argv(experiment, address))
        said = json.loads(subprocess.run(client, check=True, capture_output=True).stdout)
    return float(said["end"]["sum_received"]["bits_per_second"] / 1e9)


def wiring_ratios(scheme: str, repeats: int = 10) -> list[float]:
    """Compare wiring and unwiring a scheme with ``ip -batch`` doing the same, in pairs."""
    ratios = []
    with Lab() as lab:
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan)  # the first time pays for imports
        lab.undo(plan)
        for _ in range(repeats):
            start = time.perf_counter()
            lab.apply(plan)
            lab.undo(plan)
            middle = time.perf_counter()
            _batch(lab, plan)
            ratios.append((middle - start) / (time.perf_counter() - middle))
    return ratios


def _batch(lab: Lab, plan: Plan) -> None:
    """Wire and unwire as fast as iproute2 can: one process a tool and namespace.

    Routes and addresses that go with a device are not taken back: a person would not type it.
    """
    for side in plan:
        undo = [step for step in side.undo() if not step.netns or isinstance(step, DelLink)]
        undo.sort(key=lambda step: not step.netns)  # pods first
        for steps in (side.steps, undo):
            for (tool, netns), words in _grouped(steps).items():
                namespace = netns or lab.names.host(side.host.name)
                enter = ["nsenter", f"--net=/run/netns/{namespace}"]
                if tool == "sysctl":
                    subprocess.run([*enter, *words[0]], check=True)
                    continue
                lines = "\n".join(" ".join(argv[1:]) for argv in words)
                subprocess.run([*enter, tool, "-batch", "-"], input=lines, text=True, check=True)


def _grouped(steps: Sequence[Step]) -> dict[tuple[str, str | None], list[list[str]]]:
    groups: dict[tuple[str, str | None], list[list[str]]] = {}
    for step in steps:
        argv = step.argv()
        if step.netns and "-n" in argv:
            del argv[1:3]
        groups.setdefault((argv[0], step.netns), []).append(argv)
    return groups


def seconds(*arguments: str) -> list[float]:
    """Time a fresh interpreter with these arguments, after one that warms the caches."""

    def once(*words: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    once(*arguments)
    return [once(*arguments) for _ in range(PAIRS)]


def _line(what: str, values: list[float], bound: str) -> str:
    low, high = min(values), max(values)
    return f"{what:<44} {statistics.median(values):6.3f}   {low:6.3f} – {high:6.3f}    {bound}"

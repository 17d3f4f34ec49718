"""What cniperf itself costs, as ratios measured in one run: ``cniperf bench``."""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cniperf
from cniperf.beds.bed import Bed
from cniperf.beds.bottle.image import prepare
from cniperf.beds.lab import Lab
from cniperf.beds.lock import machine_lock
from cniperf.beds.rehearsal import Rehearsal
from cniperf.beds.remote import Remote
from cniperf.beds.ssh import SshBed
from cniperf.beds.vm import VmBed
from cniperf.environment import fingerprint
from cniperf.errors import CniperfError
from cniperf.generators import Job, all_generators
from cniperf.inventory import read_inventory
from cniperf.measure.evidence import prove
from cniperf.measure.load import Load
from cniperf.measure.suite import new_suite, run_suite, scheme_cells
from cniperf.params import Experiment
from cniperf.plan import Plan, make_plan
from cniperf.report import make_report
from cniperf.runs import cache, default_data_dir, read_run, run_folders
from cniperf.schemes import ARTICLE, find
from cniperf.steps import DelLink, Step

PAIRS = 5
QUADS = 24
MANY = 100_000
MANY_PAIRS = (16, 64, 256)


@dataclass(frozen=True)
class Result:
    """One line of the table: what was measured, in which unit, and the bound it should keep."""

    what: str
    values: tuple[float, ...]
    bound: str

    @property
    def median(self) -> str:
        """The median, to three significant digits."""
        return f"{statistics.median(self.values):.3g}"

    @property
    def spread(self) -> str:
        """The lowest and the highest value, or a dash for a single one."""
        low, high = min(self.values), max(self.values)
        return f"{low:.3g} to {high:.3g}" if high > low else "–"


def bench() -> Iterator[Result]:
    """Measure one line after the other."""
    with machine_lock("cniperf bench"):
        _many_files()
        yield Result("goodput / iperf3 typed by hand", load_ratios(), "0.97 to 1.03")
        yield Result("goodput after the proof of path / without it", proof_ratios(), "0.99 to 1.01")
        yield Result("goodput with iperf / with iperf3, hostnetwork", generator_ratios(),
                     "0.9 to 1.1")  # fmt: skip
        yield Result("flannel-vxlan's loss, NIC virtio", tunnel_losses("virtio"), "0.75 to 0.9")
        yield Result("flannel-vxlan's loss, NIC offload", tunnel_losses("offload"), "0.25 to 0.6")
        yield Result("UDP search on hostnetwork / its median", search_ratios(), "0.9 to 1.1")
        for number in MANY_PAIRS:
            batch, _ = wiring_ratios("calico", repeats=3, pairs=number)
            yield Result(f"wire and unwire {number} pairs of calico / ip -batch", batch,
                         "at most 1.5")  # fmt: skip
        yield Result("wiring one pair of 256 / one of 16, calico", linearity(), "at most 1.5")
        for number in (1, *MANY_PAIRS):
            yield Result(f"memory with {number} pairs wired, MiB", (pairs_memory(number),), "")
        for scheme in map(find, ARTICLE):
            if scheme.devices and not scheme.ovs:
                batch, forked = wiring_ratios(scheme.name)
                yield Result(f"wire and unwire {scheme.name} / ip -batch", batch, "at most 1.5")
                yield Result(f"wire and unwire {scheme.name} / ip, forked", forked, "less than 1")
        yield Result("a command over SSH, ms", ssh_command(), "less than 15")
        yield Result("two guests booted and reached by SSH, s", guests_ready(), "less than 10")
        yield Result("goodput by bed ssh / by bed lab, on the same hosts", ssh_ratios(),
                     "0.97 to 1.03")  # fmt: skip
    yield Result("suite at 10 + 1 s: time that is no load, %", suite_overhead(), "less than 15")
    yield Result("report, HTML and PDF of the reference runs, s", report_seconds(), "")
    took, memory = many_runs()
    yield Result(f"load and analyse {MANY:,} generated runs, s", (took,), "less than 10")
    yield Result("memory for that, GiB", (memory,), "less than 1")
    yield Result("import cniperf, s", seconds("-c", "import cniperf"), "less than 0.15")
    yield Result("cniperf --help, s", seconds("-m", "cniperf", "--help"), "less than 0.4")


def _many_files() -> None:
    """Allow this process as many open files as it may have: each namespace takes two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def as_page(results: Sequence[Result]) -> str:
    """Return the results as a page of Markdown, with what tells the machine."""
    facts = fingerprint()
    rows = "\n".join(f"| {r.what} | {r.median} | {r.spread} | {r.bound} |" for r in results)
    return (
        "# What cniperf itself costs\n\n"
        "Written by `make bench`; it takes twenty minutes. Ratios are of pairs measured in the "
        "same minute, as machines change their speed. The generated runs are copies of a reference "
        "run with made-up throughput.\n\n"
        f"{facts['cpu']}, {facts['cpus']} CPUs, {facts['memory']} GiB, {facts['os']}, "
        f"Linux {facts['kernel']}, Python {facts['python']}, cniperf {cniperf.__version__}.\n\n"
        f"| what | median | lowest to highest | bound |\n|---|---|---|---|\n{rows}\n"
    )


def load_ratios(duration: int = 2) -> tuple[float, ...]:
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

        return tuple(pair() for _ in range(PAIRS))


def proof_ratios(scheme: str = "calico") -> tuple[float, ...]:
    """Compare a load right after the path was proven with one without, in the same lab.

    A value is four loads, ABBA, all made with the hosts' CPUs in the same placement.
    """
    experiment = Experiment.of(scheme=scheme, duration=1)
    found: list[float] = []
    with Lab() as lab, TemporaryDirectory() as folder:
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan)
        load = Load(lab, plan, experiment, Path(folder))
        for _ in range(QUADS):
            total, places = {"A": 0.0, "B": 0.0}, set()
            for who in "ABBA":
                if who == "B":
                    prove(lab, plan)
                figures = load.run(lambda *_: None)
                total[who] += figures["gbps"]
                places |= {cache(ratio) for ratio in figures["handover"]}
            if len(places) == 1:
                found.append(total["B"] / total["A"])
    return tuple(found)


def _by_hand(lab: Lab, plan: Plan, experiment: Experiment) -> float:
    """Run iperf3 as a person would, in the hosts' namespaces and on their CPUs."""

    def typed(host: str, argv: list[str]) -> list[str]:
        cpus = ",".join(map(str, lab.cpus[host]))
        return ["ip", "netns", "exec", lab.names.host(host), "taskset", "-c", cpus, *argv]

    iperf3 = all_generators()["iperf3"]
    job = Job(experiment=experiment, address=plan.b.endpoint.address, port=iperf3.port,
              folder=Path(), seconds=experiment.duration, omit=experiment.omit)  # fmt: skip
    with subprocess.Popen(typed("b", iperf3.server(job)), stdout=subprocess.DEVNULL):
        time.sleep(0.3)
        client = typed("a", iperf3.client(job))
        said = json.loads(subprocess.run(client, check=True, capture_output=True).stdout)
    return float(said["end"]["sum_received"]["bits_per_second"] / 1e9)


def generator_ratios() -> tuple[float, ...]:
    """Compare iperf (version 2) with iperf3 on hostnetwork, in the same lab.

    A value is four loads, ABBA, all made with the hosts' CPUs in the same placement.
    """
    found: list[float] = []
    with Lab() as lab, TemporaryDirectory() as folder:
        plan = make_plan("hostnetwork", *lab.hosts)
        loads = {
            name: Load(lab, plan, Experiment.of(generator=name, duration=1), Path(folder))
            for name in ("iperf", "iperf3")
        }
        for _ in range(QUADS // 2):
            total, places = {"iperf": 0.0, "iperf3": 0.0}, set()
            for name in ("iperf3", "iperf", "iperf", "iperf3"):
                figures = loads[name].run(lambda *_: None)
                total[name] += figures["gbps"]
                places |= {cache(ratio) for ratio in figures["handover"]}
            if len(places) == 1:
                found.append(total["iperf"] / total["iperf3"])
    return tuple(found)


def tunnel_losses(nic: str) -> tuple[float, ...]:
    """Return what flannel-vxlan loses of hostnetwork, in pairs of loads.

    Both loads of a pair found the hosts' CPUs in the same placement, and so did all pairs.
    """
    by_place: dict[str, list[float]] = {}
    for _ in range(4 * PAIRS):
        gbps, places = {}, set()
        for scheme in ("hostnetwork", "flannel-vxlan"):
            with Lab(nic=nic) as lab, TemporaryDirectory() as folder:
                plan = make_plan(scheme, *lab.hosts)
                lab.apply(plan)
                experiment = Experiment.of(scheme=scheme, duration=1)
                figures = Load(lab, plan, experiment, Path(folder)).run(lambda *_: None)
            gbps[scheme] = figures["gbps"]
            places |= {cache(ratio) for ratio in figures["handover"]}
        if len(places) == 1:
            found = by_place.setdefault(places.pop(), [])
            found.append(1 - gbps["flannel-vxlan"] / gbps["hostnetwork"])
            if len(found) == PAIRS:
                return tuple(found)
    raise CniperfError("the hypervisor moved the CPUs within too many pairs of loads")


def search_ratios(repeats: int = 5) -> tuple[float, ...]:
    """Search the highest datagram rate of hostnetwork; return each one by their median.

    The searches are all made with the hosts' CPUs in the same placement.
    """
    by_place: dict[str, list[float]] = {}
    with Lab() as lab, TemporaryDirectory() as folder:
        plan = make_plan("hostnetwork", *lab.hosts)
        load = Load(lab, plan, Experiment.of(mode="udp", duration=2), Path(folder))
        for _ in range(3 * repeats):
            figures = load.run(lambda *_: None)
            places = {cache(ratio) for ratio in figures["handover"]}
            if len(places) == 1:
                found = by_place.setdefault(places.pop(), [])
                found.append(figures["per_second"])
                if len(found) == repeats:
                    return tuple(rate / statistics.median(found) for rate in found)
    raise CniperfError("the hypervisor moved the CPUs within too many searches")


def linearity(repeats: int = 3) -> tuple[float, ...]:
    """Compare the time to wire and unwire one pair of 256 with one of 16."""
    many, few = MANY_PAIRS[-1], MANY_PAIRS[0]
    found = []
    with Lab(pairs=many) as large, Lab(pairs=few) as small:
        plans = {lab: make_plan("calico", *lab.hosts) for lab in (large, small)}
        for _ in range(repeats):
            took = {lab: _timed(lambda lab=lab: _wire(lab, plans[lab])) for lab in plans}  # type: ignore[misc]
            found.append((took[large] / many) / (took[small] / few))
    return tuple(found)


def pairs_memory(pairs: int) -> float:
    """Return the MiB that a fresh process has used at most once so many pairs are wired."""
    argv = [sys.executable, "-c", WIRE, str(pairs)]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


WIRE = """
import re, sys
from cniperf.beds.lab import Lab
from cniperf.plan import make_plan
with Lab(pairs=int(sys.argv[1])) as lab:
    lab.apply(make_plan("calico", *lab.hosts))
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 2**10)
"""


def wiring_ratios(
    scheme: str, repeats: int = 10, pairs: int = 1
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Compare wiring and unwiring a scheme with ``ip -batch`` and with an ``ip`` for each step.

    The second comparison is made for a single pair only.
    """
    batch, forked = [], []
    with Lab(pairs=pairs) as lab:
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan)  # the first time pays for imports
        lab.undo(plan)
        for _ in range(repeats):
            ours = _timed(lambda: _wire(lab, plan))
            batch.append(ours / _timed(lambda: _batch(lab, plan)))
            if pairs == 1:
                forked.append(ours / _timed(lambda: _wire(lab, plan, by="argv")))
    return tuple(batch), tuple(forked)


def _wire(lab: Lab, plan: Plan, by: str = "netlink") -> None:
    lab.apply(plan, by=by)
    lab.undo(plan, by=by)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


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
                    values = [argv[-1] for argv in words[1:]]
                    subprocess.run([*enter, *words[0], *values], check=True)
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


def ssh_command(times: int = 40) -> tuple[float, ...]:
    """Return the milliseconds that single commands take over SSH, on an open connection."""
    with Rehearsal() as rehearsal:
        remote = Remote(read_inventory(rehearsal.hosts).pair()[0])
        remote.open()
        found = tuple(1000 * _timed(lambda: remote.command(["true"])) for _ in range(times))
        remote.close()
    return found


def guests_ready() -> tuple[float, ...]:
    """Return the seconds that the two guests of bed vm take, once their image is made."""
    prepare(lambda text: None)
    found = []
    for _ in range(PAIRS):
        begin = time.perf_counter()
        with VmBed():
            found.append(time.perf_counter() - begin)
    return tuple(found)


def ssh_ratios() -> tuple[float, ...]:
    """Compare a scheme's load by bed ssh with one by the lab, on the same two hosts (ABBA)."""
    experiment = Experiment.of(scheme="calico", duration=2)
    found: list[float] = []
    with Rehearsal() as rehearsal, TemporaryDirectory() as folder:
        lab, machines = rehearsal.lab, read_inventory(rehearsal.hosts).pair()

        def by(bed: Bed) -> float:
            plan = make_plan("calico", *bed.hosts)
            bed.apply(plan)
            gbps = float(Load(bed, plan, experiment, Path(folder)).run(lambda *_: None)["gbps"])
            bed.undo(plan)
            return gbps

        def by_ssh() -> float:
            with SshBed(machines) as bed:
                return by(bed)

        while len(found) < PAIRS:
            before = cache(lab.handover())
            a1, b1, b2, a2 = by_ssh(), by(lab), by(lab), by_ssh()
            if cache(lab.handover()) == before:
                found.append((a1 + a2) / (b1 + b2))
    return tuple(found)


def suite_overhead() -> tuple[float, ...]:
    """Return the share of a round of all schemes that is no load, in %; without the report.

    Where the hypervisor moves the hosts' CPUs runs are repeated: each of them was a load.
    """
    experiment = Experiment.of(duration=10, omit=1)
    with TemporaryDirectory() as folder:
        cells = scheme_cells(list(ARTICLE))
        suite = new_suite(experiment, cells, target=0, rounds=1)
        took = _timed(
            lambda: run_suite(suite, data_dir=folder, out_dir=Path(folder), tell=lambda line: None,
                              report=False)
        )  # fmt: skip
        loads = len(run_folders(folder))
    return (100 * (1 - loads * (experiment.duration + experiment.omit) / took),)


def report_seconds() -> tuple[float, ...]:
    """Time the way from the reference runs to HTML and PDF."""
    with TemporaryDirectory() as folder:
        return tuple(
            _timed(lambda: make_report(default_data_dir() / "reference", folder)) for _ in range(3)
        )


def many_runs() -> tuple[float, float]:
    """Return the seconds and the GiB that a fresh process takes to read and analyse many runs."""
    like = run_folders(default_data_dir() / "reference")[0]
    with TemporaryDirectory() as folder:
        _generate(Path(folder), read_run(like))
        os.sync()  # writing them to disk is no part of reading them
        said = subprocess.run(
            [sys.executable, "-c", ANALYSE, folder], check=True, capture_output=True, text=True
        ).stdout
    took, memory = map(float, said.split())
    return took, memory


ANALYSE = """
import resource, sys, time
start = time.perf_counter()
import cniperf
from cniperf.analysis import claims, flags, loss, noise
for _, group in loss.conditions(cniperf.load_runs(sys.argv[1])):
    loss.loss_table(group), claims.claims_table(group), noise.groups(group), flags.flag_table(group)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def _generate(folder: Path, like: dict[str, Any]) -> None:
    """Write many runs: copies of one, with made-up throughput, in suites of fifty rounds."""
    dice = random.Random(1)
    schemes = list(map(find, ARTICLE))
    for number in range(MANY):
        scheme = schemes[number % len(schemes)]
        block = number // len(schemes)
        like |= {"id": f"{number:08d}-{scheme.name}", "status": "ok"}
        like |= {"suite": f"generated-{block // 50}", "round": 1 + block % 50}
        like["scheme"] |= {"name": scheme.name, "order": scheme.order}
        like["summary"]["gbps"] = 20 / scheme.order * dice.lognormvariate(0, 0.03)
        run = folder / str(like["id"])
        run.mkdir()
        (run / "run.json").write_text(json.dumps(like, indent=1))


def seconds(*arguments: str) -> tuple[float, ...]:
    """Time a fresh interpreter with these arguments, after one that warms the caches."""
    argv = [sys.executable, *arguments]
    return tuple(
        _timed(lambda: subprocess.run(argv, check=True, stdout=subprocess.DEVNULL))
        for _ in range(PAIRS + 1)
    )[1:]

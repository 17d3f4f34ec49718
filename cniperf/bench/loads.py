"""Loads, compared with other loads of the same lab."""

import json
import statistics
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from cniperf import stop
from cniperf.beds.command import run
from cniperf.beds.lab.bed import Lab
from cniperf.bench.repeats import PAIRS, QUADS
from cniperf.errors import CniperfError
from cniperf.generators import Job, Traffic, all_generators
from cniperf.measure.evidence import prove
from cniperf.measure.load import Load
from cniperf.params import Experiment
from cniperf.plan import Plan, make_plan
from cniperf.runs import cache


def load_ratios(duration: int = 2) -> tuple[float, ...]:
    """Compare hostnetwork as cniperf loads it with iperf3 typed by hand, in pairs.

    A pair is eight loads, hand first and then cniperf first (ABBA BAAB), so that a machine
    that changes its speed meanwhile favours neither.
    """
    experiment = Experiment.of(scheme="hostnetwork", duration=duration)
    with Lab() as lab, TemporaryDirectory() as folder:
        plan = make_plan("hostnetwork", *lab.hosts)
        load = Load(lab, plan, experiment.traffic, Path(folder))

        def pair() -> float:
            total = {"hand": 0.0, "cniperf": 0.0}
            for who in "ABBABAAB":
                if who == "A":
                    total["hand"] += _by_hand(lab, plan, experiment.traffic)
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
        load = Load(lab, plan, experiment.traffic, Path(folder))
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


def _by_hand(lab: Lab, plan: Plan, traffic: Traffic) -> float:
    """Run iperf3 as if typed by hand, in the hosts' namespaces and on their CPUs."""

    def typed(host: str, argv: list[str]) -> list[str]:
        cpus = ",".join(map(str, lab.cpus[host]))
        return ["ip", "netns", "exec", lab.names.host(host), "taskset", "-c", cpus, *argv]

    iperf3 = all_generators()["iperf3"]
    job = Job(traffic=traffic, address=plan.b.endpoint.address, port=iperf3.port,
              folder=Path(), seconds=traffic.duration, omit=traffic.omit)  # fmt: skip
    with subprocess.Popen(typed("b", iperf3.server(job)), stdout=subprocess.DEVNULL) as server:
        try:
            stop.sleep(0.3)
            said = json.loads(run(typed("a", iperf3.client(job))))
        except BaseException:
            server.kill()
            raise
    return float(said["end"]["sum_received"]["bits_per_second"] / 1e9)


def generator_ratios() -> tuple[float, ...]:
    """Compare iperf (version 2) with iperf3 on hostnetwork, in the same lab.

    A value is four loads, ABBA, all made with the hosts' CPUs in the same placement.
    """
    found: list[float] = []
    with Lab() as lab, TemporaryDirectory() as folder:
        plan = make_plan("hostnetwork", *lab.hosts)
        loads = {
            name: Load(lab, plan, Experiment.of(generator=name, duration=1).traffic, Path(folder))
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
                figures = Load(lab, plan, experiment.traffic, Path(folder)).run(lambda *_: None)
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
        load = Load(lab, plan, Experiment.of(mode="udp", duration=2).traffic, Path(folder))
        for _ in range(3 * repeats):
            figures = load.run(lambda *_: None)
            places = {cache(ratio) for ratio in figures["handover"]}
            if len(places) == 1:
                found = by_place.setdefault(places.pop(), [])
                found.append(figures["per_second"])
                if len(found) == repeats:
                    return tuple(rate / statistics.median(found) for rate in found)
    raise CniperfError("the hypervisor moved the CPUs within too many searches")

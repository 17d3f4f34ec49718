"""The time and memory that wiring takes."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from cniperf.beds.command import run
from cniperf.beds.lab.bed import Lab
from cniperf.bench.repeats import timed
from cniperf.plan import Plan, make_plan
from cniperf.schemes import find
from cniperf.steps import AddOvsBridge, DelLink, DelOvsBridge, Step

MANY_PAIRS = (16, 64, 256)
LONG = 600.0  # seconds that many pairs may take


def linearity(repeats: int = 3) -> tuple[float, ...]:
    """Compare the time to wire and unwire one pair of 256 with one of 16."""
    many, few = MANY_PAIRS[-1], MANY_PAIRS[0]
    found = []
    with Lab(pairs=many) as large, Lab(pairs=few) as small:
        plans = {lab: make_plan("calico", *lab.hosts) for lab in (large, small)}
        for _ in range(repeats):
            took = {lab: timed(lambda lab=lab: _wire(lab, plans[lab])) for lab in plans}  # type: ignore[misc]
            found.append((took[large] / many) / (took[small] / few))
    return tuple(found)


def pairs_memory(pairs: int) -> float:
    """Return the MiB that a fresh process has used at most once so many pairs are wired."""
    argv = [sys.executable, "-c", WIRE, str(pairs)]
    return float(run(argv, timeout=LONG))


WIRE = """
import re, sys
from cniperf.beds.lab.bed import Lab
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
    with Lab(pairs=pairs, ovs=find(scheme).ovs) as lab:
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan)  # the first time pays for imports
        lab.undo(plan)
        for _ in range(repeats):
            ours = timed(lambda: _wire(lab, plan))
            batch.append(ours / timed(lambda: _batch(lab, plan)))
            if pairs == 1:
                forked.append(ours / timed(lambda: _wire(lab, plan, by="argv")))
    return tuple(batch), tuple(forked)


def _wire(lab: Lab, plan: Plan, by: str = "netlink") -> None:
    lab.apply(plan, by=by)
    lab.undo(plan, by=by)


def _batch(lab: Lab, plan: Plan) -> None:
    """Wire and unwire as fast as iproute2 can: one process a tool and namespace.

    Open vSwitch's commands are typed one by one, in their order among the others. Routes and
    addresses that go with a device are not removed: a user would not type it.
    """
    for side in plan:
        undo = [step for step in side.undo() if not step.netns or isinstance(step, DelLink)]
        undo.sort(key=lambda step: not step.netns)  # pods first
        for steps in (side.steps, undo):
            for (tool, netns), words in _grouped(steps):
                namespace = netns or lab.names.host(side.host.name)
                _typed(["nsenter", f"--net=/run/netns/{namespace}"], tool, words,
                       {**os.environ, **lab.ovs_environs()[side.host.name]})  # fmt: skip


def _typed(
    enter: Sequence[str], tool: str, words: Sequence[Sequence[str]], environ: Mapping[str, str]
) -> None:
    """Run commands of one tool the fastest way: in one batch, where it has one."""
    if tool in ("ip", "bridge"):
        lines = "\n".join(" ".join(argv[1:]) for argv in words)
        subprocess.run([*enter, tool, "-batch", "-"], input=lines, text=True, check=True,
                       encoding="utf-8")  # fmt: skip
        return
    if tool == "sysctl":
        words = [[*words[0], *(argv[-1] for argv in words[1:])]]
    for argv in words:
        subprocess.run([*enter, *argv], check=True, env=environ)


def _grouped(steps: Sequence[Step]) -> list[tuple[tuple[str, str | None], list[list[str]]]]:
    """Return the commands of each tool and namespace.

    All of them together, but those of Open vSwitch: a port is added once its device is there.
    """
    groups: list[tuple[tuple[str, str | None], list[list[str]]]] = []
    in_order = any(isinstance(step, AddOvsBridge | DelOvsBridge) for step in steps)
    for step in steps:
        argv = step.argv()
        if step.netns and "-n" in argv:
            del argv[1:3]
        place = (argv[0], step.netns)
        open_ones = groups[-1:] if in_order else groups
        for each, words in open_ones:
            if each == place:
                words.append(argv)
                break
        else:
            groups.append((place, [argv]))
    return groups

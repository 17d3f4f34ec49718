"""The single measurement: lock the machine, build, wire, prove, load, unwire, leave a run."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any

from cniperf.beds import counted, open_bed
from cniperf.beds.bed import Bed
from cniperf.beds.bottle.image import prepare
from cniperf.beds.bottle.qemu import require as require_qemu
from cniperf.beds.journal import sweep_dead
from cniperf.beds.lab import require_root
from cniperf.beds.lock import machine_lock
from cniperf.draft import Draft
from cniperf.environment import congestion_controls, fingerprint
from cniperf.errors import (
    CannotWrite,
    CniperfError,
    NotAble,
    NotRestored,
    ParameterError,
)
from cniperf.generators import all_generators
from cniperf.inventory import read_inventory
from cniperf.measure.evidence import Evidence, PathNotProven, greet_others, prove
from cniperf.measure.load import Load
from cniperf.measure.progress import Moment, Progress, say
from cniperf.measure.turns import Turns
from cniperf.modes import find as find_mode
from cniperf.params import Experiment
from cniperf.places import real, require_folder
from cniperf.plan import Plan, make_plan
from cniperf.runs import default_data_dir
from cniperf.schemes import BASELINE, find

TOOLS = {
    "ip": "iproute2", "ethtool": "ethtool", "sysctl": "procps",
    "nft": "nftables", "nsenter": "util-linux", "taskset": "util-linux", "setpriv": "util-linux",
}  # fmt: skip


BUILDING = {"lab": "building the lab", "ssh": "opening the hosts", "vm": "booting two guests",
            "counted": "booting a guest"}  # fmt: skip

BOTTLED = ("vm", "counted")

# Parameters that say nothing of a figure, and may name folders of this machine.
UNTOLD = {"data_dir", "first_round", "hosts"}

# The environment of a run whose hosts were never reached.
NOWHERE: dict[str, Any] = {"kernel": "", "cpu": "", "cpus": None, "versions": {}}


def missing_tools(generator: str = "iperf3", scheme: str = BASELINE) -> dict[str, str]:
    """Return the tools that a run needs and this machine lacks, with their packages."""
    needed = {**TOOLS, **all_generators()[generator].package, **find(scheme).tools}
    return {tool: package for tool, package in needed.items() if which(tool) is None}


def check(experiment: Experiment) -> None:
    """Refuse what cannot even begin; touches nothing. Remote hosts are asked when they are opened.

    Raises:
        NotAble: no root, or a tool is missing.
        ParameterError: the kernel lacks the congestion control.
    """
    if experiment.bed == "ssh":
        assert experiment.hosts is not None
        read_inventory(experiment.hosts).pair(experiment.between)
        return
    require_root()
    if experiment.bed in BOTTLED:
        require_qemu()
        return
    if missing := missing_tools(experiment.generator, experiment.scheme):
        packages = " ".join(sorted(set(missing.values())))
        raise NotAble(f"{', '.join(missing)} not found: apt-get install {packages}")
    if experiment.congestion not in congestion_controls():
        raise ParameterError(
            f"congestion={experiment.congestion!r} is not allowed: this kernel has "
            f"{', '.join(congestion_controls())} (modprobe tcp_NAME may bring more)"
        )


def lock(experiment: Experiment, what: str) -> AbstractContextManager[None]:
    """Hold this machine, where the load is on it; remote hosts are held by their own guards."""
    return nullcontext() if experiment.bed == "ssh" else machine_lock(what)


def record_failure(experiment: Experiment, reason: str) -> Path:
    """Leave a failed run for a measurement that ended without leaving anything."""
    return _Round(experiment, experiment.first_round, lambda moment: None).fail(reason)


def run(experiment: Experiment, progress: Progress = say) -> list[Path]:
    """Measure a scheme, each round on a freshly built lab, and return the run folders.

    A round that fails leaves a run with status ``failed`` and its reason, and ends the others.

    Raises:
        NotAble, ParameterError: see :func:`check`.
        Busy: another run holds this machine.
        CniperfError: a round failed.
    """
    require_folder(real(experiment.data_dir or default_data_dir()))
    check(experiment)
    first = experiment.first_round
    with lock(experiment, f"cniperf, measuring {experiment.scheme}"):
        sweep_dead()
        return [
            _Round(experiment, number, progress).run()
            for number in range(first, first + experiment.rounds)
        ]


def prove_path(experiment: Experiment, tell: Callable[[str], None] = lambda text: None) -> Evidence:
    """Wire a scheme, count a probe's packets along its path, and unwire it.

    Args:
        experiment: what to wire, and where.
        tell: called with a line where something has to be made first.

    Raises:
        NotAble, ParameterError: see :func:`check`.
        Busy: another run holds this machine.
        CniperfError: the lab could not be built or wired.
    """
    check(experiment)
    with lock(experiment, f"cniperf, proving {experiment.scheme}"):
        sweep_dead()
        if experiment.bed in BOTTLED:
            prepare(tell)
        with open_bed(experiment) as bed:
            plan = make_plan(experiment.scheme, *bed.hosts)
            bed.apply(plan)
            return prove(bed, plan)


class _Round:
    """One round of an experiment."""

    def __init__(self, experiment: Experiment, number: int, progress: Progress) -> None:
        self.experiment, self.number, self._progress = experiment, number, progress
        self.data_dir = experiment.data_dir or default_data_dir()
        self._record: dict[str, Any] = {
            "suite": experiment.suite,
            "round": number,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "params": experiment.model_dump(
                mode="json", exclude={"data_dir", "first_round", "hosts"}
            ),
            "scheme": _scheme_facts(experiment.scheme),
            "bed": {"bed": experiment.bed},
        }

    def run(self) -> Path:
        try:
            return self._measure()
        except (CannotWrite, NotRestored):
            raise  # no place to say so; the run is whole and was left before
        except PathNotProven as problem:
            self.fail(str(problem), problem.evidence.as_dict())
            raise
        except counted.FailedInside as problem:
            self.fail(str(problem), problem.evidence)
            raise
        except CniperfError as problem:
            # Where remote hosts were not even opened nothing was measured, and nothing is left.
            if self.experiment.bed == "lab" or "environment" in self._record:
                self.fail(str(problem))
            raise

    def fail(self, reason: str, evidence: Mapping[str, Any] | None = None) -> Path:
        self._say("failed", f"failed: {reason}")
        known = fingerprint() if self.experiment.bed == "lab" else NOWHERE
        self._record.setdefault("environment", known)
        with Draft(self.data_dir, self.experiment.scheme) as draft:
            if evidence:
                draft.write("evidence.json", _text(evidence))
            return draft.finish({**self._record, "status": "failed", "error": reason})

    def _measure(self) -> Path:
        if self.experiment.bed in BOTTLED:
            prepare(lambda text: self._say("wire", text))
        self._say("wire", BUILDING[self.experiment.bed])
        return self._count() if self.experiment.bed == "counted" else self._load()

    def _count(self) -> Path:
        """Let a guest measure by itself, and leave what it told."""
        with (
            Draft(self.data_dir, self.experiment.scheme) as draft,
            counted.Counting() as bed,
        ):
            bed.keep(draft.path)
            told = bed.measure(self.experiment, self.number, lambda text: self._say("prove", text))
            found = told.found
            self._record |= {"environment": told.environment, "bed": told.facts}
            if "error" in found:
                raise counted.FailedInside(told)
            for name, script in found["scripts"].items():
                draft.write(f"host-{name}.sh", script)
            draft.write("evidence.json", _text(found["evidence"]))
            for name, text in found["files"].items():
                draft.write(name, text)
            from cniperf.measure.summary import counted as summarise

            summary = summarise(self.experiment.traffic, draft.path, found)
            self._say_figure(summary)
            return draft.finish({**self._record, "status": "ok", "summary": summary})

    def _load(self) -> Path:
        with (
            open_bed(self.experiment) as bed,
            Draft(self.data_dir, self.experiment.scheme) as draft,
        ):
            bed.keep(draft.path)
            self._record["environment"] = bed.environment()
            plan = make_plan(self.experiment.scheme, *bed.hosts)
            for side in plan:
                draft.write(f"host-{side.host.name}.sh", side.script())
            bed.apply(plan)
            self._record["bed"] = bed.facts()
            self._say("prove", "proving the path")
            evidence = prove(bed, plan)
            if evidence.problem:
                raise PathNotProven(evidence)
            draft.write("evidence.json", _text(evidence.as_dict()))
            greet_others(bed, plan)
            pod_mtu = bed.mtu(plan.a.host, plan.a.endpoint.netns, plan.a.endpoint.device)
            figures = self._figures(bed, plan, draft.path)
            bed.undo(plan)
            self._say_figure(figures)
            return draft.finish(
                {**self._record, "status": "ok", "summary": {**figures, "pod_mtu": pod_mtu}}
            )

    def _figures(self, bed: Bed, plan: Plan, folder: Path) -> dict[str, Any]:
        """Load the path, in the experiment's design."""
        if self.experiment.design == "interleaved":
            return Turns(bed, plan, self.experiment.traffic, self.experiment.slice, folder).run(
                lambda text: self._say("load", text)
            )
        return Load(bed, plan, self.experiment.traffic, folder).run(self._tick)

    def _say_figure(self, figures: Mapping[str, Any]) -> None:
        mode = find_mode(self.experiment.mode, self._record["bed"].get("meter", "clock"))
        self._say("done", mode.spoken(figures[mode.figure]))

    def _tick(self, seconds: float, gbps: float) -> None:
        total = self.experiment.omit + self.experiment.duration
        text = f"{seconds:3.0f} of {total} s: {gbps:6.2f} Gbit/s leave the interface"
        self._say("load", text)

    def _say(self, stage: str, text: str) -> None:
        self._progress(Moment(self.experiment.scheme, self.number, stage, text))


def _text(evidence: Mapping[str, Any]) -> str:
    return json.dumps(evidence, separators=(",", ":")) + "\n"


def _scheme_facts(name: str) -> dict[str, Any]:
    scheme = find(name)
    return {"name": name, "order": scheme.order, "summary": scheme.summary, "path": scheme.path}

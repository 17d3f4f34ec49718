"""The single measurement: lock the machine, build, wire, prove, load, unwire, leave a run."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from cniperf import beds
from cniperf.beds.bed import Bed, Untouched
from cniperf.beds.journal import sweep_dead
from cniperf.beds.kind import Round
from cniperf.beds.privilege import is_root, with_namespaces
from cniperf.draft import Draft
from cniperf.errors import CannotWrite, CniperfError, NotAble, NotRestored
from cniperf.foreign import Foreign
from cniperf.hosts import ARTICLE_HOSTS
from cniperf.measure import by_devices
from cniperf.measure.by_devices import DeviceEvidence
from cniperf.measure.evidence import Evidence, PathNotProven, greet_others, prove
from cniperf.measure.load import Load
from cniperf.measure.progress import Moment, Progress, say
from cniperf.measure.turns import Turns
from cniperf.modes import find as find_mode
from cniperf.params import Experiment
from cniperf.places import real, require_folder
from cniperf.plan import Plan, planned
from cniperf.record import BedFacts, Environment
from cniperf.runs import default_data_dir
from cniperf.schemes import find

T = TypeVar("T")

FACTS: Mapping[str, type[Foreign]] = {"environment": Environment, "bed": BedFacts}


def check(experiment: Experiment) -> None:
    """Reject what cannot even begin; see :meth:`cniperf.beds.kind.Kind.check`."""
    beds.find(experiment.bed).check(experiment)


def lock(experiment: Experiment, what: str) -> AbstractContextManager[None]:
    """Lock this machine, where the load is on it."""
    return beds.find(experiment.bed).lock(what)


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
    return _where_it_can(_run, experiment, progress)


def _run(experiment: Experiment, progress: Progress) -> list[Path]:
    check(experiment)
    with (
        lock(experiment, f"cniperf, measuring {experiment.scheme}"),
        beds.find(experiment.bed).measuring(experiment) as measure,
    ):
        sweep_dead()
        return [_Round(experiment, number, progress).run(measure) for number in experiment.numbers]


def prove_path(
    experiment: Experiment, tell: Callable[[str], None] = lambda text: None
) -> Evidence | DeviceEvidence:
    """Wire a scheme, count a probe's packets along its path, and unwire it.

    Args:
        experiment: what to wire, and where.
        tell: called with a line where something has to be made first.

    Raises:
        NotAble, ParameterError: see :func:`check`.
        Busy: another run holds this machine.
        CniperfError: the lab could not be built or wired.
    """
    return _where_it_can(_prove_path, experiment, tell)


def _prove_path(experiment: Experiment, tell: Callable[[str], None]) -> Evidence | DeviceEvidence:
    check(experiment)
    with lock(experiment, f"cniperf, proving {experiment.scheme}"):
        sweep_dead()
        beds.find(experiment.bed).prepare(tell)
        with beds.open_bed(experiment) as bed, TemporaryDirectory() as folder:
            plan = planned(experiment, bed.hosts)
            bed.apply(plan)
            return proof(bed, plan, Path(folder))


def _where_it_can(
    work: Callable[[Experiment, Callable[..., None]], T],
    experiment: Experiment,
    tell: Callable[..., None],
) -> T:
    """Call a function here, or where it may make the network namespaces of its bed."""
    kind = beds.find(experiment.bed)
    if not kind.namespaces:
        return work(experiment, tell)
    if not is_root():  # where there are only its own networks, it can fetch nothing
        kind.check(experiment)
        kind.prepare(print)
    return with_namespaces(work, experiment, tell=tell)


def proof(bed: Bed, plan: Plan, folder: Path) -> Evidence | DeviceEvidence:
    """Count a probe's packets along a plan's path, by what its bed allows to count with."""
    if isinstance(bed, Untouched):
        return by_devices.prove(bed, plan, folder)
    return prove(bed, plan)


class _Round:
    """One round of an experiment."""

    def __init__(self, experiment: Experiment, number: int, progress: Progress) -> None:
        self.experiment, self.number, self._progress = experiment, number, progress
        self._kind = beds.find(experiment.bed)
        self.data_dir = experiment.data_dir or default_data_dir()
        self._record: dict[str, Any] = {
            "suite": experiment.suite,
            "round": number,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "params": experiment.told(),
            "scheme": _scheme_facts(experiment),
            "bed": {"bed": experiment.bed, **self._kind.foreseen(experiment)},
        }

    def run(self, measure: Callable[[Round], Path]) -> Path:
        try:
            self._kind.prepare(lambda text: self.announce("wire", text))
            if self.number == self.experiment.first_round or not self._kind.in_one:
                self.announce("wire", self._kind.building)
            return measure(self)
        except (CannotWrite, NotRestored):
            raise  # no place to report it; the run is whole and was left before
        except CniperfError as problem:
            # Where remote hosts were not even opened nothing was measured, and nothing is left.
            if self._kind.here or "environment" in self._record:
                self.fail(str(problem), getattr(problem, "found", {}))
            raise

    def fail(self, reason: str, evidence: Mapping[str, Any] | None = None) -> Path:
        self.announce("failed", f"failed: {reason}")
        if "environment" not in self._record:
            self._record["environment"] = self._kind.environment()
        with Draft(self.data_dir, self.experiment.scheme) as draft:
            if evidence:
                draft.write_json("evidence.json", evidence)
            return draft.finish({**self._record, "status": "failed", "error": reason})

    # ── what a kind of bed asks of it, see cniperf.beds.kind.Round ─────────────────────────────

    def draft(self) -> Draft:
        return Draft(self.data_dir, self.experiment.scheme)

    def note(self, **facts: Mapping[str, Any]) -> None:
        for name, found in facts.items():  # before the load: a run that none can read is lost
            try:
                FACTS[name].of(json.loads(json.dumps(found)))
            except ValueError as problem:
                raise NotAble(f"no run can say of this {name}: {problem}") from None
        self._record |= facts

    def finish(self, draft: Draft, summary: Mapping[str, Any]) -> Path:
        mode = find_mode(self.experiment.mode, self._record["bed"].get("meter", "clock"))
        self.announce("done", mode.spoken(summary[mode.figure]))
        return draft.finish({**self._record, "status": "ok", "summary": summary})

    def announce(self, stage: str, text: str) -> None:
        self._progress(Moment(self.experiment.scheme, self.number, stage, text))

    def load(self) -> Path:
        with beds.open_bed(self.experiment) as bed, self._kept(bed) as draft:
            self.note(environment=bed.environment())
            plan = planned(self.experiment, bed.hosts)
            for side in plan:
                draft.write(f"host-{side.host.name}.sh", side.script())
            bed.apply(plan)
            self.note(bed=bed.facts())
            self.announce("prove", "proving the path")
            evidence = proof(bed, plan, draft.path)
            if evidence.problem:
                raise PathNotProven(evidence)
            draft.write_json("evidence.json", evidence.as_dict())
            greet_others(bed, plan)
            pod_mtu = bed.mtu(plan.a.host, plan.a.endpoint.netns, plan.a.endpoint.device)
            figures = self._figures(bed, plan, draft.path)
            bed.undo(plan)
            return self.finish(draft, {**figures, "pod_mtu": pod_mtu})

    def _kept(self, bed: Bed) -> Draft:
        """Return the run's folder, which the bed removes if this process is killed."""
        draft = self.draft()
        bed.keep(draft.path)  # before it is there
        return draft

    def _figures(self, bed: Bed, plan: Plan, folder: Path) -> dict[str, Any]:
        """Load the path, in the experiment's design."""
        if self.experiment.design == "interleaved":
            return Turns(bed, plan, self.experiment.traffic, self.experiment.slice, folder).run(
                lambda text: self.announce("load", text)
            )
        return Load(bed, plan, self.experiment.traffic, folder).run(self._tick)

    def _tick(self, seconds: float, gbps: float) -> None:
        total = self.experiment.omit + self.experiment.duration
        text = f"{seconds:3.0f} of {total} s: {gbps:6.2f} Gbit/s leave the interface"
        self.announce("load", text)


def _scheme_facts(asked: Experiment) -> dict[str, Any]:
    scheme, name = find(asked.scheme), asked.scheme
    path = scheme.path_on(replace(ARTICLE_HOSTS[0], cni=asked.cni))
    return {"name": name, "order": scheme.order, "summary": scheme.summary, "path": path}

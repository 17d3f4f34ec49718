"""The suite: randomised complete blocks, each run through its notebook, until enough is known."""

import math
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, broken_rounds, usable
from cniperf.analysis.loss import conditions, loss_table, widest
from cniperf.beds import cpus
from cniperf.beds.awake import awake
from cniperf.beds.caches import handover
from cniperf.beds.journal import sweep_dead
from cniperf.errors import BadRun, CniperfError, ParameterError, Stopped
from cniperf.language import known
from cniperf.measure.kernels import Kernels
from cniperf.measure.progress import Outcome, Standing, label
from cniperf.measure.run import check, lock, record_failure
from cniperf.modes import find
from cniperf.notebook import execute
from cniperf.params import Experiment
from cniperf.report import Report, default_reports_dir, make_report
from cniperf.runs import cache, default_data_dir, read_run, run_folders, runs_table
from cniperf.suites import (
    BROKEN,
    BUDGET,
    CAP,
    NOTHING,
    TARGET,
    Cell,
    Suite,
    read_suite,
    suite_file,
)

REPORT_SECONDS = 12.0  # of a budget, kept for the report
GIVE_UP = 2  # failures without a figure, after which a scheme is left out
# What a count of instructions hangs on, beside the scheme: see what of it is robust.
ROBUST: dict[str, Sequence[Any]] = {"nic": ("virtio", "offload"), "erms": (False, True)}
BROKEN_AT_MOST = 3  # rounds more than were asked for
MOVED_AT_MOST = 2  # runs that are measured again as the hosts' CPUs were moved meanwhile


@dataclass(frozen=True)
class Done:
    """A finished suite, its runs as :func:`cniperf.load_runs` gives them, and its report."""

    suite: Suite
    runs: pd.DataFrame
    report: Report | None


def new_suite(
    base: Experiment,
    cells: Sequence[Cell],
    *,
    target: float = 0.01,
    rounds: int = 100,
    budget: float = 0.0,
    seed: int | None = None,
    vary: Sequence[str] = (),
    at_once: int = 1,
) -> Suite:
    """Lay out a suite.

    Args:
        base: parameters of every run.
        cells: what a round measures; see :class:`cniperf.suites.Suite`.
        target: half width of the intervals at which to stop, as a fraction; 0 for none.
        rounds: cap on the rounds.
        budget: cap on the seconds; 0 for none.
        seed: of the order within each round; a random one if not given.
        vary: the parameters that the cells vary, where this is a sweep.
        at_once: how many runs are made at once, where each has hosts of its own.
    """
    seed = secrets.randbelow(10_000) if seed is None else seed
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    shared = base.model_dump(
        mode="json", exclude={"scheme", "suite", "data_dir", "rounds", "first_round"}
    )
    return Suite(
        name=base.suite or f"suite-{stamp}-seed{seed}", seed=seed, cells=tuple(cells),
        params=shared, vary=tuple(vary), target=target, rounds=rounds, budget=budget,
        at_once=at_once,
    )  # fmt: skip


def scheme_cells(schemes: Sequence[str], between: Sequence[str] = ()) -> list[Cell]:
    """Return the cells of a comparison of schemes: hostnetwork twice, as the A/A control.

    Args:
        schemes: their names.
        between: pairs of hosts, each of which measures them all; none for the bed's own two.
    """
    others = [name for name in schemes if name != BASELINE]
    cells = [{"scheme": name} for name in (BASELINE, BASELINE, *others)]
    return [{**cell, "between": pair} for pair in between for cell in cells] or cells


def counted_cells(schemes: Sequence[str], given: Collection[str]) -> list[Cell]:
    """Return the cells of a comparison by instructions: with each NIC and each way of copying.

    hostnetwork is measured once a round: with the same seed it would come out the same.

    Args:
        schemes: their names.
        given: parameters that are not to be varied.
    """
    vary = {name: values for name, values in ROBUST.items() if name not in given}
    points = [dict(zip(vary, values, strict=True)) for values in product(*vary.values())]
    return [{"scheme": name, **point} for point in points for name in schemes]


def resumable(data_dir: Path | None, name: str) -> Suite:
    """Return a suite that was interrupted.

    Raises:
        ParameterError: there is no such suite, or it has ended.
    """
    suite = read_suite(data_dir or default_data_dir(), name)
    if suite.ended:
        raise ParameterError(f"suite {name} has ended ({suite.ended}): start another")
    return suite


def run_suite(
    suite: Suite,
    *,
    data_dir: Path | str | None = None,
    out_dir: Path | None = None,
    tell: Callable[[object], None] = print,
    report: bool = True,
    lang: str = "en",
) -> Done:
    """Measure in rounds until the suite knows enough, and write one report.

    Each round measures every cell once, on freshly built labs, in random order. A round that a
    failure broke is dropped whole and repeated. A scheme that fails twice and never has a figure
    is left out from then on, and the report says so. A suite that was interrupted goes on where
    it was: finished runs are not repeated.

    All runs of a round are made with the hosts' CPUs in one placement: with a common cache, or
    without. Where a hypervisor moves them, that round waits and another one goes on.

    Args:
        suite: from :func:`new_suite` or :func:`resumable`.
        data_dir: where runs are left; the project's ``data/`` if not given.
        out_dir: folder for the report and the executed notebooks; ``reports/NAME`` if not given.
        tell: called with an :class:`Outcome` after each run, a :class:`Standing` after a round.
        report: False to leave the report out.
        lang: the report's language.

    Raises:
        NotAble, Busy: nothing can be measured now.
        ParameterError: another suite has this name, or there is no such language.
        CniperfError: no report could be written.
    """
    known(lang)
    data = Path(data_dir or default_data_dir()).resolve()
    out = (out_dir or default_reports_dir() / suite.name).resolve()
    if suite_file(data, suite.name).exists() and read_suite(data, suite.name) != suite:
        raise ParameterError(
            f"there is another suite {suite.name} in {data}: resume it, or take another name"
        )
    check(Experiment.of(**suite.params))
    notebooks = _made(out / "notebooks")
    suite.save(data)
    with (
        lock(Experiment.of(**suite.params), f"cniperf suite {suite.name}"),
        _swept(),
        awake(),
        Kernels(suite.at_once) as kernels,
    ):
        rounds = _Rounds(suite, data, notebooks, kernels, tell)
        try:
            suite = suite.end(rounds.run())
        except (Stopped, KeyboardInterrupt):
            again = _resume(suite.name, data_dir, out_dir, lang)
            tell(f"stopped in round {rounds.round}; to go on: {again}")
            raise
        suite.save(data)
        tell(f"── {rounds.good()} rounds count. Ended by {suite.ended}.")
        made = None
        if report:
            made = make_report(data, out, suite=suite.name, kernel=kernels.first, lang=lang)
    return Done(suite, rounds.runs(), made)


def _resume(name: str, data_dir: Path | str | None, out_dir: Path | None, lang: str) -> str:
    other = None if lang == "en" else lang
    options = {"--data-dir": data_dir, "--out-dir": out_dir, "--lang": other}
    where = [f"{option} {value}" for option, value in options.items() if value]
    return " ".join(["cniperf suite --resume", name, *where])


@contextmanager
def _swept() -> Iterator[None]:
    """Leave no lab behind, however the kernel ended."""
    sweep_dead()
    try:
        yield
    finally:
        sweep_dead()


def order(suite: Suite, number: int) -> list[Cell]:
    """Return the cells of a round in their random order: the same for the same seed."""
    return random.Random(f"{suite.seed}/{number}").sample(suite.cells, len(suite.cells))


Key = tuple[str, ...]


class _Rounds:
    """Rounds of one suite: one at a time for each placement of the hosts' CPUs."""

    def __init__(
        self,
        suite: Suite,
        data: Path,
        notebooks: Path,
        kernels: Kernels,
        tell: Callable[[object], None],
    ) -> None:
        self.suite, self._data, self._notebooks, self._kernels = suite, data, notebooks, kernels
        self._tell = tell
        self._names = sorted({name for cell in suite.cells for name in cell})
        self._wanted = Counter(self._key(cell) for cell in suite.cells)
        self._folders: list[Path] = []
        self._done: Counter[tuple[int, Key]] = Counter()
        self._moved: Counter[tuple[int, Key]] = Counter()
        self._places: dict[int, str] = {}
        self._results: dict[Key, Counter[bool]] = {key: Counter() for key in self._wanted}
        self._began, self._longest = time.monotonic(), 0.0
        self._adopt()
        self.round = self._next()

    def run(self) -> str:
        """Measure run after run; return why it ended."""
        while not (reason := self._reason()):
            began = time.monotonic()
            self._measure()
            self._longest = max(self._longest, time.monotonic() - began)
            if not self._missing(self.round):
                self._tell(self._standing())
            self.round = self._next()
        return reason

    def runs(self) -> pd.DataFrame:
        """Return the suite's runs so far."""
        return runs_table(self._folders)

    def good(self) -> int:
        """Return how many rounds are complete and count."""
        return sum(not self._missing(number) for number in set(usable(self.runs())["round"]))

    # ── one round ─────────────────────────────────────────────────────────────────────────────

    def _next(self) -> int:
        """Return the round to go on with, as the hosts' CPUs lie now, or a new one."""
        here = cache(handover(*cpus.split())) if self.suite.params["bed"] == "lab" else ""
        known = {number for number, _ in self._done}
        begun = (number for number in sorted(known) if self._missing(number))
        fitting = (number for number in begun if self._places.get(number, here) == here)
        return next(fitting, max(known, default=0) + 1)

    def _measure(self) -> None:
        """Measure what comes next in the round: with several pairs of hosts at once, if asked."""
        seen = set(run_folders(self._data))
        cells = self._next_cells()
        reasons = self._kernels.together([partial(self._execute, *each) for each in cells])
        for (place, cell), reason in zip(cells, reasons, strict=True):
            self._tell(self._gather(place, cell, reason, seen))

    def _next_cells(self) -> list[tuple[int, Cell]]:
        """Return what can be measured now, each with its place; no host is in two of them.

        Guests that count instructions have hosts of their own, and do not feel each other.
        """
        apart = self.suite.params["bed"] == "counted"
        missing = self._missing(self.round)
        done = Counter({key: self._done[self.round, key] for key in self._wanted})
        found: list[tuple[int, Cell]] = []
        busy: set[str] = set()
        for place, cell in enumerate(order(self.suite, self.round), 1):
            key = self._key(cell)
            hosts = {str(place)} if apart else set(str(cell.get("between", "")).split(","))
            if done[key]:
                done[key] -= 1
            elif missing[key] and not hosts & busy and len(found) < self.suite.at_once:
                found.append((place, cell))
                busy |= hosts
        return found

    def _missing(self, number: int) -> Counter[Key]:
        """Count what a round has still to measure."""
        missing = Counter(
            {key: times - self._done[number, key] for key, times in self._wanted.items()}
        )
        for key in self._given_up():
            del missing[key]
        return +missing

    def _given_up(self) -> list[Key]:
        return [
            key
            for key, ok in self._results.items()
            if ok[False] >= GIVE_UP * self._wanted[key] and not ok[True]
        ]

    def _execute(self, place: int, cell: Cell, kernel: Any) -> str:  # noqa: ANN401
        """Measure a cell once, and return why it left no run, if it leaves none."""
        name = label(cell).replace(" ", "-")
        try:
            execute(
                "run_scheme",
                self._notebooks / f"round-{self.round}-{place}-{name}.ipynb",
                self._experiment(cell).model_dump(mode="json"),
                kernel,
            )
        except CniperfError as problem:
            return str(problem)
        return "its notebook left no run"

    def _gather(self, place: int, cell: Cell, reason: str, seen: set[Path]) -> Outcome:
        """Take in the run that a cell left, or leave a failed one for it."""
        new = [
            folder
            for folder in run_folders(self._data)
            if folder not in seen and self._key_of(folder) == self._key(cell) and self._add(folder)
        ]
        if not new:
            new = [record_failure(self._experiment(cell), reason)]
            self._add(new[0])
        run = runs_table(new).iloc[0]
        mode = find(run["mode"], run["meter"])
        figure = mode.spoken(run["figure"]) if run["status"] == "ok" else ""
        return Outcome(
            cell, self.round, place, len(self.suite.cells), figure, run["error"], run["flags"]
        )

    def _experiment(self, cell: Cell) -> Experiment:
        return Experiment.of(
            **{**self.suite.params, **cell}, suite=self.suite.name, first_round=self.round,
            data_dir=self._data,
        )  # fmt: skip

    # ── what is there ─────────────────────────────────────────────────────────────────────────

    def _adopt(self) -> None:
        """Take over the runs of this suite that are there already."""
        for folder in run_folders(self._data):
            self._add(folder)

    def _add(self, folder: Path) -> bool:
        """Count a run, if it is one of this suite."""
        key = self._key_of(folder)
        if key is None:
            return False
        record = read_run(folder)
        self._folders.append(folder)
        if self._counts(folder, record["round"], key):
            self._done[record["round"], key] += 1
            self._results[key][record["status"] == "ok"] += 1
        return True

    def _counts(self, folder: Path, number: int, key: Key) -> bool:
        """Tell whether a run was made where the others of its round were; else it is repeated."""
        found = runs_table([folder]).iloc[0]["cache"]
        if not found or (found != "moved" and self._places.setdefault(number, found) == found):
            return True
        self._moved[number, key] += 1
        return self._moved[number, key] > MOVED_AT_MOST

    def _key_of(self, folder: Path) -> Key | None:
        """Return what sets a run apart from the suite's others; None where it is none of them."""
        try:
            record = read_run(folder)
        except BadRun:
            return None
        key = self._key(record["params"])
        return key if record["suite"] == self.suite.name and key in self._wanted else None

    def _key(self, params: Cell) -> Key:
        """Return what sets a cell apart, the same for the cell and for its runs."""
        whole = {**self.suite.params, **params}
        return tuple(str(whole.get(name)) for name in self._names)

    # ── when to stop ──────────────────────────────────────────────────────────────────────────

    def _reason(self) -> str:
        """Return why the suite has measured enough, or an empty text."""
        suite = self.suite
        if not self._done:
            return ""
        spent = time.monotonic() - self._began
        batches = math.ceil(self._missing(self.round).total() / suite.at_once)
        to_come = self._longest * batches + REPORT_SECONDS
        if suite.budget and spent + to_come > suite.budget:
            return suite.reason(BUDGET)
        if self._done_in(self.round):
            return ""  # a round that was begun is finished first
        if len(self._given_up()) == len(self._wanted):
            return suite.reason(NOTHING)
        standing = self._standing()
        if suite.target and standing.half_width <= suite.target:
            return suite.reason(TARGET)
        if standing.rounds >= suite.rounds:
            return suite.reason(CAP)
        if self.round > 2 * suite.rounds + BROKEN_AT_MOST:  # two placements have rounds
            return suite.reason(BROKEN)
        return ""

    def _done_in(self, number: int) -> int:
        return sum(count for (round_, _), count in self._done.items() if round_ == number)

    def _standing(self) -> Standing:
        runs = self.runs()
        rounds = self.good()
        scheme, half = _least_known(runs) if self.suite.target else ("", np.inf)
        broken = broken_rounds(runs)
        last = broken[broken["round"].eq(runs["round"].max())]
        note = ""
        if len(last):
            note = f"round {last['round'].iloc[0]} is dropped: {last['scheme'].iloc[0]} failed"
        elif rounds and self.round not in set(usable(runs)["round"]):
            note = f"round {self.round} is set apart, as the hosts' CPUs lay elsewhere"
        left = self._seconds_left(rounds, half)
        return Standing(rounds, scheme, half, self.suite.target, left, note)

    def _seconds_left(self, rounds: int, half: float) -> float:
        """Guess the time left: an interval shrinks with the root of the number of rounds."""
        suite, spent = self.suite, time.monotonic() - self._began
        needed = float(suite.rounds)
        if suite.target and np.isfinite(half):
            needed = min(needed, rounds * (half / suite.target) ** 2)
        a_round = self._longest * len(suite.cells) / suite.at_once
        left = max(0.0, needed - rounds) * a_round + REPORT_SECONDS
        return min(left, suite.budget - spent) if suite.budget else left


def _least_known(runs: pd.DataFrame) -> tuple[str, float]:
    """Return the scheme whose loss is known least well at any point, and how well."""
    found = (widest(loss_table(group)) for _, group in conditions(runs))
    return max(found, key=lambda least: least[1], default=("", np.inf))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise CniperfError(f"cannot write to {folder}: {problem.strerror}") from None
    return folder

"""The rounds of a suite: what is measured next, what counts, and when enough is known."""

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cniperf import beds
from cniperf.analysis.blocks import broken_rounds, usable
from cniperf.analysis.interval import SEEDS_ENOUGH
from cniperf.analysis.loss import conditions, known_within, loss_table, widest
from cniperf.analysis.memo import once
from cniperf.beds import cpus
from cniperf.beds.caches import handover
from cniperf.errors import BadRun, CniperfError
from cniperf.measure.budget import Budget
from cniperf.measure.kernels import Kernels
from cniperf.measure.progress import Headway, Outcome, label
from cniperf.measure.run import record_failure
from cniperf.modes import find
from cniperf.notebook import execute
from cniperf.params import Experiment
from cniperf.record import Record
from cniperf.runs import MOVED, cache, placement, read_run, run_folders, runs_table
from cniperf.suites import BROKEN, BUDGET, CAP, NOTHING, TARGET, Cell, Suite

GIVE_UP = 2  # failures without a figure, after which a scheme is left out
BROKEN_AT_MOST = 3  # rounds more than requested
MOVED_AT_MOST = 2  # runs that are measured again because the hosts' CPUs were moved

# Rounds before a suite may stop by its target: few rounds may have a narrow interval by chance.
FEWEST = 6


def order(suite: Suite, number: int) -> list[Cell]:
    """Return the cells of a round in their random order: the same for the same seed."""
    return random.Random(f"{suite.seed}/{number}").sample(suite.cells, len(suite.cells))


def at_once(suite: Suite, bed: str) -> int:
    """Return how many runs of a bed a suite makes at once; of another bed, as many as it takes."""
    if bed == suite.params["bed"]:
        return suite.at_once
    return int(beds.find(bed).suite.get("at_once", 1))


Key = tuple[str, ...]


class Rounds:
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
        self._bed = str(suite.params["bed"])
        self._kind = beds.find(self._bed)
        self._names = sorted({name for cell in suite.cells for name in cell})
        self._wanted = Counter(self._key(cell) for cell in suite.cells)
        self._folders: list[Path] = []
        self._table = runs_table([])
        self._keys: dict[str, Key] = {}
        self._enough: tuple[int, frozenset[Key]] = (0, frozenset())
        self._done: Counter[tuple[int, Key]] = Counter()
        self._moved: Counter[tuple[int, Key]] = Counter()
        self._places: dict[int, str] = {}
        self._results: dict[Key, Counter[bool]] = {key: Counter() for key in self._wanted}
        self._budget = Budget(suite.budget)
        self.round = 0
        self._adopt()
        self.round = self._next()

    def run(self) -> str:
        """Measure run after run; return why it ended."""
        while not (reason := self._reason()):
            began = time.monotonic()
            if self._measure() == self._bed:
                self._budget.took(time.monotonic() - began)
            if not self._missing(self.round):
                self._tell(self._headway())
            self.round = self._next()
        return reason

    def runs(self) -> pd.DataFrame:
        """Return the suite's runs so far."""
        if len(self._table) != len(self._folders):
            self._table = runs_table(self._folders)
        return self._table

    def good(self) -> int:
        """Return how many rounds are complete and count."""
        return sum(not self._missing(number) for number in set(usable(self._own())["round"]))

    def _own(self) -> pd.DataFrame:
        """Return the runs of the suite's own bed; others complete it."""
        return _split(self.runs(), self._bed)[0]

    # ── one round ─────────────────────────────────────────────────────────────────────────────

    def _next(self) -> int:
        """Return the round to continue with the CPUs' present placement, or a new one."""
        bound = self._kind.here and not self._interleaved
        here = cache(handover(*cpus.split())) if bound else ""
        known = {number for number, _ in self._done}
        begun = (number for number in sorted(known) if self._missing(number))
        fitting = (number for number in begun if self._places.get(number, here) == here)
        return next(fitting, max(known, default=0) + 1)

    @property
    def _interleaved(self) -> bool:
        """Whether each run has its own hostnetwork, so that a round may lie in two placements."""
        return bool(self.suite.params.get("design") == "interleaved")

    def _measure(self) -> str:
        """Measure what comes next in the round, perhaps several cells at once; return their bed."""
        seen = set(run_folders(self._data))
        cells = self._next_cells()
        for number, reason in self._kernels.together([partial(self._execute, *c) for c in cells]):
            for outcome in self._gather(*cells[number], reason, seen):
                self._tell(outcome)
        return self._bed_of(cells[0][1])

    def _at_once(self, bed: str) -> float:
        """Return how many cells of a bed are handed over at once."""
        return self.suite.at_once if bed == self._bed else math.inf

    def _bed_of(self, cell: Cell) -> str:
        return str(cell.get("bed", self._bed))

    def _next_cells(self) -> list[tuple[int, Cell]]:
        """Return what can be measured now, each with its place; no host is in two of them.

        Guests that count instructions have hosts of their own, and do not feel each other. Those
        that complete a suite of another bed come first, all of them. A round that the budget cuts
        short begins with the schemes whose loss is known least well.
        """
        missing = self._missing(self.round)
        done = Counter({key: self._done[self.round, key] for key in self._wanted})
        found: list[tuple[int, Cell]] = []
        busy: set[str] = set()
        widths = self._widths() if self._is_cut_short(missing.total()) else {}
        cells = sorted(
            enumerate(order(self.suite, self.round), 1),
            key=lambda each: (self._bed_of(each[1]) == self._bed,
                              -widths.get(self._key(each[1]), 0)),
        )  # fmt: skip
        for place, cell in cells:
            key, bed = self._key(cell), self._bed_of(cell)
            pair = str(place) if beds.find(bed).aside else str(cell.get("between", ""))
            hosts = set(pair.split(","))
            if done[key]:
                done[key] -= 1
            elif missing[key] and not hosts & busy and len(found) < self._at_once(bed):
                if found and self._bed_of(found[0][1]) != bed:
                    break
                found.append((place, cell))
                busy |= hosts
        return found

    def _is_cut_short(self, missing: int) -> bool:
        """Return whether the budget ends before a round does; one of turns counts run by run."""
        return self._interleaved and not self._budget.fits(math.ceil(missing / self.suite.at_once))

    def _widths(self) -> dict[Key, float]:
        """Return how wide the interval of each cell's loss is; infinite if it has none."""
        widths: dict[Key, float] = {}
        for group in _split(self.runs(), self._bed)[1]:
            table = loss_table(group)
            wide = (table["loss_high"] - table["loss_low"]).fillna(np.inf)
            schemes = zip(group["run"], group["scheme"], strict=True)
            widths |= {self._keys[run]: wide[scheme] for run, scheme in schemes}
        return widths

    def _missing(self, number: int) -> Counter[Key]:
        """Count what a round has still to measure."""
        missing = Counter(
            {key: times - self._done[number, key] for key, times in self._wanted.items()}
        )
        for key in (*self._given_up(), *self._known(), *self._completed(number)):
            del missing[key]
        return +missing

    def _known(self) -> frozenset[Key]:
        """Return the cells that need no more runs: their loss is known to the target.

        The time goes to the others, which needs the interleaved design: there each run has its own
        hostnetwork. hostnetwork itself, the control, is measured as long as any other.
        """
        if not self.suite.target or not self._interleaved:
            return frozenset()
        if self._enough[0] != self.round:  # to look after each run would take time of the budget
            found = {
                self._keys[run]
                for group in _split(self.runs(), self._bed)[1]
                for scheme in known_within(loss_table(group), self.suite.target)
                for run in group.loc[group["scheme"].eq(scheme), "run"]
            }
            self._enough = self.round, frozenset(found)
        return self._enough[1]

    def _completed(self, number: int) -> frozenset[Key]:
        """Return the cells that complete the suite, once they have their seeds."""
        if number <= SEEDS_ENOUGH:
            return frozenset()
        return frozenset(
            self._key(cell) for cell in self.suite.cells if self._bed_of(cell) != self._bed
        )

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

    def _gather(self, place: int, cell: Cell, reason: str, seen: set[Path]) -> list[Outcome]:
        """Take in the runs that a cell left, or leave a failed one for it."""
        new = [
            folder
            for folder in run_folders(self._data)
            if folder not in seen and self._key_of(folder) == self._key(cell) and self._add(folder)
        ]
        seen.update(new)
        if not new:
            new = [record_failure(self._experiment(cell), reason)]
            self._add(new[0])
        return [
            self._outcome(place, cell, run)
            for _, run in self._rows(new).sort_values("round").iterrows()
        ]

    def _rows(self, folders: list[Path]) -> pd.DataFrame:
        """Return some runs of the suite's table."""
        runs = self.runs()
        return runs[runs["path"].isin([str(folder) for folder in folders])]

    def _outcome(self, place: int, cell: Cell, run: pd.Series) -> Outcome:
        mode = find(run["mode"], run["meter"])
        figure = mode.spoken(run["figure"]) if run["status"] == "ok" else ""
        return Outcome(
            cell, run["round"], place, len(self.suite.cells), figure, run["error"], run["flags"]
        )

    def _experiment(self, cell: Cell) -> Experiment:
        return Experiment.of(
            **{**self.suite.params, **cell}, suite=self.suite.name, first_round=self.round,
            rounds=self._in_one(cell), data_dir=self._data,
        )  # fmt: skip

    def _in_one(self, cell: Cell) -> int:
        """Return how many rounds of a cell are measured one after the other."""
        bed, number = self._bed_of(cell), self.round
        if not beds.find(bed).in_one:
            return 1
        last = self.suite.rounds if bed == self._bed else SEEDS_ENOUGH
        while number < last and self._missing(number + 1)[self._key(cell)]:
            number += 1
        return number - self.round + 1

    # ── what is there ─────────────────────────────────────────────────────────────────────────

    def _adopt(self) -> None:
        """Take over the existing runs of this suite."""
        for folder in run_folders(self._data):
            self._add(folder)

    def _add(self, folder: Path) -> bool:
        """Count a run, if it is one of this suite."""
        key = self._key_of(folder)
        if key is None:
            return False
        record = read_run(folder)
        self._folders.append(folder)
        self._keys[record.id] = key
        if self._counts(record, key):
            self._done[record.round, key] += 1
            self._results[key][record.status == "ok"] += 1
        return True

    def _counts(self, record: Record, key: Key) -> bool:
        """Return whether a run counts; else it is repeated.

        It does not where the hosts' CPUs were moved meanwhile or, in the separate design, lay
        otherwise than in the other runs of its round.
        """
        number = record.round
        found = placement(record.summary.handover if record.summary else None)
        if not found or (self._interleaved and found != MOVED):
            return True
        if found != MOVED and self._places.setdefault(number, found) == found:
            return True
        self._moved[number, key] += 1
        return self._moved[number, key] > MOVED_AT_MOST

    def _key_of(self, folder: Path) -> Key | None:
        """Return what sets a run apart from the suite's others; None where it is none of them."""
        try:
            record = read_run(folder)
        except BadRun:
            return None
        key = self._key(vars(record.params))
        return key if record.suite == self.suite.name and key in self._wanted else None

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
        missing = self._missing(self.round).total()
        # A run with its own hostnetwork counts by itself, others count as a whole round.
        if not self._budget.fits(1 if self._interleaved else math.ceil(missing / suite.at_once)):
            return suite.reason(BUDGET)
        if self._done_in(self.round):
            return ""  # a round that was begun is finished first
        if len(self._given_up()) == len(self._wanted):
            return suite.reason(NOTHING)
        headway = self._headway()
        if suite.target and headway.half_width <= suite.target and headway.rounds >= FEWEST:
            return suite.reason(TARGET)
        if headway.rounds >= suite.rounds:
            return suite.reason(CAP)
        if self.round > 2 * suite.rounds + BROKEN_AT_MOST:  # two placements have rounds
            return suite.reason(BROKEN)
        return ""

    def _done_in(self, number: int) -> int:
        return sum(count for (round_, _), count in self._done.items() if round_ == number)

    def _headway(self) -> Headway:
        runs, groups = _split(self.runs(), self._bed)
        rounds = self.good()
        scheme, half = _least_known(groups) if self.suite.target else ("", np.inf)
        broken = broken_rounds(runs)
        last = broken[broken["round"].eq(runs["round"].max())]
        note = ""
        if len(last):
            note = f"round {last['round'].iloc[0]} is dropped: {last['scheme'].iloc[0]} failed"
        left = self._seconds_left(rounds, half)
        return Headway(rounds, scheme, half, self.suite.target, left, note)

    def _seconds_left(self, rounds: int, half: float) -> float:
        """Guess the time left: an interval shrinks with the root of the number of rounds."""
        suite = self.suite
        needed = float(suite.rounds)
        if suite.target and np.isfinite(half):
            needed = min(needed, rounds * (half / suite.target) ** 2)
        cells = len(self._wanted.keys() - self._known() - self._completed(SEEDS_ENOUGH + 1))
        return self._budget.left(max(0.0, needed - rounds) * cells / suite.at_once)


@once
def _split(runs: pd.DataFrame, bed: str) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return the runs of a bed, and those of each condition; the same tables each time."""
    own = runs[runs["bed"].eq(bed)]
    return own, [group for _, group in conditions(own)]


def _least_known(groups: list[pd.DataFrame]) -> tuple[str, float]:
    """Return the scheme whose loss is known least well at any point, and how well."""
    found = (widest(loss_table(group)) for group in groups)
    return max(found, key=lambda least: least[1], default=("", np.inf))

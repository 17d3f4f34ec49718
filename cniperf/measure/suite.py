"""The suite: rounds of all schemes in random order, each run through its notebook."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cniperf.beds.journal import sweep_dead
from cniperf.beds.lock import machine_lock
from cniperf.errors import BadRun, CniperfError
from cniperf.measure.run import check, record_failure
from cniperf.notebook import execute, warm_kernel
from cniperf.params import Experiment
from cniperf.report import Report, default_reports_dir, make_report
from cniperf.runs import default_data_dir, read_run


@dataclass(frozen=True)
class Outcome:
    """How one run of a suite ended.

    Attributes:
        scheme: what was measured.
        round: in which round.
        number: place among all runs of the suite, from 1.
        of: how many runs the suite has.
        gbps: the figure, or None where the run failed.
        error: why it failed, or an empty text.
        seconds_left: what the suite will still take, as far as it knows.
    """

    scheme: str
    round: int
    number: int
    of: int
    gbps: float | None
    error: str
    seconds_left: float

    def __str__(self) -> str:
        result = f"failed: {self.error}" if self.gbps is None else f"{self.gbps:6.2f} Gbit/s"
        left = f" · {_clock(self.seconds_left)} left" if self.number < self.of else ""
        place = f"[{self.number:{len(str(self.of))}}/{self.of}]"
        return f"{place} round {self.round} · {self.scheme:<14} {result}{left}"


@dataclass(frozen=True)
class Suite:
    """A finished suite: its name, how its runs ended, and its report."""

    name: str
    outcomes: tuple[Outcome, ...]
    report: Report


def run_suite(
    base: Experiment,
    schemes: Sequence[str],
    *,
    seed: int | None = None,
    tell: Callable[[Outcome], None] = print,
    out_dir: Path | None = None,
) -> Suite:
    """Measure schemes in rounds and write one report.

    A scheme that fails does not end the suite: it is kept as failed, with its reason.

    Args:
        base: parameters of every run; its ``rounds`` are the suite's, its ``scheme`` is ignored.
        schemes: what to measure.
        seed: of the order within each round; a random one if not given. The suite's name tells it.
        tell: called after each run.
        out_dir: folder for the report and the executed notebooks; ``reports/NAME`` if not given.

    Raises:
        NotAble, Busy: nothing can be measured now.
        CniperfError: no report could be written.
    """
    check(base)
    seed = random.randrange(10_000) if seed is None else seed
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = base.suite or f"suite-{stamp}-seed{seed}"
    data = (base.data_dir or default_data_dir()).resolve()
    out = (out_dir or default_reports_dir() / name).resolve()
    notebooks = _made(out / "notebooks")
    with (
        machine_lock(f"cniperf suite of {len(schemes)} schemes"),
        _swept(),
        warm_kernel() as kernel,
    ):
        runner = _Runner(base, name, data, notebooks, kernel)
        outcomes = tuple(runner.run(_order(schemes, base.rounds, seed), tell))
        report = make_report(data, out, suite=name, kernel=kernel)
    return Suite(name, outcomes, report)


@contextmanager
def _swept() -> Iterator[None]:
    """Leave no lab behind, however the kernel ended."""
    sweep_dead()
    try:
        yield
    finally:
        sweep_dead()


def _order(schemes: Sequence[str], rounds: int, seed: int) -> list[tuple[int, str]]:
    """Return (round, scheme) pairs: every scheme once a round, shuffled within it."""
    dice = random.Random(seed)
    return [
        (number, scheme)
        for number in range(1, rounds + 1)
        for scheme in dice.sample(list(schemes), len(schemes))
    ]


@dataclass(frozen=True)
class _Runner:
    """Runs of one suite, one after the other."""

    _base: Experiment
    _suite: str
    _data: Path
    _notebooks: Path
    _kernel: Any

    def run(
        self, order: Sequence[tuple[int, str]], tell: Callable[[Outcome], None]
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        began = time.monotonic()
        for number, (round_, scheme) in enumerate(order, 1):
            record = self._one(round_, scheme)
            each = (time.monotonic() - began) / number
            outcome = Outcome(
                scheme,
                round_,
                number,
                len(order),
                gbps=record["summary"]["gbps"] if record["status"] == "ok" else None,
                error=record.get("error", ""),
                seconds_left=each * (len(order) - number),
            )
            outcomes.append(outcome)
            tell(outcome)
        return outcomes

    def _one(self, round_: int, scheme: str) -> dict[str, Any]:
        """Measure once and return the run's record, of a failure too."""
        experiment = self._base.model_copy(
            update={"scheme": scheme, "suite": self._suite, "first_round": round_, "rounds": 1,
                    "data_dir": self._data}
        )  # fmt: skip
        reason = "its notebook left no run"
        try:
            execute(
                "run_scheme",
                self._notebooks / f"round-{round_}-{scheme}.ipynb",
                experiment.model_dump(mode="json"),
                self._kernel,
            )
        except CniperfError as problem:
            reason = str(problem)
        return self._find(round_, scheme) or read_run(record_failure(experiment, reason))

    def _find(self, round_: int, scheme: str) -> dict[str, Any] | None:
        for folder in sorted(self._data.glob(f"[0-9]*-{scheme}-*"), reverse=True):
            try:
                record = read_run(folder)
            except BadRun:
                continue
            if (record["suite"], record["round"]) == (self._suite, round_):
                return record
        return None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise CniperfError(f"cannot write to {folder}: {problem.strerror}") from None
    return folder


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

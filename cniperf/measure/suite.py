"""The suite: randomised complete blocks, each run through its notebook, up to a target."""

import secrets
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.claims import CLAIMS
from cniperf.beds.awake import kept_awake
from cniperf.beds.journal import sweep_dead
from cniperf.delivery import Delivery
from cniperf.errors import CannotWrite, ParameterError, Stopped
from cniperf.language import known
from cniperf.measure.kernels import Kernels
from cniperf.measure.progress import counted
from cniperf.measure.rounds import Rounds, at_once
from cniperf.measure.run import check, lock
from cniperf.modes import MODES
from cniperf.params import Experiment
from cniperf.places import real, require_folder
from cniperf.report import Report, default_reports_dir, make_report
from cniperf.runs import default_data_dir
from cniperf.suites import Cell, Suite, read_suite, suite_file

NEEDED = ("bed", "nic", "mtu", "duration", "omit")  # parameters that a suite's rounds ask for


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


def scheme_cells(
    schemes: Sequence[str],
    between: Sequence[str] = (),
    *,
    design: str = "separate",
    alone: Mapping[str, Cell] = MappingProxyType({}),
) -> list[Cell]:
    """Return the cells of a comparison of schemes, with hostnetwork against itself as a control.

    Args:
        schemes: their names.
        between: pairs of hosts, each of which measures them all; none for the bed's own two.
        design: in the separate one hostnetwork runs twice a round; in the interleaved one each
            run has its own hostnetwork, also the run of hostnetwork.
        alone: schemes that cannot take turns, with the parameters of their separate runs.
    """
    others = [name for name in schemes if name != BASELINE]
    base = [BASELINE] if design == "interleaved" else [BASELINE, BASELINE]
    cells = [{"scheme": name} for name in (*base, *others) if name not in alone]
    for parameters in list(alone.values())[:1]:
        cells += [{"scheme": name, **parameters} for name in (BASELINE, BASELINE, *alone)]
    return [{**cell, "between": pair} for pair in between for cell in cells] or cells


def completing_cells(
    base: Experiment, bed: str, lacking: Sequence[str], given: Mapping[str, Any]
) -> list[Cell]:
    """Return the cells that complete a suite by schemes that its own bed does not carry.

    Another bed measures these, hostnetwork, and those that the article compares them with.

    Args:
        base: parameters of the suite's runs.
        bed: the other one.
        lacking: the schemes.
        given: requested parameters.

    Returns:
        No cell where that bed does not support such a load.
    """
    claimed = [(claim.scheme, claim.relative_to) for claim in CLAIMS]
    compared = [name for pair in claimed if set(pair) & set(lacking) for name in pair]
    shared, found = base.model_dump(mode="json"), list[Cell]()
    for scheme in dict.fromkeys([BASELINE, *compared, *lacking]):
        try:
            own = Experiment.of(**{**given, "scheme": scheme, "bed": bed})
        except ParameterError:
            return []
        told = own.model_dump(mode="json").items()
        found.append({name: value for name, value in told
                      if name == "scheme" or shared[name] != value})  # fmt: skip
    return found


def robust_cells(
    schemes: Sequence[str], robust: Mapping[str, Sequence[Any]], given: Collection[str]
) -> list[Cell]:
    """Return the cells of a comparison at several values of what a bed's figures hang on.

    hostnetwork is measured once a round: with the same seed it would come out the same.

    Args:
        schemes: their names.
        robust: the parameters and their values; see :class:`cniperf.beds.kind.Kind`.
        given: parameters that are not to be varied.
    """
    vary = {name: values for name, values in robust.items() if name not in given}
    points = [dict(zip(vary, values, strict=True)) for values in product(*vary.values())]
    return [{"scheme": name, **point} for point in points for name in schemes]


def resumable(data_dir: Path | None, name: str) -> Suite:
    """Return a suite that was interrupted.

    Raises:
        ParameterError: there is no such suite, it has ended, or it measures nothing that can be.
    """
    suite = read_suite(data_dir or default_data_dir(), name)
    if suite.ended:
        raise ParameterError(f"suite {name} has ended ({suite.ended}): start another")
    if not suite.cells:
        raise ParameterError(f"suite {name} measures nothing: start another")
    if lacks := [name for name in NEEDED if name not in suite.params]:
        raise ParameterError(f"suite {name} has no {', '.join(lacks)} in params: start another")
    for cell in suite.cells:
        Experiment.of(**{**suite.params, **cell})
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
    """Measure in rounds until every loss is precise enough, and write one report.

    Each round measures every cell once, on freshly built labs, in random order. A round that a
    failure broke is dropped whole and repeated. A scheme that fails twice and never has a figure
    is left out from then on, and the report names it. A suite that was interrupted continues
    where it stopped: finished runs are not repeated.

    All runs of a round are made with the hosts' CPUs in one placement: with a common cache, or
    without. Where a hypervisor moves them, that round waits and another one continues.

    Args:
        suite: from :func:`new_suite` or :func:`resumable`.
        data_dir: where runs are left; the project's ``data/`` if not given.
        out_dir: folder for the report and the executed notebooks; ``reports/NAME`` if not given.
        tell: called with an :class:`Outcome` after each run, a :class:`Headway` after a round.
        report: False to leave the report out.
        lang: the report's language.

    Raises:
        NotAble, Busy: nothing can be measured now.
        ParameterError: another suite has this name, or there is no such language.
        CniperfError: no report could be written.
    """
    known(lang)
    data, out = real(data_dir or default_data_dir()), real(out_dir or _reports(suite.name))
    if suite_file(data, suite.name).exists() and read_suite(data, suite.name) != suite:
        raise ParameterError(
            f"there is another suite {suite.name} in {data}: resume it, or take another name"
        )
    notebooks = out / "notebooks"
    for folder in (suite_file(data, suite.name).parent, notebooks):
        require_folder(folder)
    if report:
        Delivery(out).check(("html", "pdf"))
    asked = Experiment.of(**suite.params)
    check(asked)
    with (
        lock(asked, f"cniperf suite {suite.name}"),
        _swept(),
        kept_awake(MODES[asked.mode].waits),
        Kernels(max(at_once(suite, bed) for bed in suite.beds())) as kernels,
    ):
        suite.save(data)  # a rejected suite has written nothing
        _make(notebooks)
        rounds = Rounds(suite, data, notebooks, kernels, tell)
        try:
            suite = suite.end(rounds.run())
        except (Stopped, KeyboardInterrupt):
            again = _resume(suite.name, data_dir, out_dir, lang)
            tell(f"stopped in round {rounds.round}; to continue: {again}")
            raise
        suite.save(data)
        good = rounds.good()
        verb = "counts" if good == 1 else "count"
        tell(f"── {counted(good)} {verb}. Ended by {suite.ended}.")
        made = None
        if report:
            made = make_report(data, out, suite=suite.name, kernel=kernels.first, lang=lang)
    return Done(suite, rounds.runs(), made)


def _reports(name: str) -> Path:
    return default_reports_dir() / name


def _resume(name: str, data_dir: Path | str | None, out_dir: Path | None, lang: str) -> str:
    """Return the command that continues a suite, ready to paste into a shell."""
    other = None if lang == "en" else lang
    options = {"--data-dir": data_dir, "--out-dir": out_dir, "--lang": other}
    where = [word for option, value in options.items() if value for word in (option, str(value))]
    return shlex.join(["cniperf", "suite", "--resume", name, *where])


@contextmanager
def _swept() -> Iterator[None]:
    """Leave no lab behind, however the kernel ended."""
    sweep_dead()
    try:
        yield
    finally:
        sweep_dead()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise CannotWrite(f"cannot write to {folder}: {problem.strerror}") from None

"""How the options of a command line become a suite or a sweep."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cniperf.cli.options import experiment_of, flag, listed, merged, number, seconds, whole
from cniperf.errors import ParameterError

if TYPE_CHECKING:
    from cniperf.params import Experiment
    from cniperf.suites import Suite

# When a suite ends.
UNTIL = {"target": 1.0, "rounds": 100, "budget": "15m", "at_once": 1}


def suite_of(
    schemes: list[str] | None, settings: Path | None, data_dir: Path | None, options: dict[str, Any]
) -> "Suite":
    """Return the suite that the options describe."""
    from cniperf.beds import find as find_bed
    from cniperf.measure.suite import robust_cells, scheme_cells
    from cniperf.schemes import BASELINE, find

    given = merged(settings, {}, options)
    kind = find_bed(str(given.get("bed", "lab")))
    usual = kind.usual if schemes else kind.carried()
    chosen = {find(name).name for name in (*(schemes or usual), BASELINE)}
    names = sorted(chosen, key=lambda name: find(name).order)
    known = {**UNTIL, **kind.suite, **given}
    equal = flag("equal_load", known.pop("equal_load", False))
    at_once = whole("at_once", known.pop("at_once"), 1, 64)
    until = {**_until(known), "at_once": at_once}
    base = _short(known)
    pairs = _pairs_of(base)
    if at_once > 1 and len(pairs) < 2 and not kind.aside:
        raise ParameterError(f"at_once={at_once} is not allowed: more than 1 needs several pairs "
                             "of hosts (bed ssh, and a hosts file with more than two) or "
                             "--bed counted")  # fmt: skip
    if equal:
        base = _short({**known, "rate": _paced(base, names, data_dir)})
    if kind.robust:
        return _new(base, robust_cells(names, kind.robust, known), until)
    alone = _alone(base, names, pairs, known) if base.design == "interleaved" else {}
    cells = scheme_cells(names, pairs, design=base.design, alone=alone)
    if lacking := [] if schemes else [name for name in kind.usual if name not in names]:
        cells += _completing(base, kind.completed_by, lacking, given)
    return _new(base, cells, until)


def _completing(
    base: "Experiment", bed: str, lacking: list[str], given: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the cells by which another bed completes a suite, and report it."""
    from cniperf.measure.suite import completing_cells

    own = {name: value for name, value in given.items()
           if name in type(base).model_fields and name not in ("rounds", "suite")}  # fmt: skip
    cells = completing_cells(base, bed, lacking, {**own, "rate": base.rate})
    how = f"bed {bed} measures them" if cells else f"bed {bed} cannot measure such a load"
    typer.echo(f"this kernel does not carry {' and '.join(lacking)}: {how}")
    return cells


def _alone(
    base: "Experiment", names: list[str], pairs: list[str], known: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return each scheme that cannot take turns, with the parameters of its separate runs."""
    rest = {name: value for name, value in known.items() if name not in ("design", "slice")}
    found = {}
    for name in names:
        if reason := base.alone(name, pairs):
            typer.echo(f"{name} and hostnetwork have separate runs, not turns: {reason}")
            own = _short({**rest, "scheme": name, "design": "separate"})
            found[name] = own.model_dump(include={"design", "slice", "duration", "omit"})
    return found


def _short(known: dict[str, Any]) -> "Experiment":
    """Return the experiment of a suite: by default one second of a separate run counts."""
    base = experiment_of(known)
    if base.design == "separate" and "duration" not in known:
        return experiment_of({**known, "duration": 1})
    return base


def _pairs_of(base: "Experiment") -> list[str]:
    """Return the pairs of hosts that a suite measures: all of the file, or the one named."""
    from cniperf.inventory import read_inventory

    if base.hosts is None or base.between:
        return []
    return read_inventory(base.hosts).all_pairs()


def _paced(base: "Experiment", names: list[str], data_dir: Path | None) -> float:
    """Return a rate that every scheme can carry, in Gbit/s."""
    from cniperf.measure.equal_load import common_rate

    if base.rate or base.mode != "stream":
        raise ParameterError("--equal-load does not go with --rate or --mode: it sets the rate of "
                             "TCP streams; leave both out")  # fmt: skip
    return common_rate(base, names, data_dir, typer.echo)


def sweep_of(settings: Path | None, options: dict[str, Any]) -> "Suite":
    """Return the sweep that the options describe."""
    from cniperf.measure.sweep import read_vary, sweep_cells
    from cniperf.schemes import ARTICLE, find

    known = merged(settings, {"target": 1.0, "rounds": 8, "budget": "0"}, options)
    vary, chosen = known.pop("vary", None), known.pop("schemes", None)
    if not vary:
        raise ParameterError("a sweep needs a parameter to vary: --vary mtu=1450,1500,9000")
    points = vary if isinstance(vary, dict) else read_vary(listed("vary", [*vary]))
    if chosen is None:
        chosen = [name for name in ARTICLE if not find(name).ovs]
    names = [find(name).name for name in listed("schemes", chosen)]
    single = flag("one_at_a_time", known.pop("one_at_a_time", False))
    until = _until(known)
    base = _short(known)
    return _new(base, sweep_cells(base, names, points, one_at_a_time=single), until, list(points))


def _until(known: dict[str, Any]) -> dict[str, Any]:
    """Remove the options that limit a suite from the others, and return their values."""
    target, rounds, budget, seed = (
        known.pop(name, None) for name in ("target", "rounds", "budget", "seed")
    )
    return {
        "target": number("target", target, 0, 100) / 100,
        "rounds": whole("rounds", rounds, 1, 10_000),
        "budget": seconds(str(budget)),
        "seed": None if seed is None else whole("seed", seed, -(2**63), 2**63 - 1),
    }


def _new(
    base: "Experiment", cells: list[Any], until: dict[str, Any], vary: list[str] | None = None
) -> "Suite":
    from cniperf.measure.suite import new_suite

    return new_suite(base, cells, vary=vary or (), **until)


def resumed(resume: str | None, others: list[object], data_dir: Path | None) -> "Suite | None":
    """Return the suite to continue, if one is named. It takes no other option."""
    from cniperf.measure.suite import resumable

    if not resume:
        return None
    if any(value not in (None, []) for value in others):
        raise ParameterError("--resume continues a suite with its own options: give no other "
                             "option than --data-dir, --out-dir and --lang")  # fmt: skip
    return resumable(data_dir, resume)

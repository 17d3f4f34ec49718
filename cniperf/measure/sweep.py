"""A sweep: one or more parameters take several values, and every scheme is measured at each."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from cniperf.analysis.blocks import BASELINE
from cniperf.errors import ParameterError, shown, unknown
from cniperf.params import Experiment
from cniperf.suites import Cell

# What a sweep may vary. The others name a run's purpose, or its folder.
VARIABLES = ("ip", "mtu", "length", "window", "streams", "pairs", "congestion", "nic", "direction",
             "rate", "gro", "udpcsum")  # fmt: skip

Vary = Mapping[str, Sequence[Any]]


def sweep_points(vary: Vary, *, one_at_a_time: bool = False) -> list[Cell]:
    """Return the points of a sweep, the first one being the first value of each variable.

    Args:
        vary: values by the name of the variable.
        one_at_a_time: change one variable from the first point at a time, instead of the full
            grid.
    """
    names = list(vary)
    if not one_at_a_time:
        grid = itertools.product(*(vary[name] for name in names))
        return [dict(zip(names, values, strict=True)) for values in grid]
    first = {name: vary[name][0] for name in names}
    return [first, *({**first, name: value} for name in names for value in vary[name][1:])]


def sweep_cells(
    base: Experiment, schemes: Sequence[str], vary: Vary, *, one_at_a_time: bool = False
) -> list[Cell]:
    """Return the cells of a sweep: hostnetwork and every scheme at each point.

    At the first point hostnetwork is measured twice a round, as the A/A control.

    Raises:
        ParameterError: a variable is unknown or has no value, or a point is not possible.
    """
    for name, values in vary.items():
        if name not in VARIABLES:
            raise ParameterError(unknown("variable", name, VARIABLES))
        if not isinstance(values, list | tuple):
            raise ParameterError(f"vary {name}={shown(values)} is not allowed: a list of values")
        if not values or len(set(map(str, values))) < len(values):
            raise ParameterError(
                f"vary {name}={shown(values)} is not allowed: different values, one at least"
            )
    others = [name for name in schemes if name != BASELINE]
    cells = []
    for number, point in enumerate(sweep_points(vary, one_at_a_time=one_at_a_time)):
        for scheme in (BASELINE, *([BASELINE] if not number else []), *others):
            made = Experiment.of(**{**base.model_dump(exclude_none=True), **point,
                                    "scheme": scheme})  # fmt: skip
            cells.append({"scheme": scheme, **{name: getattr(made, name) for name in point}})
    return cells


def read_vary(words: Sequence[str]) -> dict[str, list[str]]:
    """Read variables as the command line has them: ``mtu=1450,1500``.

    Raises:
        ParameterError: no such form, or a variable twice.
    """
    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, values = word.partition("=")
        if not equals or not name or name in found:
            raise ParameterError(f"--vary {shown(word)} is not allowed: each variable once, as "
                                 "mtu=1450,1500,9000")  # fmt: skip
        found[name] = [value.strip() for value in values.split(",")]
    return found

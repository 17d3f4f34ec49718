"""Suites on disk: what a suite is to measure and how it ended, one file each.

``data/suites/NAME.json`` is what an interrupted suite continues from, and what a report
reads of the suite. This module needs neither root nor Linux.
"""

import json
import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from cniperf import files
from cniperf.archive import shelf
from cniperf.errors import CannotWrite, ParameterError, shown, unknown
from cniperf.foreign import LINE, Amount, Foreign, Name, Said
from cniperf.language import N_, _
from cniperf.record import LARGEST_CONFIG
from cniperf.runs import BEFORE

FORMAT = 1

# Why a suite ends, in terms of its own settings.
BUDGET = N_("the budget of {budget}")
TARGET = N_("the target: every loss is precise to ±{target:g} points")
CAP = N_("the cap of {rounds} rounds")
NOTHING = N_("failure: nothing here can be measured")
BROKEN = N_("failure: too many rounds were broken")
REASONS = (BUDGET, TARGET, CAP, NOTHING, BROKEN)

Cell = dict[str, Any]
Text = Annotated[str, StringConstraints(pattern=LINE, max_length=LARGEST_CONFIG)]
Value = bool | Annotated[int, Field(ge=-(10**12), le=10**12)] | Amount | Text | None

# Parameters of its runs that a suite gives itself.
GIVEN = {"suite", "first_round", "rounds", "data_dir"}

NAMED = r"[A-Za-z0-9_.-]{1,200}"

# Parameters that a command always names, and those that are no option of it.
SAID = ("design", "nic", "mtu", "duration", "omit", "congestion")
UNSAID = {"bed": "lab", "namespace_prefix": "cniperf"}


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What a suite measures, when it stops, and how it ended.

    Attributes:
        name: the suite's name, which each of its runs carries.
        seed: of the order within each round.
        cells: what a round measures: parameters that differ from ``params``, as
            ``{"scheme": "macvlan"}``. A cell that stands here twice is measured twice a round.
        params: parameters that all runs share.
        vary: the parameters that a sweep varies; empty where the suite is none.
        target: half of the interval's width, as a fraction, at which a loss is known well
            enough; 0 to continue until a cap.
        rounds: cap on the rounds that count.
        budget: cap on the time, in seconds, the report included; 0 for none.
        at_once: how many runs are made at once: of pairs of hosts, or of guests that count.
        ended: why the suite stopped; empty while it has not.
    """

    name: str
    seed: int
    cells: tuple[Cell, ...]
    params: dict[str, Any] = field(default_factory=dict)
    vary: tuple[str, ...] = ()
    target: float = 0.01
    rounds: int = 100
    budget: float = 0.0
    at_once: int = 1
    ended: str = ""

    def save(self, data_dir: Path) -> None:
        """Write the suite's file, whole or not at all.

        Raises:
            ParameterError: it could not be read again.
            CannotWrite: the folder cannot be written.
        """
        file = suite_file(data_dir, self.name)
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"
        try:
            SuiteFile.of(json.loads(text))
        except ValueError as problem:
            raise ParameterError(f"suite {shown(self.name)} cannot be: {problem}") from None
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with files.whole(file) as draft:
                draft.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise CannotWrite(f"cannot write to {file.parent}: {problem.strerror}") from None

    def command(self) -> str:
        """Return the command that measures the like on another machine, in the same order.

        It can be pasted into a shell unchanged.
        """
        schemes = dict.fromkeys(str(cell["scheme"]) for cell in self.cells)
        if any("bed" in cell for cell in self.cells):
            schemes = {}  # what this machine's kernel carries, and what completes it
        if not self.vary and any("udpcsum" in cell for cell in self.cells):
            given = {"rounds": self.rounds, "duration": self.params.get("duration", 1),
                     "omit": self.params.get("omit", 1), "seed": self.seed}  # fmt: skip
            words = [word for name, value in given.items() for word in ("-p", name, str(value))]
            return shlex.join(["papermill", "why_vxlan.ipynb", "out.ipynb", *words])
        words = ["cniperf", "suite", *schemes]
        if self.vary:
            words = ["cniperf", "sweep", "--schemes", ",".join(schemes)]
            words += [word for name in self.vary for word in ("--vary", self._values(name))]
            if len(self.points()) < math.prod(len(self.values(name)) for name in self.vary):
                words.append("--one-at-a-time")
        until = {"seed": self.seed, "rounds": self.rounds, "target": f"{100 * self.target:g}",
                 "budget": f"{self.budget:.0f}s" if self.budget else "0"}  # fmt: skip
        words += [word for name, value in until.items() for word in (f"--{name}", str(value))]
        words += ["--at-once", str(self.at_once)] if self.at_once > 1 else []
        for name, value in {"design": BEFORE["design"], **self.params}.items():
            if name in SAID or (value and value != {**BEFORE, **UNSAID}.get(name)):
                option = f"--{name.replace('_', '-')}"
                words += [option] if value is True else [option, str(value)]
        return shlex.join(words)

    def beds(self) -> list[str]:
        """Return the beds of its cells, its own first."""
        own = str(self.params.get("bed", UNSAID["bed"]))
        return list(dict.fromkeys([own, *(str(cell.get("bed", own)) for cell in self.cells)]))

    def points(self) -> list[Cell]:
        """Return the points of a sweep: the values of what it varies, each combination once."""
        points = ({name: cell.get(name) for name in self.vary} for cell in self.cells)
        return list({str(point): point for point in points}.values())

    def values(self, name: str) -> list[Any]:
        """Return the values that a sweep gives a parameter, in its order."""
        return list(dict.fromkeys(cell[name] for cell in self.cells if name in cell))

    def _values(self, name: str) -> str:
        return f"{name}={','.join(map(str, self.values(name)))}"

    def reason(self, words: str) -> str:
        """Return one of :data:`REASONS`, or a translation of it, with this suite's settings."""
        return words.format(budget=clock(self.budget), target=100 * self.target, rounds=self.rounds)

    @property
    def ended_by(self) -> str:
        """Why it stopped, in the reader's language; another reason than ours stays as it is."""
        if not self.ended:
            return _("it was interrupted")
        for words in REASONS:
            if self.ended == self.reason(words):
                return self.reason(_(words))
        return self.ended

    def end(self, reason: str) -> "Suite":
        """Return the suite as one that stopped for this reason."""
        return replace(self, ended=reason)


class SuiteFile(Foreign):
    """The contents of a suite's file: the fields of :class:`Suite`, each of its type and range."""

    format: Literal[1]
    name: Name
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    cells: Annotated[list[dict[Name, Value]], Field(max_length=100_000)]
    params: dict[Name, Value] = Field(default_factory=dict)
    vary: list[Name] = Field(default_factory=list)
    target: Annotated[float, Field(ge=0, le=1)] = 0.01
    rounds: Annotated[int, Field(ge=1, le=10**6)] = 100
    budget: Amount = 0.0
    at_once: Annotated[int, Field(ge=1, le=1000)] = 1
    ended: Said = ""

    @model_validator(mode="after")
    def _cells_have_schemes(self) -> "SuiteFile":
        if not all(isinstance(cell.get("scheme"), str) and cell["scheme"] for cell in self.cells):
            raise ValueError("a cell has no scheme")
        return self

    @model_validator(mode="after")
    def _leaves_to_the_suite_what_it_gives(self) -> "SuiteFile":
        for place, taken in (("params", GIVEN | {"scheme"}), ("cells", GIVEN)):
            found = [self.params] if place == "params" else self.cells
            if twice := sorted(taken & set().union(*found)):
                raise ValueError(f"{place} has {twice[0]}, which a suite gives its runs itself")
        return self

    def suite(self) -> Suite:
        """Return the suite."""
        found = self.model_dump(exclude={"format"})
        return Suite(**{**found, "cells": tuple(self.cells), "vary": tuple(self.vary)})


def read_suite(data_dir: Path, name: str) -> Suite:
    """Read a suite's file.

    Raises:
        ParameterError: there is no such suite, or its file is broken.
    """
    file = suite_file(data_dir, name)
    try:
        if not re.fullmatch(NAMED, name):
            raise FileNotFoundError
        if not file.exists():
            file = suite_file(shelf(data_dir), name)
        found = SuiteFile.of(files.read_json(file))
        if found.name != name:
            raise ValueError(f"it is of a suite {found.name}")
    except FileNotFoundError:
        raise ParameterError(unknown("suite", name, suite_names(data_dir))) from None
    except (OSError, ValueError) as problem:
        raise ParameterError(f"{file} is broken ({files.reason(problem)})") from None
    return found.suite()


def clock(seconds: float) -> str:
    """Return a time for people, as 1 min 05 s."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def suite_names(data_dir: Path) -> Sequence[str]:
    """Return the names of the suites in a folder of runs, oldest first."""
    folders = {data_dir, shelf(data_dir)}
    return sorted(file.stem for each in folders for file in (each / "suites").glob("*.json"))


def suite_file(data_dir: Path, name: str) -> Path:
    """Return where a suite's file is."""
    return data_dir / "suites" / f"{name}.json"

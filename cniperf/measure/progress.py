"""What a run and a suite report about their progress."""

from collections.abc import Callable
from dataclasses import dataclass

from cniperf.suites import Cell, clock


@dataclass(frozen=True)
class Moment:
    """One thing that happened; ``str()`` is a line for people.

    Attributes:
        scheme: the scheme at work.
        round: number of the round.
        stage: ``wire``, ``prove``, ``load``, ``done`` or ``failed``.
        text: the report.
    """

    scheme: str
    round: int
    stage: str
    text: str

    def __str__(self) -> str:
        return f"{self.scheme} round {self.round} · {self.text}"


Progress = Callable[[Moment], None]


def say(moment: Moment) -> None:
    """Print a moment as a line, as a notebook shows it."""
    print(moment, flush=True)


@dataclass(frozen=True)
class Outcome:
    """How one run of a suite ended; ``str()`` is a line for people.

    Attributes:
        cell: what was measured: the parameters that set it apart.
        round: in which round.
        number: its place in the round, from 1.
        of: how many runs the round has.
        figure: with its unit, or an empty text where the run failed.
        error: why it failed, or an empty text.
        flags: kinds of the flags it has, commas between.
    """

    cell: Cell
    round: int
    number: int
    of: int
    figure: str
    error: str = ""
    flags: str = ""

    def __str__(self) -> str:
        result = f"{self.figure:>12}" if self.figure else f"failed: {self.error}"
        place = f"round {self.round} · {self.number:{len(str(self.of))}}/{self.of}"
        flags = f"   look: {self.flags}" if self.flags else ""
        return f"{place} · {label(self.cell):<14} {result}{flags}"


@dataclass(frozen=True)
class Headway:
    """A suite's results after a round; ``str()`` is a line for people.

    Attributes:
        rounds: how many rounds count so far.
        scheme: whose loss is known least well, or an empty text where that is not known yet.
        half_width: half of its interval's width, as a fraction.
        target: the target for that, as a fraction; 0 for none.
        seconds_left: an estimate of the suite's remaining time.
        note: what happened to the round, where it does not count.
    """

    rounds: int
    scheme: str
    half_width: float
    target: float
    seconds_left: float
    note: str = ""

    def __str__(self) -> str:
        parts = [self.note or counted(self.rounds)]
        if self.scheme:
            parts.append(f"least precise: {self.scheme}, ±{100 * self.half_width:.1f} points")
            if self.target:
                parts.append(f"target: ±{100 * self.target:.1f}")
        parts.append(f"about {clock(self.seconds_left)} left")
        return f"── {' · '.join(parts)}"


def counted(rounds: int) -> str:
    """Return a number of rounds in words."""
    return "1 round" if rounds == 1 else f"{rounds} rounds"


def label(cell: Cell) -> str:
    """Return a cell's name for people: its scheme, and what else sets it apart."""
    unsaid = {"scheme"}
    if "design" in cell:
        unsaid |= {"slice", "duration", "omit"}
    if "bed" in cell:
        unsaid |= {"design"}
    rest = [f"{name}={value}" for name, value in cell.items() if name not in unsaid]
    return " ".join([str(cell.get("scheme", "")), *rest]).strip()

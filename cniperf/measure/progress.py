"""What a run says of itself while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """One thing that happened; ``str()`` is a line for people.

    Attributes:
        scheme: the scheme at work.
        round: number of the round.
        stage: ``wire``, ``load``, ``done`` or ``failed``.
        text: what there is to say.
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

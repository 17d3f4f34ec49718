"""The rounds of an experiment on bed ``counted``: one guest measures them all."""

from pathlib import Path
from typing import TYPE_CHECKING

from cniperf.beds.counted.figures import summary
from cniperf.beds.counted.guest import Counting, FailedInside, Told

if TYPE_CHECKING:
    from cniperf.beds.kind import Round
    from cniperf.params import Experiment


class Rounds:
    """The rounds; the first that is to leave a run boots the guest."""

    def __init__(self, asked: "Experiment") -> None:
        self._asked = asked
        self._told: Told | None = None

    def leave(self, round_: "Round") -> Path:
        """Leave a round as a run; return its folder.

        Raises:
            FailedInside: the guest reported a failure, and no figure of this round.
        """
        told = self._told = self._told or self._measured(round_)
        found, load = told.found, told.loads.get(round_.number)
        round_.note(environment=told.environment, bed={**told.facts, "seed": round_.number})
        if load is None:
            raise FailedInside(told)
        with round_.draft() as draft:
            for name, script in found["scripts"].items():
                draft.write(f"host-{name}.sh", script)
            draft.write_json("evidence.json", found["evidence"])
            for name, text in load["files"].items():
                draft.write(name, text)
            return round_.finish(draft, summary(self._asked.traffic, draft.path, found, load))

    def _measured(self, round_: "Round") -> Told:
        with Counting() as guest:
            return guest.measure(self._asked, lambda text: round_.announce("prove", text))

"""``counted``: a guest whose clock counts instructions, with the whole lab in it."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cniperf.beds.bottle.kind import GuestKind
from cniperf.beds.kind import Round
from cniperf.errors import ParameterError

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.params import Experiment


class CountedKind(GuestKind):
    """See :mod:`cniperf.beds.counted.guest`."""

    name = "counted"
    order = 4
    summary = "instructions a byte, in one guest"
    building = "booting a guest"
    aside = True
    own = ("erms",)
    ips = (4, 6)
    # Each round is another seed, and nothing is gained by more. What a count hangs on, beside the
    # scheme, is varied: see what of it is robust.
    suite = MappingProxyType({"target": 0.0, "rounds": 3, "budget": "0",
                              "at_once": len(os.sched_getaffinity(0))})  # fmt: skip
    robust = MappingProxyType({"nic": ("virtio", "offload"), "erms": (False, True)})

    def defaults(self) -> Mapping[str, Any]:
        """A virtual second is 10⁹ instructions, which take seven real ones."""
        return {"duration": 1, "omit": 0}

    def refusal(self, asked: "Experiment") -> str:
        """Its clock counts instructions only while one pair keeps the CPU busy."""
        for name in ("mode", "pairs", "rate"):
            if getattr(asked, name) != type(asked).model_fields[name].default:
                return (
                    f"{name}={getattr(asked, name)!r} does not go with bed='counted', whose clock "
                    "counts instructions only while one pair keeps its CPU busy: leave it out"
                )
        if asked.generator != "iperf3":
            return f"generator={asked.generator!r} does not go with bed='counted': iperf3 does"
        return ""

    def open(self, asked: "Experiment") -> "Bed":
        """Refuse: it measures by itself, in one go."""
        raise ParameterError(
            "bed='counted' has no hosts for this: use bed='vm', which has the same kernel"
        )

    def measure(self, round_: Round) -> Path:
        """Let a guest measure by itself, and leave what it reported."""
        from cniperf.beds.counted.figures import summary
        from cniperf.beds.counted.guest import Counting, FailedInside

        with round_.draft() as draft, Counting() as guest:
            guest.keep(draft.path)
            told = guest.measure(
                round_.experiment, round_.number, lambda text: round_.announce("prove", text)
            )
            found = told.found
            round_.note(environment=told.environment, bed=told.facts)
            if "error" in found:
                raise FailedInside(told)
            for name, script in found["scripts"].items():
                draft.write(f"host-{name}.sh", script)
            draft.write_json("evidence.json", found["evidence"])
            for name, text in found["files"].items():
                draft.write(name, text)
            return round_.finish(draft, summary(round_.experiment.traffic, draft.path, found))


BED = CountedKind()

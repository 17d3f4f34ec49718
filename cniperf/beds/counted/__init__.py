"""``counted``: a guest whose clock counts instructions, with the whole lab in it."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
    in_one = True
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
        """Fail: it measures by itself, in one go."""
        raise ParameterError(
            "bed='counted' has no hosts for this: use bed='vm', which has the same kernel"
        )

    @contextmanager
    def measuring(self, asked: "Experiment") -> Iterator[Callable[[Round], Path]]:
        """Yield what leaves the rounds that one guest measures, all of them, at the first."""
        from cniperf.beds.counted.rounds import Rounds

        yield Rounds(asked).leave


BED = CountedKind()

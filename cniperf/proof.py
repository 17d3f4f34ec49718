"""The contents of ``evidence.json``, as a model; :mod:`cniperf.measure.evidence` writes it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cniperf.foreign import Count, Foreign, Line, Name, Said

Address = Annotated[str, Field(max_length=100, pattern=r"^[0-9A-Za-z.:/-]*\z")]


class Ways(Foreign):
    """Packets of the way there and of the way back."""

    there: Count
    back: Count


class Point(Foreign):
    """A hop, and what was counted there."""

    place: Literal["pod-a", "a", "wire", "b", "pod-b"]
    name: Line
    kind: Literal["device", "hook", "flow"]
    wants: Literal["all", "none", "any", "there", "back"]
    wrapped: bool
    encapsulation: Line | None = None
    translated: Literal["", "there", "back", "both"] = ""
    there: Count | None
    back: Count | None
    size: Count | None = None


class Policy(Foreign):
    """What a drop rule in host a's forward hook did."""

    sent: Count
    dropped: Count
    arrived: Count


class Proof(Foreign):
    """Which way the packets of a probe went."""

    scheme: Name
    packets: Count
    payload: Count
    arrived: Ways
    hops: Annotated[list[Point], Field(max_length=1000)]
    senders: list[Annotated[list[Address], Field(min_length=2, max_length=2)]]
    macs: dict[Line, Address]
    pods: dict[Line, Address]
    policy: Policy | None
    problem: Said
    ip: Literal[4, 6] = 4
    counted_by: Literal["rules", "sockets", "devices"] = "rules"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Reject a proof with gaps."""
        if self.counted_by == "devices":  # they are where they are, and hooks have no counters
            return self
        if not any(hop.place == "a" for hop in self.hops):
            raise ValueError("it has no hop of host a")
        if not self.problem and not self.policy:
            raise ValueError("it is proven but has no policy")
        if not self.problem and ("a", "forward") not in {(h.place, h.name) for h in self.hops}:
            raise ValueError("it is proven but has no forward hook of host a")
        return self

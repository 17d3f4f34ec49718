"""The highest datagram rate within a bound of loss: doubled until it fails, then halved between.

After RFC 2544, section 26.1, with one difference: a rate that fails is tried a second time, as
the machine itself may stall for longer than any buffer lasts.
"""

from collections.abc import Callable
from typing import Any, Protocol

from cniperf.errors import MeasurementFailed

FIRST = 20_000  # datagrams a second that the search begins with
LEAST = 500  # below which nothing is searched
CLOSE = 1.04  # the bounds of the rate, one by the other, where the search ends
KEPT = 0.95  # of the requested rate: less, and the sender is the limit
STEP_BACK = 0.95  # of a rate that fails within the whole duration

Summary = dict[str, Any]


class Attempt(Protocol):
    """Send so many datagrams a second: for a second, or for the whole duration to confirm."""

    def __call__(self, datagrams: float, *, confirm: bool) -> Summary:
        """Return the load's summary."""


def highest_rate(attempt: Attempt, *, bound: float) -> Summary:
    """Search the highest rate whose loss stays within a bound.

    Args:
        attempt: loads the path; its summary must have ``per_second`` (datagrams that arrived)
            and ``lost`` (share that did not).
        bound: share of the datagrams that may be lost.

    Returns:
        The summary of the load that confirmed it, for the whole duration, with ``search``: each
        attempt's rate asked for, arrived, lost, and whether it was the confirming one.

    Raises:
        MeasurementFailed: the loss is over the bound at every rate tried.
    """
    tried: list[dict[str, float | bool]] = []

    def load(rate: float, *, confirm: bool = False) -> Summary:
        said = attempt(rate, confirm=confirm)
        tried.append({"asked": round(rate), "arrived": round(said["per_second"]),
                      "lost": said["lost"], "confirm": confirm})  # fmt: skip
        return said

    rate = _search(lambda rate: load(rate), bound)
    while rate >= LEAST:
        said = load(rate, confirm=True)
        if said["lost"] <= bound:
            return said | {"search": tried}
        rate *= STEP_BACK
    raise MeasurementFailed(f"more than {100 * bound:g} % got lost at each rate that was tried")


def _search(load: Callable[[float], Summary], bound: float) -> float:
    """Return the highest rate that passed for a second."""
    low, high, rate = 0.0, float("inf"), float(FIRST)
    while rate >= LEAST and high > low * CLOSE:
        held, reached = _holds(load, rate, bound)
        if held and reached < KEPT * rate:
            return reached  # the sender cannot do more
        if held:
            low = rate
        else:
            high = min(rate, reached / KEPT)
        rate = 2 * low if high == float("inf") else (low + high) / 2
        if not low:
            rate = min(rate, high / 2)
    return low


def _holds(load: Callable[[float], Summary], rate: float, bound: float) -> tuple[bool, float]:
    """Return whether the loss at a rate stays within the bound, and how much was sent."""
    reached = 0.0
    for _ in range(2):
        said = load(rate)
        reached = said["per_second"] / (1 - said["lost"]) if said["lost"] < 1 else rate
        if said["lost"] <= bound:
            return True, reached
    return False, reached

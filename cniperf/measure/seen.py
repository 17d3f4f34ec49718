"""What a pod's interface carried: a witness of the goodput, independent of the generator."""

from dataclasses import dataclass, field

from cniperf.errors import MeasurementFailed
from cniperf.generators import Figures

ENOUGH = 0.9  # seconds, less of which show nothing
MORE = 1.25  # that the goodput may exceed what the interface carried, because their seconds differ
LESS = 0.6  # of what it carried, that must be goodput; the rest are headers and what was sent again


@dataclass
class Seen:
    """The bytes on the interface of the first pod of host a, in the seconds that count.

    Attributes:
        omit: seconds before those.
    """

    omit: float
    _looks: list[tuple[float, int]] = field(default_factory=list)

    def look(self, second: float, total: int | None) -> None:
        """Add a look.

        Args:
            second: since the load began.
            total: bytes that the interface has sent and received; None where it cannot be seen.
        """
        if total is not None and second >= self.omit:
            self._looks = [*self._looks[:1], (second, total)]

    @property
    def gbps(self) -> float | None:
        """Gbit/s that it carried, both ways together; None where there was too little to see."""
        if len(self._looks) < 2:
            return None
        (begin, before), (end, after) = self._looks
        return (after - before) * 8 / 1e9 / (end - begin) if end - begin >= ENOUGH else None

    def prove(self, figures: Figures) -> None:
        """Check the goodput of the first pair against what its interface carried.

        Lost datagrams were also carried: there the interface is only an upper bound.

        Raises:
            MeasurementFailed: they disagree.
        """
        carried, goodput = self.gbps, figures.gbps
        if carried is None or goodput is None:
            return
        least = 0.0 if figures.lost is not None else LESS * carried
        if not least <= goodput <= MORE * carried:
            raise MeasurementFailed(
                f"two counts of the load in Gbit/s disagree: {goodput:.4g} by the generator, "
                f"{carried:.4g} by the pod's interface ({LESS:g} to {MORE:g} of that would do)"
            )

"""The kinds of load: which figure schemes are compared by, and in which words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One kind of load.

    Attributes:
        name: as the parameter ``mode`` has it.
        figure: column of the figure that schemes are compared by.
        unit: of that figure.
        form: how it is written.
        noun: what a scheme loses a share of.
        does: what hostnetwork does with it, for people.
        cost: columns of the CPU time that it costs, without the host's letter.
        cost_unit: of that time.
        size: bytes of a message, a response or a datagram's payload, where none is given.
    """

    name: str
    figure: str
    unit: str
    form: str
    noun: str
    does: str
    cost: str
    cost_unit: str
    size: int = 0

    def spoken(self, number: float | None) -> str:
        """Return a figure with its unit."""
        return "no figure" if number is None else f"{self.form.format(number)} {self.unit}"


def _counted(**more: Any) -> Mode:  # noqa: ANN401
    """Return a mode whose figure is a number of things a second."""
    return Mode(form="{:,.0f}", cost="cpu_each", cost_unit="CPU µs each", figure="per_second",
                **more)  # fmt: skip


MODES = {
    mode.name: mode
    for mode in (
        Mode(name="stream", figure="gbps", unit="Gbit/s", form="{:.2f}", noun="goodput",
             does="carries {} from host to host", cost="cpu_per_gb", cost_unit="CPU s/GB"),
        _counted(name="rr", unit="transactions/s", noun="transactions a second",
             does="answers {} on one connection", size=64),
        _counted(name="crr", unit="transactions/s", noun="transactions a second",
             does="answers {}, each on a connection of its own", size=64),
        _counted(name="udp", unit="datagrams/s", noun="datagrams a second",
             does="delivers {} within the bound of loss", size=1400),
    )
}  # fmt: skip


def mode_of(runs: "pd.DataFrame") -> Mode:
    """Return the mode of runs of one condition; that of streams where there is no run."""
    names = runs["mode"].unique()
    return MODES[str(names[0])] if len(names) else MODES["stream"]

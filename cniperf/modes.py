"""The kinds of load: which figure schemes are compared by, and in which words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cniperf.language import N_, _

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One kind of load. Its words are English, to be translated where they are shown.

    Attributes:
        name: as the parameter ``mode`` has it.
        figure: column of the figure that schemes are compared by.
        unit: of that figure.
        form: how it is written.
        noun: what a scheme loses a share of.
        does: what a scheme does with it, a sentence.
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
        return _("no figure") if number is None else f"{self.form.format(number)} {_(self.unit)}"


def _counted(**more: Any) -> Mode:  # noqa: ANN401
    """Return a mode whose figure is a number of things a second."""
    return Mode(form="{:,.0f}", cost="cpu_each", cost_unit=N_("CPU µs each"),
                figure="per_second", **more)  # fmt: skip


MODES = {
    mode.name: mode
    for mode in (
        Mode(name="stream", figure="gbps", unit="Gbit/s", form="{:.2f}", noun=N_("goodput"),
             does=N_("{scheme} carries {figure} from host to host."),
             cost="cpu_per_gb", cost_unit="CPU s/GB"),
        _counted(name="rr", unit=N_("transactions/s"), noun=N_("transactions a second"),
             does=N_("{scheme} answers {figure} on one connection."), size=64),
        _counted(name="crr", unit=N_("transactions/s"), noun=N_("transactions a second"),
             does=N_("{scheme} answers {figure}, each on a connection of its own."), size=64),
        _counted(name="udp", unit=N_("datagrams/s"), noun=N_("datagrams a second"),
             does=N_("{scheme} delivers {figure} within the bound of loss."), size=1400),
    )
}  # fmt: skip


def mode_of(runs: "pd.DataFrame") -> Mode:
    """Return the mode of runs of one condition; that of streams where there is no run."""
    names = runs["mode"].unique()
    return MODES[str(names[0])] if len(names) else MODES["stream"]

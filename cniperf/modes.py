"""The kinds of load and of meter: which figure schemes are compared by, and in which words."""

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
        noun: what the figure is.
        does: what a scheme does with it, a sentence.
        cost: columns of the CPU time that it costs, without the host's letter; empty where the
            figure is the cost.
        cost_unit: of that time.
        size: bytes of a message, a response or a datagram's payload, where none is given.
        less: True where the lower figure is the better one.
        short: its unit where there is little room, if that is another.
        share: what a scheme loses a share of, where that is not the figure itself.
        title: what its loss is called.
        waits: True where each message waits for an answer, so that CPUs have time to fall asleep.
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
    less: bool = False
    short: str = ""
    share: str = ""
    title: str = N_("Loss against hostnetwork")
    waits: bool = False

    @property
    def loses(self) -> str:
        """What a scheme loses a share of."""
        return self.share or self.noun

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
             does=N_("{scheme} answers {figure} on one connection."), size=64, waits=True),
        _counted(name="crr", unit=N_("transactions/s"), noun=N_("transactions a second"),
             does=N_("{scheme} answers {figure}, each on a connection of its own."), size=64,
                 waits=True),
        _counted(name="udp", unit=N_("datagrams/s"), noun=N_("datagrams a second"),
             does=N_("{scheme} delivers {figure} within the bound of loss."), size=1400),
    )
}  # fmt: skip


# The unit of a stream where its meter counts instructions. An instruction is no time, so no
# word of it is about throughput.
INSTRUCTIONS = Mode(
    name="stream", figure="insn_per_byte", form="{:.3f}",
    unit=N_("instructions/B"), short=N_("instr./B"),
    noun=N_("instructions per byte"), share=N_("bytes for the same instructions"), less=True,
    title=N_("Cost above hostnetwork, as loss"),
    does=N_("{scheme} takes {figure} from host to host. A loss is the share of hostnetwork's bytes "
            "that the same instructions do not carry."),
    cost="", cost_unit="",
)  # fmt: skip


def find(name: str, meter: str = "clock") -> Mode:
    """Return the mode of a load and the meter that it was read from."""
    return INSTRUCTIONS if (name, meter) == ("stream", "instructions") else MODES[name]


def mode_of(runs: "pd.DataFrame") -> Mode:
    """Return the mode of runs of one condition; that of streams where there is no run."""
    return find(*runs[["mode", "meter"]].iloc[0]) if len(runs) else MODES["stream"]


def in_instructions(runs: "pd.DataFrame") -> "pd.Series":
    """Return which runs have a figure in instructions."""
    return runs["meter"].eq("instructions") & runs["mode"].eq("stream")


def emulated(runs: "pd.DataFrame") -> "pd.Series":
    """Return which runs clocked a CPU that software emulates.

    Such figures are no machine's: those of one and the same load spread by 6 to 65 % where it was
    tried, on two CPUs of a shared machine.
    """
    return runs["accelerator"].eq("tcg") & ~in_instructions(runs)

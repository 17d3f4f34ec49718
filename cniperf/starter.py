"""A box of ``explore.ipynb`` that measures a scheme from within the notebook."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd

from cniperf.errors import CniperfError
from cniperf.language import _
from cniperf.live import output
from cniperf.measure.progress import Moment, Progress
from cniperf.measure.run import run
from cniperf.nics import NICS
from cniperf.params import Experiment
from cniperf.runs import load_runs
from cniperf.schemes import scheme_names

STAGES = {"wire": 0.0, "prove": 0.25, "load": 0.5, "done": 1.0}  # shares of a round
WIDTH = ipywidgets.Layout(width="14em")

Measure = Callable[[Experiment, Progress], list[Path]]


class Starter:
    """Boxes for a scheme, the hosts' NICs and the number of rounds, and a button that measures.

    The kernel measures while the button waits; *Interrupt* in JupyterLab's *Kernel* menu stops it.

    Args:
        show: makes what appears below, of the table of the new runs.
        measure: what the button calls.

    Attributes:
        folders: the runs that it has left so far.
    """

    def __init__(self, *show: Callable[[pd.DataFrame], Any], measure: Measure = run) -> None:
        self.folders: list[Path] = []
        self._show, self._measure = show, measure
        self._scheme = ipywidgets.Dropdown(
            description=_("scheme"), options=scheme_names(), value="macvlan", layout=WIDTH
        )
        self._nic = ipywidgets.Dropdown(description=_("NIC"), options=list(NICS), layout=WIDTH)
        self._rounds = ipywidgets.BoundedIntText(
            description=_("rounds"), value=4, min=1, max=100, layout=WIDTH
        )
        self._button = ipywidgets.Button(description=_("Measure"), button_style="primary")
        self._bar = ipywidgets.FloatProgress(min=0, layout=WIDTH)
        self._said, self._code = ipywidgets.HTML(), ipywidgets.HTML()
        self._place = ipywidgets.Output()
        self._button.on_click(self._start)
        for box in (self._scheme, self._nic, self._rounds):
            box.observe(self._tell_code, "value")
        self._tell_code()
        boxes = [self._scheme, self._nic, self._rounds, self._button]
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        self._box = ipywidgets.VBox([
            ipywidgets.HBox(boxes, layout=wrap),
            ipywidgets.HBox([self._bar, self._said], layout=wrap), self._code, self._place,
        ])  # fmt: skip

    def _repr_mimebundle_(self, **wanted: Any) -> Any:  # noqa: ANN401
        return self._box._repr_mimebundle_(**wanted)

    @property
    def code(self) -> str:
        """The expression that measures the same."""
        words = ", ".join(f"{name}={value!r}" for name, value in self._asked.items())
        return f"cniperf.run(cniperf.Experiment.of({words}))"

    @property
    def _asked(self) -> dict[str, Any]:
        boxes = {"scheme": self._scheme, "nic": self._nic, "rounds": self._rounds}
        return {name: box.value for name, box in boxes.items()}

    def _tell_code(self, _change: object = None) -> None:
        self._code.value = f"<code>{escape(self.code)}</code>"

    def _start(self, _button: object) -> None:
        """Measure, and show what came out, or why nothing did."""
        self._button.disabled, self._bar.bar_style = True, "info"
        self._bar.value, self._bar.max = 0, self._rounds.value
        try:
            new = self._measure(Experiment.of(**self._asked), self._tell)
        except CniperfError as problem:
            self._fail(str(problem))
        except KeyboardInterrupt:
            self._fail(_("stopped; nothing is left running"))
        else:
            self.folders += new
            self._bar.bar_style, self._bar.value = "success", self._bar.max
            runs = pd.concat([load_runs(folder) for folder in new])
            self._place.outputs = tuple(output(show(runs)) for show in self._show)
        finally:
            self._button.disabled = False

    def _tell(self, moment: Moment) -> None:
        begun = min(moment.round - 1, self._bar.max)
        self._bar.value = begun + STAGES.get(moment.stage, 0.0)
        self._said.value = escape(f"{moment.round}/{self._rounds.value} · {moment.text}")

    def _fail(self, reason: str) -> None:
        self._bar.bar_style = "danger"
        self._said.value = f"<b>{escape(reason)}</b>"

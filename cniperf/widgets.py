"""What steers ``explore.ipynb``: widgets that pick runs, and say the same in code."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.loss import sittings
from cniperf.analysis.sweep import varied
from cniperf.language import _


class Picker:
    """A dropdown for each condition that differs among some runs, and a box a scheme.

    What one dropdown offers depends on those before it, so that every choice has runs, all of one
    condition and one suite: what the report makes a section of. hostnetwork stays: without it no
    loss can be told.

    Attributes:
        runs: the runs that are picked now.
        code: the expression that picks them from ``runs``.
    """

    def __init__(self, runs: pd.DataFrame) -> None:
        self._all = runs
        self._watchers: list[Callable[[], None]] = []
        first = next(sittings(runs), ({}, runs))[0]
        names = [name for name in runs.columns if name in varied(runs)]
        if runs["suite"].nunique() > 1:
            names.append("suite")
        self._chosen = {name: ipywidgets.Dropdown(description=name) for name in names}
        self._schemes = {
            str(scheme): ipywidgets.Checkbox(
                value=True, description=str(scheme), indent=False, disabled=scheme == BASELINE,
                layout=ipywidgets.Layout(width="max-content", margin="0 1em 0 0"),
            )
            for scheme in runs.sort_values("order")["scheme"].unique()
        }  # fmt: skip
        self._code = ipywidgets.HTML()
        self._offer(first)
        for box in (*self._chosen.values(), *self._schemes.values()):
            box.observe(self._changed, "value")
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        self._box = ipywidgets.VBox(
            [
                ipywidgets.HBox(list(self._chosen.values()), layout=wrap),
                ipywidgets.HBox(list(self._schemes.values()), layout=wrap),
                self._code,
            ]
        )

    def _repr_mimebundle_(self, **wanted: Any) -> Any:  # noqa: ANN401
        return self._box._repr_mimebundle_(**wanted)

    @property
    def code(self) -> str:
        """The expression that picks the same from a table of runs."""
        wanted = [f"{name} == {box.value!r}" for name, box in self._chosen.items()
                  if self._chose(name)]  # fmt: skip
        out = [name for name, box in self._schemes.items() if not box.value]
        if out:
            wanted.append(f"scheme not in {out}")
        return f'runs.query("{" and ".join(wanted)}")' if wanted else "runs"

    @property
    def runs(self) -> pd.DataFrame:
        """The runs that are picked now."""
        kept = [name for name, box in self._schemes.items() if box.value]
        picked = self._matching(list(self._chosen))
        return picked[picked["scheme"].isin(kept)]

    def live(self, *draws: Callable[[pd.DataFrame], Any]) -> ipywidgets.Output:
        """Return a place that shows what some functions make of the runs picked, always anew."""
        return live(lambda: [draw(self.runs) for draw in draws], self)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a function after each choice."""
        self._watchers.append(changed)

    def _chose(self, name: str) -> bool:
        """Tell whether there was a choice; what is chosen before may leave none."""
        return self._chosen[name].value not in ((None,) if name == "suite" else ("", None))

    def _matching(self, names: Sequence[str]) -> pd.DataFrame:
        found = self._all
        for name in names:
            if self._chose(name):
                found = found[found[name].eq(self._chosen[name].value)]
        return found

    def _offer(self, wanted: dict[str, Any]) -> None:
        """Offer in each dropdown what there is under the choices before it."""
        names = list(self._chosen)
        for place, name in enumerate(names):
            there = sorted(self._matching(names[:place])[name].dropna().unique().tolist())
            options = [(str(each), each) for each in there if each != ""]
            if name == "suite" and "" in there:
                options.append((_("single runs"), ""))
            box = self._chosen[name]
            values = [value for _label, value in options]
            value = wanted.get(name)
            box.options = options
            box.value = value if value in values else values[0] if values else None
        self._code.value = f"<code>{escape(self.code)}</code>"

    def _changed(self, _change: object) -> None:
        boxes = (*self._chosen.values(), *self._schemes.values())
        for box in boxes:  # what follows from a choice is no choice
            box.unobserve(self._changed, "value")
        try:
            self._offer({name: box.value for name, box in self._chosen.items()})
        finally:
            for box in boxes:
                box.observe(self._changed, "value")
        for changed in self._watchers:
            changed()


def live(draw: Callable[[], Sequence[Any]], *pickers: Picker | ipywidgets.Widget) -> Any:  # noqa: ANN401
    """Return a place that shows what a function returns, anew whenever a widget changes."""
    place = ipywidgets.Output()

    def redraw(*_change: object) -> None:
        place.outputs = tuple(output(each) for each in draw())

    for picker in pickers:
        if isinstance(picker, Picker):
            picker.watch(redraw)
        else:
            picker.observe(redraw, "value")
    redraw()
    return place


def output(shown: object) -> dict[str, Any]:
    """Return what a cell would show of an object, as notebooks keep it."""
    formatter = InteractiveShell.instance().display_formatter
    data, metadata = formatter.format(shown)  # type: ignore[union-attr]
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def run_chooser(picker: Picker) -> ipywidgets.Dropdown:
    """Return a dropdown of the runs that a picker has picked; its value is the run's folder."""
    box = ipywidgets.Dropdown(description=_("run"), layout=ipywidgets.Layout(width="60%"))

    def offer() -> None:
        before = box.value
        ordered = picker.runs.sort_values(["order", "started"])
        words = _("{scheme} · round {number} · {run}")
        box.options = [
            (words.format(scheme=run["scheme"], number=run["round"], run=run["run"]), run["path"])
            for _place, run in ordered.iterrows()
        ]
        there = list(ordered["path"])
        box.value = before if before in there else there[-1]

    picker.watch(offer)
    offer()
    return box

"""What steers ``explore.ipynb``: widgets that pick runs, and say the same in code."""

import os
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import ipywidgets
import pandas as pd

from cniperf.analysis.blocks import BASELINE, seeded
from cniperf.analysis.compare import compare
from cniperf.analysis.loss import sittings
from cniperf.analysis.sweep import varied
from cniperf.charts import comparison
from cniperf.charts.style import CLEAR, take_paper_away
from cniperf.language import _
from cniperf.live import Box, Live
from cniperf.modes import mode_of
from cniperf.sections.html import Html

SERVED = "JPY_SESSION_NAME"  # Jupyter's server gives it to the kernels that it starts
KEPT = 8  # choices whose tables are kept, and with each table what was computed of it


class Picker:
    """A dropdown for each condition that differs among some runs, and a box a scheme.

    What one dropdown offers depends on those before it, so that every choice has runs, all of one
    condition and one suite: what the report makes a section of. hostnetwork stays: without it no
    loss can be told.

    Args:
        runs: what to pick from.
        beside: a picker whose runs these are to be compared with. The first choice is then the
            nearest to its choice that has none of its runs: the same condition in another suite
            or folder, if there is one.

    Attributes:
        runs: the runs that are picked now.
        code: the expression that picks them from ``runs``.
        choice: what tells one choice from another.
    """

    def __init__(self, runs: pd.DataFrame, *, beside: "Picker | None" = None) -> None:
        self._all = runs
        self._picked: dict[str, pd.DataFrame] = {}
        self._watchers: list[Callable[[], None]] = []
        first = next(sittings(runs), ({}, runs))[0]
        if beside is not None:
            first = _nearest(runs, beside.runs) or first
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
        for box in self._chosen.values():
            box.observe(self._condition_changed, "value")
        for box in self._schemes.values():
            box.observe(self._scheme_changed, "value")
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
    def choice(self) -> str:
        """What tells one choice from another."""
        return self.code

    @property
    def runs(self) -> pd.DataFrame:
        """The runs that are picked now.

        The same choice is the same table, so that what was computed of it is found again, see
        :func:`cniperf.analysis.memo.once`. Change a copy of it.
        """
        code = self.code
        found = self._picked.pop(code, None)
        if found is None:
            kept = [name for name, box in self._schemes.items() if box.value]
            picked = self._all["scheme"].isin(kept)
            for name in filter(self._chose, self._chosen):
                picked &= self._all[name].eq(self._chosen[name].value)
            found = self._all[picked]
        self._picked[code] = found  # the last of them is the newest
        for old in list(self._picked)[:-KEPT]:
            del self._picked[old]
        return found

    def live(self, *draws: Callable[[pd.DataFrame], Any]) -> ipywidgets.VBox:
        """Return a place that shows what some functions make of the runs picked, always anew."""
        return live(lambda: (draw(self.runs) for draw in draws), self)

    def offers_others(self, other: "Picker") -> bool:
        """Return whether there are other runs to pick than those that another has picked."""
        return _nearest(self._all, other.runs) is not None

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a function after each choice."""
        self._watchers.append(changed)

    def _chose(self, name: str) -> bool:
        """Tell whether there was a choice; what is chosen before may leave none."""
        return self._chosen[name].value not in ((None,) if name == "suite" else ("", None))

    def _offer(self, wanted: dict[str, Any]) -> None:
        """Offer in each dropdown what there is under the choices before it."""
        found = self._all[list(self._chosen)]
        for name, box in self._chosen.items():
            there = sorted(found[name].dropna().unique().tolist())
            options = [(str(each), each) for each in there if each != ""]
            if name == "suite" and "" in there:
                options.append((_("single runs"), ""))
            values = [value for _label, value in options]
            value = wanted.get(name)
            if list(box.options) != options:
                box.options = options
            box.value = value if value in values else values[0] if values else None
            if self._chose(name):
                found = found[found[name].eq(box.value)]
        self._tell_code()

    def _tell_code(self) -> None:
        self._code.value = f"<code>{escape(self.code)}</code>"

    def _condition_changed(self, _change: object) -> None:
        boxes = self._chosen.values()
        for box in boxes:  # what follows from a choice is no choice
            box.unobserve(self._condition_changed, "value")
        try:
            self._offer({name: box.value for name, box in self._chosen.items()})
        finally:
            for box in boxes:
                box.observe(self._condition_changed, "value")
        self._tell_watchers()

    def _scheme_changed(self, _change: object) -> None:
        self._tell_code()
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        for changed in self._watchers:
            changed()


def follow_theme() -> Html:
    """Let this notebook's charts stand on the page itself, whether its theme is light or dark.

    JupyterLab shows an SVG as an image, and its theme reaches no colour within. So charts lose
    their background, and a rule of style turns them over where the page is dark. Where the kernel
    is no Jupyter server's, as in other editors, no page knows that rule, and charts stay on white.

    Returns:
        The rule of style, for the notebook to show.
    """
    if SERVED in os.environ:
        take_paper_away()
    dark, chart = "[data-jp-theme-light='false']", f".jp-RenderedSVG img[src*='{CLEAR}']"
    return Html(f"<style>{dark} {chart} {{ filter: invert(1) hue-rotate(180deg); }}</style>")


def live(
    draw: Callable[[], Iterable[Any]], *pickers: Picker | ipywidgets.Widget
) -> ipywidgets.VBox:
    """Return a place that shows what a function returns, anew whenever a widget changes.

    Args:
        draw: returns what to show, piece by piece.
        pickers: what it depends on, and nothing else: a choice made twice is drawn once.
    """
    return Live(draw, [each if isinstance(each, Picker) else Box(each) for each in pickers])


def compared(first: Picker, second: Picker) -> Any:  # noqa: ANN401
    """Return a chart of what two pickers have picked, or say why there is nothing to compare."""
    before, after = first.runs, second.runs
    if not set(before["path"]) & set(after["path"]):
        if mode_of(before) is mode_of(after) and seeded(before) == seeded(after):
            return comparison(compare(before, after))
        words = _("The two sets were measured in different units: pick another one.")
    elif second.offers_others(first):
        words = _("Both sets hold the same runs: pick another condition or suite in one of them.")
    else:
        words = _(
            "There is no other set of runs to compare with: name its folder as "
            "<code>other_dir</code> in the first cell."
        )
    return Html(f"<p>{words}</p>")


def run_chooser(picker: Picker) -> ipywidgets.Dropdown:
    """Return a dropdown of the runs that a picker has picked; its value is the run's folder."""
    box = ipywidgets.Dropdown(description=_("run"), layout=ipywidgets.Layout(width="60%"))

    def offer() -> None:
        before = box.value
        ordered = picker.runs.sort_values(["order", "started"])
        words = _("{scheme} · round {number} · {run}")
        box.options = [
            (words.format(scheme=run["scheme"], number=run["round"], run=run["run"]), run["path"])
            for run in ordered[["scheme", "round", "run", "path"]].to_dict("records")
        ]
        there = list(ordered["path"])
        box.value = before if before in there else there[-1]

    picker.watch(offer)
    offer()
    return box


def _nearest(runs: pd.DataFrame, taken: pd.DataFrame) -> dict[str, Any] | None:
    """Return the sitting that is most like some runs but has none of them; None if there is none.

    What is measured in another unit comes last: it cannot be compared.
    """
    own = next(sittings(taken), ({}, taken))[0]

    def unlike(one: dict[str, Any]) -> tuple[bool, int]:
        differ = {name for name in own if str(one[name]) != str(own[name])}
        return bool(differ & {"meter", "mode"}), len(differ)

    others = [one for one, group in sittings(runs) if not group["path"].isin(taken["path"]).any()]
    return min(others, key=unlike, default=None)

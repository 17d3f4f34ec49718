"""Places of a notebook that follow widgets: they fade at once, and are drawn anew one by one."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import count
from typing import Any, Protocol

import ipywidgets
from IPython.core.interactiveshell import InteractiveShell

from cniperf.charts.style import Chart
from cniperf.language import _

PAUSE = 0.02  # seconds between two pieces, in which the kernel hears of the next choice
FADED = "cniperf-faded"
LOOK = f"<style>.{FADED} {{ opacity: 0.3; }}</style>"
WORDS = "<b role='status' style='position: absolute; right: 1em; z-index: 1'>{words}</b>"


class Source(Protocol):
    """What a place follows: a choice that changes.

    Attributes:
        choice: what is chosen now; the same as long as nothing is to be drawn anew.
    """

    @property
    def choice(self) -> Hashable:
        """What is chosen now."""

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a function after each choice."""


class Box:
    """A single widget as a source; its choice is its value."""

    def __init__(self, widget: ipywidgets.Widget) -> None:
        self._widget = widget

    @property
    def choice(self) -> Hashable:
        """The widget's value."""
        value: Hashable = self._widget.value
        return value

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a function whenever the value changes."""
        self._widget.observe(lambda _change: changed(), "value")


class Live(ipywidgets.VBox):  # type: ignore[misc]
    """A place that shows what a function returns, anew whenever a source changes.

    What is shown fades as soon as it is out of date, and *updating …* stands over it until all of
    it is drawn anew.

    Args:
        draw: returns what to show, piece by piece.
        sources: what it depends on.
    """

    children: tuple[Any, ...]  # the note, and an output for each piece
    _numbers = count()

    def __init__(self, draw: Callable[[], Iterable[Any]], sources: Iterable[Source]) -> None:
        self.number = next(self._numbers)
        self._draw, self._sources = draw, tuple(sources)
        self._drawn: Hashable = None
        self._note = ipywidgets.HTML(LOOK, layout=ipywidgets.Layout(height="0", overflow="visible"))
        super().__init__([self._note])
        for _piece in self.pieces():
            pass
        for source in self._sources:
            source.watch(self._changed)

    @property
    def outputs(self) -> tuple[dict[str, Any], ...]:
        """What is shown, as notebooks keep it."""
        return tuple(out for place in self.children[1:] for out in place.outputs)

    def pieces(self) -> Iterator[None]:
        """Draw what is out of date; pause after each piece."""
        chosen = self._choice()
        if chosen != self._drawn:
            self._drawn, number = None, 0
            for number, each in enumerate(self._draw(), 1):
                self._place(number).outputs = (output(each),)
                self._place(number).remove_class(FADED)
                yield
            self.children = self.children[: number + 1]
            self._drawn = chosen
        self.brighten()

    def brighten(self) -> None:
        """Say that nothing more comes."""
        for place in self.children[1:]:
            place.remove_class(FADED)
        self._note.value = LOOK

    def _choice(self) -> Hashable:
        return tuple(source.choice for source in self._sources)

    def _place(self, number: int) -> ipywidgets.Output:
        while len(self.children) <= number:
            self.children += (ipywidgets.Output(),)
        return self.children[number]

    def _changed(self) -> None:
        for place in self.children[1:]:
            place.add_class(FADED)
        self._note.value = LOOK + WORDS.format(words=_("updating …"))
        QUEUE.add(self)


class Queue:
    """Places to be drawn anew, a piece at a time, in the notebook's order.

    Between two pieces the kernel hears what the reader chooses next, and begins again with that.
    Where no loop runs, as outside notebooks, all is drawn at once.
    """

    def __init__(self) -> None:
        self._waiting: dict[Live, Iterator[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, place: Live) -> None:
        """Have a place drawn anew, from its first piece."""
        self._waiting[place] = place.pieces()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            while self._waiting:
                self._next()
            return
        self._wait(loop)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on in a moment; each choice meanwhile puts that off, so a row of them is one."""
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(PAUSE, self._go_on, loop)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        try:
            self._next()
        finally:
            if self._waiting:
                self._wait(loop)

    def _next(self) -> None:
        """Draw a piece of the first place; one that fails does not stay faded for ever."""
        place = min(self._waiting, key=lambda place: place.number)
        try:
            next(self._waiting[place])
        except StopIteration:
            del self._waiting[place]
        except Exception:
            del self._waiting[place]
            place.brighten()
            raise


QUEUE = Queue()


def output(shown: object) -> dict[str, Any]:
    """Return what a cell would show of an object, as notebooks keep it.

    Of a chart it is the SVG alone: what a widget shows is trusted, so that no one sees the PNG.
    """
    formatter = InteractiveShell.instance().display_formatter
    without = {"image/png"} if isinstance(shown, Chart) else None
    data, metadata = formatter.format(shown, exclude=without)  # type: ignore[union-attr]
    return {"output_type": "display_data", "data": data, "metadata": metadata}

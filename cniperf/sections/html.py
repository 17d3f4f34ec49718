"""What the sections are made of: a piece of HTML, tables, and figures as words."""

import math
import zlib
from collections.abc import Collection, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cniperf.language import _, in_percent

SHORT = 9  # rows of a table that is kept on one page
WIDE, DENSE = 10, 13  # columns of a table that must be set closer, and closer still


class Html(NamedTuple):
    """A piece of HTML that a notebook shows as such."""

    text: str

    def __str__(self) -> str:  # so that a piece can stand in another
        return self.text

    def _repr_html_(self) -> str:
        return self.text


Cell = str | Html  # a plain word is escaped, a piece of HTML is not


def as_table(
    head: Sequence[Cell], rows: Sequence[Sequence[Cell]], numbers: Collection[int] = ()
) -> str:
    """Lay out a table; ``numbers`` are the columns that are set flush right."""

    def line(cells: Sequence[Cell], tag: str) -> str:
        parts = []
        for place, cell in enumerate(cells):
            kind = " class='number'" if place in numbers else ""
            text = cell.text if isinstance(cell, Html) else escape(cell)
            parts.append(f"<{tag}{kind}>{text}</{tag}>")
        return "".join(parts)

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    looks = {"short": len(rows) <= SHORT, "wide": len(head) >= WIDE, "dense": len(head) >= DENSE}
    kind = " ".join(name for name, so in looks.items() if so)
    around = "scroll short" if looks["short"] else "scroll"
    look = f" class='{kind}'" if kind else ""
    table = f"<thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody>"
    # A reader without a mouse scrolls it by the keyboard.
    return f"<div class='{around}' tabindex='0'><table{look}>{table}</table></div>"


def anchor(name: str, *of: object) -> str:
    """Return the name that a link has for a part of the page, as ``claims-1f9c2b07``.

    Args:
        name: what it is.
        of: what sets it apart from others of its kind.
    """
    return f"{name}-{zlib.crc32(repr(of).encode()):08x}"


def link(text: str, target: str) -> str:
    """Return a piece of HTML as a link to a part of the page; see :mod:`cniperf.page`."""
    return f"<a href='#{target}'>{text}</a>"


def commonest(words: pd.Series) -> str:
    """Return the word that comes most often."""
    return str(words.mode().iloc[0])


def percent(fraction: float) -> str:
    """Return a fraction in %."""
    if np.isnan(fraction):
        return _("unknown")
    return in_percent(f"{100 * fraction:.1f}".replace("-", "−"))


def margin(fraction: float) -> str:
    """Return a margin in %; beyond 100 % nothing is known, and the digits would pretend it."""
    if np.isnan(fraction):
        return "–"
    return _("over 100 %") if fraction >= 1 else percent(fraction)


def signed(fraction: float) -> str:
    """Return a fraction in % with its sign."""
    return in_percent(_three(100 * fraction, "{:+.1f}").replace("-", "−"))


def ranged(low: float, high: float, form: str) -> str:
    """Return two ends as words, or a dash where there is one value only or none."""
    if low == high or np.isnan(low):  # a single run has no spread
        return "–"
    share = form.endswith("%}")
    first, last = (
        (_three(100 * end, form.replace("%", "f")) if share else form.format(end)) if end else "0"
        for end in (low, high)
    )
    both = _("{first} to {last}").format(first=first, last=last).replace("-", "−")
    return in_percent(both) if share else both


def _three(value: float, form: str) -> str:
    """Return a number of per cent; from 100 on it has three digits that mean something."""
    if abs(value) < 100:  # +2062.9 % would have two too many
        return form.format(value)
    digits = 2 - math.floor(math.log10(abs(value)))
    return form.replace(".1f", ".0f").format(round(value, digits))


def with_range(figure: str, spread: str) -> Html:
    """Return a figure, and below it its range, if there is one."""
    return Html(figure) if spread == "–" else two_lines(figure, spread)


def two_lines(first: str, second: str) -> Html:
    """Return two lines of a cell, the second in small letters."""
    return Html(f"{first}<br><small>{second}</small>")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, its index left out."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]

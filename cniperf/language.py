"""The report's and the charts' words in the reader's language, by gettext.

English stands in the code, marked with ``_`` where it is shown, or with ``N_`` in a constant
that ``_`` translates when it is shown. Another language is a catalogue,
``locale/LANG/LC_MESSAGES/cniperf.po``; ``make catalogue`` brings it up to date with the code.

What is data stays as it is in every language: names of schemes and columns, commands, a tool's
output, and values of a table that a program may compare, such as a verdict: those are translated
where they are shown. Columns with words for people keep the language they were made in.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import TypeVar

from cniperf.errors import ParameterError, unknown

FOLDER = Path(__file__).parent / "locale"

Text = TypeVar("Text", bound=str)

_spoken = "en"


def languages() -> list[str]:
    """Return the languages there are, English first."""
    return ["en", *sorted(file.parts[-3] for file in FOLDER.glob("*/LC_MESSAGES/cniperf.po"))]


def known(language: str) -> str:
    """Return an existing language.

    Raises:
        ParameterError: there is no catalogue of this language; the text names those there are.
    """
    if language not in languages():
        raise ParameterError(unknown("lang", language, languages()))
    return language


def speak(language: str) -> None:
    """Show everything from now on in a language, as ``zh``.

    Raises:
        ParameterError: there is no catalogue of this language.
    """
    global _spoken  # one reader, one language
    _spoken = known(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Show everything in the block in a language.

    Raises:
        ParameterError: there is no catalogue of this language.
    """
    before = spoken()
    speak(language)
    try:
        yield
    finally:
        speak(before)


def spoken() -> str:
    """Return the language that is shown now."""
    return _spoken


def _(text: str) -> str:
    """Return a text in the reader's language."""
    return _catalogue(_spoken).gettext(text) if text else ""  # "" is the catalogue's header


def N_(text: Text) -> Text:  # noqa: N802  gettext's own name for it
    """Mark a text that is translated where it is shown."""
    return text


def plural(one: str, many: str, number: int) -> str:
    """Return the form that goes with a number, in the reader's language."""
    return _catalogue(_spoken).ngettext(one, many, number)


def in_percent(number: str) -> str:
    """Return a number, or a range, in % as the reader's language writes it."""
    return _("{number} %").format(number=number)


def listed(names: Sequence[str]) -> str:
    """Return names with the language's commas between."""
    return _(", ").join(names)


def each(words: str) -> str:
    """Return words of a table, commas between, each in the reader's language."""
    return listed([_(word) for word in words.split(", ")])


@cache
def _catalogue(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (FOLDER / language / "LC_MESSAGES" / "cniperf.po").open("rb") as file:
        catalogue = read_po(file)
    binary = io.BytesIO()
    write_mo(binary, catalogue)
    binary.seek(0)
    return GNUTranslations(binary)

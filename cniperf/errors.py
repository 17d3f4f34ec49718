"""Errors of cniperf: one line that names the cause and the remedy."""

import re
import reprlib
from collections.abc import Iterable
from typing import Any

LONGEST = 2000  # characters of a message
ECHOED = 80  # characters of what was given, where a message repeats it

_echo = reprlib.Repr()
_echo.maxstring = _echo.maxother = _echo.maxlong = ECHOED
_echo.maxlevel = 3

BOUND = 300  # characters that another program may add to a line of ours
CAUSE = re.compile(r"error|fatal|cannot|can't|failed|denied|refused|not supported", re.IGNORECASE)
POINTER = re.compile(r"[\s^~]+")  # a line that only points at a place of the line above


class CniperfError(Exception):
    """Base of every error that a user may see; its text is one line."""

    def __str__(self) -> str:
        return one_line(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it pass to another process whole, whatever its own ``__init__`` takes."""
        return _again, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook: IPython calls this method."""
        return [f"{type(self).__name__}: {self}"]


def _again(kind: type[CniperfError], args: tuple[Any, ...], own: dict[str, Any]) -> CniperfError:
    problem = kind.__new__(kind, *args)
    problem.__dict__.update(own)
    return problem


class ParameterError(CniperfError, ValueError):
    """A parameter has an unknown name or a value that is not allowed."""


class Unlike(ParameterError):
    """Two sets of runs were measured under different conditions."""


class UnknownScheme(ParameterError):
    """No scheme has this name."""


class NotAble(CniperfError):
    """This machine lacks something the work needs: a privilege, a tool, a kernel feature."""


class CannotWrite(NotAble):
    """There is no place for a result: the folder may not be written, or the disk is full."""


class Busy(CniperfError):
    """Another run holds the machine, or something stands where the lab must be built."""


class StepFailed(CniperfError):
    """A host rejected a step of a plan.

    Attributes:
        host: the host's name, ``a`` or ``b``.
        command: the step as a shell command.
        reason: what the kernel or the tool reported.
    """

    def __init__(self, host: str, command: str, reason: str) -> None:
        self.host, self.command, self.reason = host, command, reason
        super().__init__(f"host {host}: `{command}` failed: {reason}")


class MeasurementFailed(CniperfError):
    """The wiring stands but carries no traffic, or the generator failed."""


class NotRestored(CniperfError):
    """A host is not as it was before the run, or no check was possible."""


class BadRun(CniperfError, ValueError):
    """A folder is no complete run."""


class Stopped(BaseException):
    """A signal stopped the process; it passes every ``except Exception``."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return a text as one line that a terminal shows as it is.

    White space, line breaks included, is folded, other control characters are escaped, and what is
    too long is cut in the middle.
    """
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(each if each.isprintable() else _escaped(each) for each in line)
    if len(line) <= longest:
        return line
    half = (longest - 5) // 2
    return f"{line[:half]} … {line[-half:]}"


def shown(value: object) -> str:
    """Return a given value as a message repeats it: quoted, and cut to a readable length."""
    return one_line(_echo.repr(value), 3 * ECHOED)


def cause(text: str, bound: int = BOUND) -> str:
    """Return, in one line, why a program failed: all that it printed, or the first cause of it.

    Args:
        text: what it printed.
        bound: characters that the cause may have; a longer text is cut to its first cause.
    """
    lines = [one_line(line) for line in text.splitlines() if not POINTER.fullmatch(line)]
    lines = [line for line in lines if line]
    whole = " ".join(lines)
    if len(whole) <= bound:
        return whole
    if lines[0].startswith("Traceback"):  # Python's cause stands last
        first = lines[-1]
    else:
        first = next((line for line in lines if CAUSE.search(line)), lines[0])
    rest = f" (and {len(lines) - 1} more lines)" if len(lines) > 1 else ""
    return shortened(first, bound) + rest


def shortened(text: str, bound: int = BOUND) -> str:
    """Return a text as one line of so many characters at most."""
    line = one_line(text)
    return line if len(line) <= bound else line[: bound - 1] + "…"


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return that a name is unknown, the likely one, and all allowed ones."""
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(name[:ECHOED], names, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {kind} {shown(name)}{meant} Known: {', '.join(names)}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

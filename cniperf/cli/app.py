"""The typer application on which the verbs register, and what several of them need."""

import warnings
from collections.abc import Iterable
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from cniperf.errors import one_line

if TYPE_CHECKING:
    from cniperf.doctor import Finding

# Every exit code of the command line; docs/commands.md has the same table.
EXIT_CODES = {
    0: "The work is done.",
    1: "The work failed, or this machine cannot do it.",
    2: "An option, an argument or a parameter is not allowed.",
    3: "compare: a scheme became worse.",
    130: "Ctrl-C (SIGINT) stopped the command.",
    143: "SIGTERM stopped the command.",
}

# How a finding is marked, and its colour. The words also differ without the colour: a log has none.
MARKS = {"ok": "green", "warn": "yellow", "NO": "red"}


def _exit_codes() -> str:
    lines = [f"{code:>5}  {meaning}" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["Exit codes:", *lines, "exec returns the exit code of its command."])


app = typer.Typer(
    name="cniperf",
    help="What does a pod network cost? Wires eight schemes, loads them, and compares.",
    epilog=_exit_codes(),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def examples(*lines: str) -> str:
    """Return the end of a verb's help."""
    return "\n".join(["Examples:", *lines])


def report_findings(heading: str, findings: "Iterable[Finding]") -> None:
    """Print findings, each with the ways to fix it, a line each."""
    typer.secho(heading, bold=True)
    for finding in findings:
        mark = typer.style(f"{finding.mark:<4}", fg=MARKS[finding.mark])
        typer.echo(f"  {mark}  {finding.subject:<17} {finding.says}")
        for word, fix in zip(chain(["fix:"], repeat("or: ")), finding.fixes, strict=False):
            typer.echo(f"        {'':<17} {word} {fix}")


_shown: set[str] = set()


def warn_in_one_line() -> None:
    """Show each warning once, as one line, without the line of code that issued it.

    A run that is left out is no error, also where Python makes errors of warnings.
    """
    _shown.clear()
    warnings.showwarning = _show_warning
    if any(action == "error" for action, *_ in warnings.filters):
        from cniperf.runs import BrokenRunWarning

        warnings.simplefilter("always", BrokenRunWarning)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    from cniperf.runs import BrokenRunWarning

    kind = "left out" if issubclass(category, BrokenRunWarning) else "warning"
    text = f"{kind}: {one_line(str(message))}"
    if text not in _shown:  # a folder may be read twice
        _shown.add(text)
        typer.echo(text, err=True)


def shown(path: Path) -> str:
    """Return a path, relative to the current folder where it lies inside."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

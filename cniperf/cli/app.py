"""The typer application that the verbs hang themselves on, and what several of them need."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from cniperf.errors import one_line

if TYPE_CHECKING:
    from cniperf.doctor import Finding

app = typer.Typer(
    name="cniperf",
    help="What does a pod network cost? Wires eight schemes, loads them, and compares.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def examples(*lines: str) -> str:
    """Return the end of a verb's help."""
    return "\n\n".join(["Examples:", *lines])  # typer takes an empty line for a line break


def tell(heading: str, findings: "Iterable[Finding]") -> None:
    """Print findings, each with what mends it."""
    typer.secho(heading, bold=True)
    for finding in findings:
        mark = typer.style("ok", fg="green") if finding.ok else typer.style("no", fg="red")
        typer.echo(f"  {mark}  {finding.subject:<15} {finding.says}")
        if finding.fix:
            typer.echo(f"      {'':<15} mend: {finding.fix}")


_told: set[str] = set()


def warn_in_one_line() -> None:
    """Show each warning once, as one line, without the line of code that gave it."""
    _told.clear()
    warnings.showwarning = _show_warning


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
    told = f"{kind}: {one_line(str(message))}"
    if told not in _told:  # a folder may be read twice
        _told.add(told)
        typer.echo(told, err=True)


def shown(path: Path) -> str:
    """Return a path as short as it goes from here."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

"""The typer application that the verbs hang themselves on, and what several of them need."""

from pathlib import Path

import typer

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


def shown(path: Path) -> str:
    """Return a path as short as it goes from here."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

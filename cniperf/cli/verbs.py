"""All verbs on the application, in the order in which ``--help`` lists them."""

from pathlib import Path
from typing import Annotated

import typer

from cniperf import __version__
from cniperf.cli.app import app, warn_in_one_line
from cniperf.errors import CniperfError

# isort: off
from cniperf.cli import measure  # noqa: F401
from cniperf.cli import read  # noqa: F401
from cniperf.cli import lab  # noqa: F401
from cniperf.cli import hosts  # noqa: F401
from cniperf.cli import cluster  # noqa: F401
# isort: on

__all__ = ["app"]


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    warn_in_one_line()
    if version:
        typer.echo(f"cniperf {__version__}")
        raise typer.Exit
    _stand_somewhere()


def _stand_somewhere() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise CniperfError("the current folder was removed: cd to one that is there") from None

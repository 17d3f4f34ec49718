"""Where the command line begins and ends: signals, errors, exit codes."""

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cniperf import __version__
from cniperf.cli.app import app
from cniperf.errors import CniperfError, ParameterError, Stopped

# They hang their verbs on the app; --help lists them in this order.
# isort: off
from cniperf.cli import measure  # noqa: F401
from cniperf.cli import read  # noqa: F401
from cniperf.cli import lab  # noqa: F401
# isort: on


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"cniperf {__version__}")
        raise typer.Exit


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # a second one must not cut the tidying short
    raise Stopped(number)


def main() -> None:
    """Run the command line: one line and an exit code not 0 where something is wrong.

    Exit codes: 0 done, 1 it cannot be done or failed, 2 bad usage or parameter, 130 Ctrl-C,
    143 SIGTERM.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app()
    except Stopped as stop:
        name = signal.Signals(stop.args[0]).name
        _end(f"stopped by {name}; nothing is left running", 128 + stop.args[0])
    except ParameterError as problem:
        _end(str(problem), 2)
    except CniperfError as problem:
        _end(str(problem), 1)


def _end(text: str, code: int) -> NoReturn:
    typer.echo(f"cniperf: {text}", err=True)
    sys.exit(code)

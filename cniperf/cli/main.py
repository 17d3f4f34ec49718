"""Where the command line begins and ends: signals, errors, exit codes."""

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from cniperf import stop
from cniperf.cli.output import Output
from cniperf.errors import CniperfError, ParameterError, Stopped, one_line

if TYPE_CHECKING:
    from typer import Typer

LONGEST = 2000  # characters of a line: what was typed may be longer, and stands in it


def main() -> None:
    """Run the command line: one line and an exit code not 0 where something is wrong.

    Exit codes: 0 done, 1 it cannot be done or failed, 2 bad usage or parameter, 130 Ctrl-C,
    143 SIGTERM.
    """
    stop.listen()
    output = Output(sys.stdout)
    sys.stdout = output.text
    code, problem = _ended()
    if code and (number := stop.came()):  # whatever it died of
        name = signal.Signals(number).name
        code, problem = 128 + number, f"stopped by {name}; nothing is left running"
    sys.stdout.flush()
    if not problem and output.problem:
        code, problem = code or 1, f"cannot write to standard output: {output.problem}"
    if problem:
        with suppress(OSError):
            print(f"cniperf: {_shortened(one_line(problem))}", file=sys.stderr, flush=True)
    if stop.came():
        os._exit(code)  # what was left to itself, as a connection in the making, is not waited for
    sys.exit(code)


def _ended() -> tuple[int, str]:
    """Run a verb; return the exit code, and the line that says what went wrong."""
    try:
        from cniperf.cli.verbs import app

        stop.look()
        return _run(app), ""
    except Stopped as stopped:
        return 128 + stopped.args[0], "stopped"
    except ParameterError as problem:
        return 2, str(problem)
    except CniperfError as problem:
        return 1, str(problem)
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        return 1, f"{where}{problem.strerror or problem}"


def _run(app: "Typer") -> int:
    """Run the application and return its exit code; what it says of bad usage is one line, too.

    Raises:
        ParameterError: an option or argument is missing, unknown or of another type.
    """
    from typer import BadParameter

    # What it raises for any bad usage; it has no public name.
    usage = cast("type[BadParameter]", BadParameter.__base__)
    try:
        return int(app(prog_name="cniperf", standalone_mode=False) or 0)
    except usage as problem:
        said = one_line(str(problem.format_message())).rstrip(".")
        if not said:  # no verb was given, and the help is there already
            return 2
        context = getattr(problem, "ctx", None)
        path = context.command_path if context else "cniperf"
        raise ParameterError(f"{said}: see `{path} --help`") from None


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"

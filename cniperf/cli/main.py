"""The start and the end of the command line: signals, errors, exit codes."""

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from cniperf import stop
from cniperf.cli.output import Output
from cniperf.errors import CniperfError, ParameterError, Stopped, one_line, shortened

if TYPE_CHECKING:
    from typer import Typer

DEBUG = "CNIPERF_DEBUG"  # where it is set, a fault is a traceback and not a line
LONGEST = 2000  # characters of a line: it repeats what was typed, which may be longer


def main() -> None:
    """Run the command line. An error is one line and an exit code of ``cli.app.EXIT_CODES``."""
    stop.listen()
    output = Output(sys.stdout)
    sys.stdout = output.text
    fault = ""
    try:
        code, problem = _ended()
    except Exception as unforeseen:
        if DEBUG in os.environ:
            raise
        fault = _kept(unforeseen)
        code, problem = 1, fault
    if code and (number := stop.came()):  # the signal is the reason, whatever error followed
        name = signal.Signals(number).name
        code, problem = 128 + number, f"stopped by {name}; {fault or 'nothing is left running'}"
    sys.stdout.flush()
    if not problem and output.problem:
        code, problem = code or 1, f"cannot write to standard output: {output.problem}"
    if problem:
        with suppress(OSError):
            print(f"cniperf: {_shortened(one_line(problem))}", file=sys.stderr, flush=True)
    if stop.came():
        os._exit(code)  # a thread may still be connecting: the exit does not wait for it
    sys.exit(code)


def _ended() -> tuple[int, str]:
    """Run a verb; return the exit code, and the line that reports what went wrong."""
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


def _kept(problem: Exception) -> str:
    """Keep the traceback of an unforeseen error; return the line with the error and its file."""
    import tempfile
    import traceback

    *_, last = traceback.format_exception_only(problem)
    line = f"a fault of cniperf's own: {shortened(last)}"
    try:
        file, name = tempfile.mkstemp(prefix="cniperf-fault-", suffix=".txt")
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as kept:
            traceback.print_exception(problem, file=kept)
    except OSError:
        return f"{line}; set {DEBUG}=1 to see where"
    return f"{line}; please report it with {name}"


def _run(app: "Typer") -> int:
    """Run the application and return its exit code; bad usage is reported in one line.

    Raises:
        ParameterError: an option or argument is missing, unknown or of another type.
    """
    from typer import BadParameter

    # typer raises it for any bad usage; it has no public name.
    usage = cast("type[BadParameter]", BadParameter.__base__)
    try:
        return int(app(prog_name="cniperf", standalone_mode=False) or 0)
    except SystemExit as ended:  # typer's shell completion: its output may have failed
        return int(ended.code or 0)
    except usage as problem:
        message = one_line(str(problem.format_message())).rstrip(".").replace("Value error, ", "")
        if not message:  # no verb was given, and the help is printed already
            return 2
        context = getattr(problem, "ctx", None)
        path = context.command_path if context else "cniperf"
        raise ParameterError(f"{message}: see `{path} --help`") from None


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"

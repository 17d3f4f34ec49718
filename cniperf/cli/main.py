"""Where the command line begins and ends: signals, errors, exit codes."""

import signal
import sys
from types import FrameType
from typing import NoReturn

from cniperf.cli import output
from cniperf.errors import CniperfError, ParameterError, Stopped, one_line


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
    output.ready()
    try:
        # Only now: importing takes its time, and a signal must not meet it unguarded.
        from cniperf.cli.verbs import app

        app()
    except Stopped as stop:
        name = signal.Signals(stop.args[0]).name
        _end(f"stopped by {name}; nothing is left running", 128 + stop.args[0])
    except ParameterError as problem:
        _end(str(problem), 2)
    except CniperfError as problem:
        _end(str(problem), 1)
    except OSError as problem:
        output.give_up()
        _end(one_line(output.failed(problem)), 1)


def _end(text: str, code: int) -> NoReturn:
    print(f"cniperf: {text}", file=sys.stderr)
    sys.exit(code)

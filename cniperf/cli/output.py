"""What is printed: whatever the terminal's locale can show, and one line where nobody takes it."""

import io
import os
import sys


def ready() -> None:
    """Escape what the terminal's locale has no character for, in place of failing at it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def give_up() -> None:
    """Drop what is still to be printed: the interpreter would fail at it once more at its end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def failed(problem: OSError) -> str:
    """Say in one line what the system refused."""
    what = f"{problem.filename}: " if problem.filename else ""
    return f"{what}{problem.strerror or problem}"

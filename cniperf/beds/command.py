"""Running a command, and saying in one line why it failed."""

import os
import shlex
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from cniperf.beds.child import LocalChild
from cniperf.errors import CniperfError, cause, shortened

TIMEOUT = 30.0  # seconds: far more than any command of a plan takes
COMMAND = 120  # characters of a command that a message names


class CommandFailed(CniperfError):
    """A command ended with an error, or did not end.

    Attributes:
        argv: the command.
        said: all that it printed about that.
        reason: the first cause in it, one line.
    """

    def __init__(self, argv: Sequence[str], said: str, host: str = "") -> None:
        self.argv, self.said, self.reason = list(argv), said, cause(said)
        who = f"host {host}: " if host else ""
        command = shlex.join(argv) if len(argv) > 1 else argv[0]  # or a line of a script
        super().__init__(f"{who}`{shortened(command, COMMAND)}` failed: {self.reason}")


def run(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    text: str | None = None,
    folder: Path | None = None,
    timeout: float = TIMEOUT,
) -> str:
    """Run a command to its end and return its standard output.

    Args:
        argv: the command.
        environ: its variables; this process's if not given.
        text: what it reads.
        folder: where it runs.
        timeout: seconds that it may take.

    Raises:
        CommandFailed: it is not installed, failed, or took longer.
        Stopped: a signal came; the command has been ended.
    """
    with _file(text) as given, _file() as said, _file() as complained:
        try:
            child = LocalChild(
                argv, env=environ, stdin=given, stdout=said, stderr=complained, cwd=folder,
                start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError:
            raise CommandFailed(argv, f"{argv[0]} is not installed") from None
        try:
            if not child.ended(within=timeout):
                raise CommandFailed(argv, f"no end after {timeout:.0f} s")
        finally:
            _end(child)
        output, errors = _text(said), _text(complained)
    if child.returncode:
        raise CommandFailed(argv, errors or output or f"exit code {child.returncode}")
    return output


def _file(text: str | None = "") -> IO[bytes]:
    """Return an open file without a name; a pipe would have to be read while the command runs."""
    if text is None:
        return Path(os.devnull).open("rb")
    file = os.fdopen(os.memfd_create("cniperf"), "w+b")
    file.write(text.encode())
    file.seek(0)
    return file


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _end(child: LocalChild) -> None:
    """Kill a command, and what it has started, where it has not ended by itself."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()

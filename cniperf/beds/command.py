"""Running a command, and saying in one line why it failed."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

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
        super().__init__(f"{who}`{shortened(' '.join(argv), COMMAND)}` failed: {self.reason}")


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
    """
    try:
        done = subprocess.run(
            argv, env=environ, input=text, capture_output=True, text=True, cwd=folder,
            timeout=timeout, check=False, start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise CommandFailed(argv, f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(argv, f"no end after {timeout:.0f} s") from None
    if done.returncode:
        reason = done.stderr or done.stdout or f"exit code {done.returncode}"
        raise CommandFailed(argv, reason)
    return done.stdout

"""The command line as a user types it."""

import os
import subprocess
import sys


def cniperf(*words, environ=None, before=()):
    done = subprocess.run(
        [*before, sys.executable, "-m", "cniperf", *map(str, words)],
        capture_output=True, text=True, env={**os.environ, **(environ or {})}, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def refused(done, says, code):
    """One line on standard error, and that exit code."""
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("cniperf: ") and says in done.stderr

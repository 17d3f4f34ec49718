"""Signals that reach a verb at random instants of its life."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import ended

CNIPERF = str(Path(sys.executable).with_name("cniperf"))
BOTH = (signal.SIGINT, signal.SIGTERM)


def started(*words, folder=None, environ=None):
    return subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=folder, env={**os.environ, **(environ or {})}, start_new_session=True,
    )  # fmt: skip


def assert_heard(process, number, out, err, complete):
    """The verb was stopped, with one line, or it had done its work."""
    assert "Traceback" not in out + err and len(err.splitlines()) <= 1, err
    if process.returncode == -number:  # the shell that starts Python is no program of ours
        assert out == err == "" or number == signal.SIGKILL
    elif process.returncode:
        assert process.returncode == 128 + number, (out, err)
        assert err == f"cniperf: stopped by {number.name}; nothing is left running\n"
    else:
        assert complete(out), (out, err)


def tried(words, turns, longest, folder, complete, signals=BOTH):
    """Send a verb signals at random instants of its life, more of them at its beginning."""
    dice = random.Random()
    for turn in turns:
        after = dice.random() * (0.1 if turn % 2 else longest)
        process, number = started(CNIPERF, *words, folder=folder), dice.choice(signals)
        time.sleep(after)
        process.send_signal(number)
        out, err = ended(process, within=30)
        assert_heard(process, number, out, err, complete)
        yield f"{number.name} after {after:.3f} s: {out[-200:]} {err}"

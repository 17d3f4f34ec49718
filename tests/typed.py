"""The command line as a user types it."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

# Its processes have imported cniperf already, which takes longer than most verbs.
READY = multiprocessing.get_context("forkserver")
READY.set_forkserver_preload(["cniperf.cli.verbs", "cniperf.analysis.compare", "pandas"])
FOUND = os.environ.get("PYTHONPATH")  # where they found it


def cniperf(*words, environ=None, before=()):
    """Run a verb; in a new interpreter where its environment or what stands before it matters."""
    words = list(map(str, words))
    anew = environ or before or os.environ.get("PYTHONPATH") != FOUND
    done = _started(words, environ, before) if anew else _forked(words)
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def _started(words, environ, before):
    return subprocess.run(
        [*before, sys.executable, "-m", "cniperf", *words],
        capture_output=True, text=True, env={**os.environ, **(environ or {})}, timeout=120,
    )  # fmt: skip


def _forked(words):
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = READY.Process(target=_verb, args=(words, dict(os.environ), os.getcwd(), out, err))  # noqa: PTH109
        process.start()
        process.join(120)
        if process.is_alive():
            process.kill()
            raise TimeoutError(f"{words} did not end")
        said = [file.read_text(encoding="utf-8") for file in (out, err)]
        return CompletedProcess(words, process.exitcode, *said)


def _verb(words, environ, folder, *files):
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    for number, file in enumerate((os.devnull, *files)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
    sys.argv = ["cniperf", *words]
    runpy.run_module("cniperf", run_name="__main__", alter_sys=True)


def refused(done, says, code):
    """One line on standard error, and that exit code."""
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("cniperf: ") and says in done.stderr

"""What the command line says of itself: help, completion, findings."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from typed import cniperf
from typer.main import get_command

from cniperf.cli.app import EXIT_CODES, report_findings
from cniperf.cli.options import PANELS
from cniperf.cli.verbs import app
from cniperf.doctor import Finding

VERBS = [
    [name, *rest]
    for name, command in get_command(app).commands.items()
    for rest in ([[each] for each in command.commands] if hasattr(command, "commands") else [[]])
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_examples(verb):
    text = cniperf(*verb, "--help").stdout
    assert "Examples:" in text and f"cniperf {' '.join(verb)}" in text


def test_help_lists_every_verb():
    text = cniperf("--help").stdout
    assert len(VERBS) > 15 and all(re.search(rf"^\W*{verb[0]} ", text, re.M) for verb in VERBS)


def test_help_lists_every_exit_code():
    text = cniperf("--help").stdout
    assert all(f"{code}  {meaning}" in text for code, meaning in EXIT_CODES.items())


@pytest.mark.parametrize("verb", ["run", "suite", "sweep"])
def test_help_fits_80_columns_and_has_panels(verb):
    lines = cniperf(verb, "--help", environ={"COLUMNS": "80"}).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    panels = [line.strip("╭─╮ ") for line in lines if line.startswith("╭")]
    assert panels[-len(PANELS) :] == list(PANELS)


COMPLETED = [("cniperf run --nic ", 3,
              ["virtio", "offload", "plain", "big-128k", "big-192k", "own"]),
             ("cniperf run canal --bed l", 4, ["lab"]),
             ("cniperf suite cani macv", 3, ["macvlan"]),
             ("cniperf report --lang ", 3, ["en", "zh"])]  # fmt: skip


@pytest.mark.parametrize(("line", "word", "offered"), COMPLETED)
def test_the_shell_completes_what_can_be_listed(line, word, offered):
    environ = {"_CNIPERF_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word)}
    done = cniperf(environ=environ)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, offered, "")


def test_completion_can_be_installed(tmp_path):
    assert "--install-completion" in cniperf("--help").stdout
    script = shlex.join([sys.executable, "-m", "cniperf", "--install-completion"])
    done = subprocess.run(["bash", "-c", f"{script}; true"], capture_output=True, text=True,
                          env={**os.environ, "HOME": str(tmp_path)})  # fmt: skip
    assert "bash completion installed" in done.stdout, done.stderr
    assert "_CNIPERF_COMPLETE" in (tmp_path / ".bash_completions/cniperf.sh").read_text()


@pytest.mark.parametrize(
    ("finding", "lines"),
    [
        (Finding("ovs", True, "fine"), ["ok ovs fine"]),
        (Finding("ovs", True, "slow", ("a",)), ["warn ovs slow", "fix: a"]),
        (Finding("ipvlan", False, "missing", ("modprobe ipvlan", "b")),
         ["NO ipvlan missing", "fix: modprobe ipvlan", "or: b"]),
    ],
)  # fmt: skip
def test_a_finding_has_a_mark_of_its_own_and_a_fix_a_line(capsys, finding, lines):
    report_findings("Heading", [finding])
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "Heading", *lines,
    ]  # fmt: skip

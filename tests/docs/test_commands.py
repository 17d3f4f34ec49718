"""The commands and code of the book and the README run, its quotations are compared."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from book import BLOCKS, blocks_of, each
from conftest import ROOT

from cniperf.cli.app import EXIT_CODES
from cniperf.params import Experiment
from cniperf.runs import load_runs

# What is run in the place of a command that would take long, or needs a name that is not there;
# None: it is not run, for the reason beside it.
ROUND = "--rounds 1 --target 0 --omit 0"
QUICK = f"{ROUND} --duration 1"
SUITE = f"cniperf suite macvlan {ROUND}"
TWINS = {
    "cniperf run canal --nic offload": "cniperf run canal --nic offload --duration 1 --omit 0",
    "cniperf run macvlan": "cniperf run macvlan --duration 1 --omit 0",
    "cniperf run macvlan --generator sockets":
        "cniperf run macvlan --generator sockets --duration 1 --omit 1",
    "cniperf suite --budget 15m": SUITE,
    "cniperf suite macvlan calico": SUITE,
    "cniperf suite macvlan linux-bridge": f"cniperf suite linux-bridge {ROUND}",
    "cniperf suite --mode rr": f"cniperf suite hostnetwork --mode rr {QUICK}",
    "cniperf suite --equal-load": f"cniperf suite hostnetwork --equal-load {QUICK}",
    "cniperf suite --resume NAME": None,  # tests/measure/test_suite.py interrupts one
    "cniperf sweep --vary mtu=1450,1500,9000 --vary streams=1,4":
        f"cniperf sweep --vary mtu=9000 --schemes macvlan {QUICK}",
    "cniperf report data/reference": "cniperf report data/counted --format html",
    "cniperf notebook macvlan": "cniperf notebook macvlan --rounds 1 --duration 1 --omit 0",
    "cniperf report data/reference --format html,pdf,md --lang zh":
        "cniperf report data/counted --format html,pdf,md --lang zh",
    "cniperf bench": None,  # ten minutes; docs/bench.md is what it wrote
    "cniperf capture a:eth0":
        "{ cniperf exec pod-a -- ping -c 9 -i 0.2 172.28.1.3 & cniperf capture a:eth0 -c 1; wait; }",
    "cniperf hosts check hosts.yaml": None,  # it needs two servers; tests/test_hosts_check.py has them
    "cniperf compare data/old data/new": "cniperf compare data/reference data/reference",
    "cniperf compare data/baseline data/new --within 2":
        "cniperf compare data/counted data/counted --within 2",
    "papermill run_scheme.ipynb out.ipynb -p scheme macvlan":
        "papermill run_scheme.ipynb out.ipynb -p scheme macvlan -p duration 1 -p rounds 1",
    "papermill run_scheme.ipynb out.ipynb -p scheme calico":
        "papermill run_scheme.ipynb out.ipynb -p scheme calico -p duration 1 -p rounds 1",
}  # fmt: skip
LONG = re.compile(r"cniperf (run|notebook|suite|sweep|bench)\b|papermill run_scheme")


# ── what is run ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checkout(tmp_path, monkeypatch, still):
    """A copy of the project that commands may write to."""
    home = tmp_path / "checkout"
    (home / "data").mkdir(parents=True)
    (home / "reports").mkdir()
    bare = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "cniperf", home / "cniperf", symlinks=True, ignore=bare)
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    for name in ("reference", "counted"):
        (home / "data" / name).symlink_to(ROOT / "data" / name)
    (home / ".venv").symlink_to(sys.prefix)
    monkeypatch.setenv("PYTHONPATH", f"{home}:{os.environ['PYTHONPATH']}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return home


def put_files(page, home):
    """Put the blocks of a page that are files where they belong."""
    for block in blocks_of(page):
        if name := block.marked("file:"):
            (home / name).write_text(block.text)


def commands(block):
    """The lines of a shell block as they are run here."""
    for line in block.text.splitlines():
        command = re.sub(r"(^|\s+)# .*", "", line).strip()
        plain = re.sub(r"^(sudo )?((\.\./)?\.venv/bin/)?", "", command)
        if plain in TWINS:
            yield from filter(None, [TWINS[plain]])
        elif command:
            assert not LONG.search(plain), f"{block}: give {plain!r} a shorter twin in TWINS"
            yield plain


def run_in(home, block):
    """Run a shell block as a person would; a line that fails ends it and is shown."""
    script = "\n".join(f"echo {shlex.quote('$ ' + line)}\n{line}" for line in commands(block))
    done = subprocess.run(["bash", "-e", "-c", script], cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


SHELL = [block for block in BLOCKS if block.is_shell]
OTHER_PAGES = [block for block in SHELL if block.page.name != "extending.md"]
RUN = set()


@pytest.mark.timeout(300)
@each(OTHER_PAGES)
def test_a_shell_block_runs(block, checkout):
    lines = set(commands(block))
    if not lines <= RUN:  # no need to run what another page has, too
        run_in(checkout, block)
    RUN.update(lines)


@each([block for block in BLOCKS if block.language == "python" and not block.mark])
def test_a_python_block_runs(block, checkout):
    code = [sys.executable, "-W", "error", "-c", block.text]
    done = subprocess.run(code, cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@each([block for block in BLOCKS if block.language == "yaml"])
def test_a_settings_file_has_names_that_there_are(block):
    known = {*Experiment.model_fields, "vary", "schemes", "budget", "target", "rounds", "seed"}
    found = yaml.safe_load(block.text)
    assert set(found) <= known and set(found.get("vary", {})) <= known


@each([block for block in BLOCKS if block.marked("the output of:")])
def test_a_quoted_output_is_what_the_command_prints(block):
    words = shlex.split(block.marked("the output of:"))
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == block.text.strip()


def test_a_block_that_is_not_run_says_why():
    known = ("not run by the tests: ", "the output of: ", "file: ")
    for block in BLOCKS:
        assert not block.mark or block.mark.startswith(known), block
        assert block.language in ("", "sh", "python", "yaml", "text"), block


def test_the_exit_codes_of_the_book_are_those_of_the_command_line():
    text = (ROOT / "docs/commands.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", text.split("### Exit codes")[1], re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == EXIT_CODES


# ── extending ─────────────────────────────────────────────────────────────────────────────────

EXTENDING = ROOT / "docs/extending.md"


@pytest.mark.lab
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_ninth_scheme_and_a_generator_are_one_file_each(checkout):
    put_files(EXTENDING, checkout)
    scheme, generator = (block for block in SHELL if block.page == EXTENDING)
    said = run_in(checkout, scheme)
    assert "linux-bridge: 100 packets of 1000 B each way" in said and "NOT proven" not in said
    (report,) = (checkout / "reports").glob("*/report.html")
    page = report.read_text()
    assert "<b>linux-bridge</b> loses" in page or "<b>linux-bridge</b> gains" in page
    assert "ip link set eth0 master pods0" in page
    run_in(checkout, generator)
    runs = load_runs(checkout / "data")
    assert runs["status"].eq("ok").all()
    assert {"hostnetwork", "linux-bridge"} <= set(runs["scheme"])
    (row,) = runs[runs["generator"].eq("sockets")].to_dict("records")
    assert row["gbps"] > 0.1 and row["version"] and row["duration"] == row["omit"] == 1


def test_the_new_names_are_offered_and_held_to_what_they_can(checkout):
    put_files(EXTENDING, checkout)
    words = [sys.executable, "-m", "cniperf", "run"]
    told = subprocess.run([*words, "--help"], capture_output=True, text=True, cwd=checkout).stdout
    assert "linux-bridge" in told and "sockets" in told
    wrong = [*words, "macvlan", "--generator", "sockets", "--streams", "2"]
    done = subprocess.run(wrong, capture_output=True, text=True, cwd=checkout)
    assert done.returncode == 2 and "streams=2 does not go with" in done.stderr


@each([block for block in BLOCKS if block.marked("file:")])
def test_a_file_of_the_book_has_the_projects_style(block):
    ruff = Path(sys.executable).with_name("ruff")
    name = ["--stdin-filename", ROOT / block.marked("file:"), "-"]
    for words in (["check", "--quiet"], ["format", "--check", "--quiet"]):
        done = subprocess.run([ruff, *words, *name], input=block.text, cwd=ROOT, text=True,
                              capture_output=True)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

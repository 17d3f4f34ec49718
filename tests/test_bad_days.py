"""Whatever ends a run, at whatever moment, the machine is as it was and no half run is left.

The guard in conftest compares the machine before and after each of these.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, ended, machine_state, settled

from cniperf.beds.journal import journals
from cniperf.runs import run_folders

pytestmark = pytest.mark.lab

MOMENTS = [0.2, 0.5, 0.8, 1.2, 2.5]  # seconds: importing, building, wiring, loading
PAPERMILL = str(Path(sys.executable).with_name("papermill"))
RUN = [sys.executable, "-m", "cniperf", "run"]


def started(tmp_path, *words, cwd=None):
    return subprocess.Popen(
        [*map(str, words), *([] if words[0] == PAPERMILL else ["--data-dir", str(tmp_path / "d")])],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, start_new_session=True,
    )  # fmt: skip


def assert_no_run(folder):
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("after", MOMENTS)
@pytest.mark.parametrize("scheme", ["canal", "ovs"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_in_good_order(tmp_path, number, code, scheme, after):
    before = machine_state()
    run = started(tmp_path, *RUN, scheme)
    time.sleep(after)
    run.send_signal(number)
    _, said = ended(run, within=20)
    assert machine_state() == before  # at once: the run itself has tidied up
    if after > MOMENTS[0]:  # the interpreter may not have got to our handlers before
        assert run.returncode == code
        assert said.startswith("cniperf: stopped by") and len(said.splitlines()) == 1
    assert_no_run(tmp_path / "d")


@pytest.mark.parametrize("after", MOMENTS)
@pytest.mark.parametrize("scheme", ["canal", "ovs"])
def test_a_killed_run_is_swept_by_its_reaper(tmp_path, scheme, after):
    before = machine_state()
    run = started(tmp_path, *RUN, scheme)
    time.sleep(after)
    run.kill()
    run.communicate()
    assert settled(before) == before
    assert_no_run(tmp_path / "d")


@pytest.mark.parametrize("sweeper", ["clean", "prove"])
def test_what_even_the_reaper_could_not_sweep_is_swept_later(tmp_path, sweeper):
    run = started(tmp_path, *RUN, "ovs")
    (journal,) = wait_for(lambda: [j for j in journals() if len(j.entries("process")) >= 6])
    for pid in reapers_of(journal):
        os.kill(pid, signal.SIGKILL)
    run.kill()
    run.communicate()
    assert not journal.owner_lives() and journal.path.exists()
    namespaces = subprocess.check_output(["ip", "netns"], text=True)
    assert journal.path.stem in namespaces
    words = {
        "clean": ["clean"],
        "prove": ["prove", "macvlan"],
    }
    done = subprocess.run([sys.executable, "-m", "cniperf", *map(str, words[sweeper])], text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    if sweeper == "clean":
        assert f"removed: {journal.path.stem}" in done.stdout
    assert_no_run(tmp_path / "d")


def test_a_second_run_is_told_who_holds_the_machine(tmp_path):
    first = started(tmp_path, *RUN, "calico")
    wait_for(lambda: list(journals()))
    second = started(tmp_path, *RUN, "macvlan")
    _, said = ended(second, within=20)
    assert second.returncode == 1
    assert f"measuring calico (pid {first.pid}" in said and len(said.splitlines()) == 1
    first.terminate()
    first.communicate()


def test_clean_leaves_a_living_lab_alone(tmp_path):
    run = started(tmp_path, *RUN, "calico")
    (journal,) = wait_for(lambda: list(journals()))
    done = subprocess.run(
        [sys.executable, "-m", "cniperf", "clean"], capture_output=True, text=True
    )
    assert "nothing to remove" in done.stdout and journal.path.stem in done.stdout
    assert run.poll() is None and journal.path.exists()
    run.terminate()
    run.communicate()


@pytest.mark.notebook
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_papermill_leaves_nothing(tmp_path, number):
    """papermill skips every `finally` on SIGTERM; the lab's reaper does not."""
    before = machine_state()
    words = [PAPERMILL, "run_scheme.ipynb", str(tmp_path / "out.ipynb"), "-p", "scheme", "canal",
             "-p", "data_dir", str(tmp_path / "d")]  # fmt: skip
    run = started(tmp_path, *words, cwd=ROOT / "notebooks")
    wait_for(lambda: [j for j in journals() if j.entries("process")], within=30)
    run.send_signal(number)
    ended(run, within=30)
    assert settled(before, within=10) == before
    assert_no_run(tmp_path / "d")


@pytest.mark.notebook
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_suite_leaves_its_whole_runs_and_nothing_else(tmp_path, number, code):
    before = machine_state()
    words = [sys.executable, "-m", "cniperf", "suite", "macvlan", "--duration", "2", "--omit", "0"]
    run = started(tmp_path, *words, "--out-dir", tmp_path / "report")
    wait_for(lambda: list((tmp_path / "d").glob("[0-9]*/run.json")), within=40)
    wait_for(lambda: [j for j in journals() if j.entries("process")])
    run.send_signal(number)
    _, said = ended(run, within=30)
    assert run.returncode == code, said
    assert len(said.splitlines()) == 1 and "stopped by" in said
    assert settled(before) == before
    folders = run_folders(tmp_path / "d")
    assert len(folders) == len(list((tmp_path / "d").iterdir())) - 1  # and the suites' folder
    for folder in folders:
        assert json.loads((folder / "run.json").read_text())["status"] == "ok"


def test_a_second_signal_does_not_cut_the_tidying_short(tmp_path):
    run = started(tmp_path, *RUN, "macvlan", "--duration", "5")
    wait_for(lambda: [j for j in journals() if j.entries("process")], within=20)
    for _ in range(5):
        run.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    _, said = ended(run, within=30)
    assert run.returncode == 143
    assert said == "cniperf: stopped by SIGTERM; nothing is left running\n"


def wait_for(look, within=10.0):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def reapers_of(journal):
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if "cniperf.beds.reaper" in words and str(journal.path) in words:
                found.append(int(folder.name))
    return found


def test_a_process_that_does_not_end_tells_where_it_hangs(tmp_path):
    """What the tests above say of such a one: without it, only that it did not end."""
    hanging = started(
        tmp_path, sys.executable, "-c", "import time; print('hi', flush=True); time.sleep(60)"
    )
    with pytest.raises(pytest.fail.Exception, match=r"(?s)no end within.*time.sleep.*hi") as told:
        ended(hanging, within=2)
    assert 'File "<string>", line 1' in str(told.value)

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cniperf.beds.journal import Journal, journals, sweep_dead
from cniperf.beds.lock import machine_lock
from cniperf.beds.reaper import swept
from cniperf.errors import NotAble


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("CNIPERF_STATE_DIR", str(tmp_path / "state"))


def sleeper():
    return subprocess.Popen(["sleep", "60"])


def test_a_sweep_ends_exactly_the_processes_written_down(tmp_path):
    journal, written, other = Journal.open("x"), sleeper(), sleeper()
    journal.add_process(written.pid)
    assert journal.sweep()
    assert written.wait(1) == -signal.SIGTERM
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_process_that_will_not_go_is_killed():
    stubborn = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN);"
         "print('ready', flush=True); time.sleep(60)"], stdout=subprocess.PIPE)  # fmt: skip
    stubborn.stdout.readline()
    journal = Journal.open("x")
    journal.add_process(stubborn.pid)
    journal.sweep()
    assert stubborn.wait(1) == -signal.SIGKILL
    stubborn.stdout.close()


def test_a_pid_that_was_given_to_somebody_else_is_spared():
    journal, other = Journal.open("x"), sleeper()
    with journal.path.open("a") as file:
        file.write(json.dumps({"process": [other.pid, 1]}) + "\n")  # another start time
    journal.sweep()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_sweep_removes_folders_and_the_journal(tmp_path):
    journal = Journal.open("x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/file").write_text("")
    journal.add_folder(tmp_path / "run")
    assert journal.sweep() and not journal.sweep()
    assert not (tmp_path / "run").exists() and list(journals()) == []


def test_a_torn_last_line_does_no_harm(tmp_path):
    journal = Journal.open("x")
    journal.add_folder(tmp_path / "run")
    with journal.path.open("a") as file:
        file.write('{"folder": "/')
    assert journal.entries("folder") == [str(tmp_path / "run")]


def leave_a_dead_journal():
    code = "from cniperf.beds.journal import Journal; Journal.open('dead')"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_the_labs_of_dead_owners_are_swept():
    living = Journal.open("living")
    leave_a_dead_journal()
    assert sweep_dead() == ["dead"]
    assert living.owner_lives() and living.path.exists()


def test_what_was_left_before_the_tests_is_no_deed_of_theirs(monkeypatch):
    """A lab test that sweeps it would be taken for its owner."""
    leave_a_dead_journal()
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # a worker has a state of its own
    words = ["-m", "pytest", "--collect-only", "--quiet", "-p", "no:xdist", __file__]
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    assert not list(journals())


def test_two_sweepers_do_not_trip_over_each_other():
    journal, child = Journal.open("x"), sleeper()
    journal.add_process(child.pid)
    swept = []
    threads = [
        threading.Thread(target=lambda: swept.append(Journal(journal.path).sweep()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    child.wait()
    for thread in threads:
        thread.join()
    assert sorted(swept) == [False, False, False, True]


def ignores(pid, number):
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    ignored = int(status.split("SigIgn:")[1].split()[0], 16)
    return bool(ignored & 1 << number - 1)


def test_the_reaper_sweeps_when_its_owner_ends(tmp_path):
    journal, child = Journal.open("x"), sleeper()
    journal.add_process(child.pid)
    reaper = subprocess.Popen(
        [sys.executable, "-m", "cniperf.beds.reaper", str(journal.path)], stdin=subprocess.PIPE
    )
    while not ignores(reaper.pid, signal.SIGINT):
        time.sleep(0.01)
    os.kill(reaper.pid, signal.SIGINT)  # a Ctrl-C is not for it
    time.sleep(0.1)
    assert reaper.poll() is None and child.poll() is None
    reaper.stdin.close()
    assert child.wait(5) == -signal.SIGTERM
    assert reaper.wait(5) == 0
    assert not journal.path.exists()


def test_a_journal_without_an_owner_is_left_alone_while_it_is_young():
    """Its lab may be about to write itself down: an SSH bed takes no lock of the machine."""
    journal = Journal.open("x")
    journal.path.write_text("")
    assert journal.owner_lives() and sweep_dead() == []
    os.utime(journal.path, (1, 1))
    assert sweep_dead() == ["x"]


def test_a_folder_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.setenv("CNIPERF_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1 + tmp_path.stat().st_uid)
    for begin in (lambda: Journal.open("ab12"), lambda: machine_lock("a run").__enter__()):
        with pytest.raises(NotAble, match=r"belongs to another user .* CNIPERF_STATE_DIR"):
            begin()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CNIPERF_STATE_DIR", str(tmp_path / "file" / "state"))
    with pytest.raises(NotAble, match=r"cannot make .*file/state: Not a directory"):
        Journal.open("ab12")


def test_relative_paths_are_those_of_the_owner_whoever_sweeps(tmp_path, monkeypatch):
    """A reaper is in another folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNIPERF_STATE_DIR", "state")
    with swept("x") as journal:
        assert journal.path == tmp_path / "state/x.journal"
        journal.add_folder(Path("data/.partial"))
        Path("data/.partial").mkdir(parents=True)
        monkeypatch.chdir("/")
        assert Journal(journal.path).sweep()
        assert not (tmp_path / "data/.partial").exists()


KILLED = """
import os, signal
from pathlib import Path
from cniperf.beds.reaper import swept
with swept("x") as journal:
    journal.add_folder(Path("made"))
    Path("made").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_made_is_swept(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    end = time.monotonic() + 20
    while (journals_left := list(journals())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not journals_left and not (tmp_path / "made").exists()

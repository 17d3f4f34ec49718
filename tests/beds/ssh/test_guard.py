"""The dead man's switch: its shell scripts, run by a real shell."""

import subprocess
import time
from pathlib import Path

import pytest

from cniperf.beds.ssh import guard


@pytest.fixture
def folder(tmp_path):
    """What a run has on a host, with an undo script that leaves a sign."""
    (tmp_path / "owner").write_text("mine\n")
    (tmp_path / "undo.sh").write_text(f"touch {tmp_path}/undone\n")
    (tmp_path / "switch.sh").write_text(guard.SWITCH)
    subprocess.run(["sh", "-c", f"d={tmp_path}; {guard.RENEW}"], check=True)
    return tmp_path


def claims(folder, number):
    """Let so many claim a host at once; return the exit code of each, and what it said."""
    claim = guard.CLAIM.format(grace=5, owner="mine").replace("/run/", f"{folder}/run/")
    (folder / "run").mkdir(exist_ok=True)
    script = folder / "switch.sh"  # a file, as a pipe would let one begin after the other
    script.write_text(guard.SWITCH)
    at_once = [
        subprocess.Popen(["sh", "-c", claim], stdin=script.open(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for _ in range(number)
    ]  # fmt: skip
    said = [each.communicate() for each in at_once]
    return [(each.returncode, *words) for each, words in zip(at_once, said, strict=True)]


@pytest.mark.parametrize("number", range(10))
def test_of_some_who_claim_a_host_at_once_one_gets_it_whole(number, tmp_path):
    found = sorted(claims(tmp_path, 8))
    code, said, _ = found[0]
    folder = Path(said.strip())
    assert code == 0 and list((tmp_path / "run").iterdir()) == [folder]
    assert (folder / "switch.sh").read_text() == guard.SWITCH
    assert {file.name for file in folder.iterdir()} == {
        "files", "grace", "lease", "owner", "pids", "switch.sh"}  # fmt: skip
    # The others are told how many seconds ago it was heard.
    assert [(code, said) for code, said, _ in found[1:]] == [(3, "")] * 7
    assert all(told.strip().isdigit() for _, _, told in found[1:])


def test_a_host_whose_switch_was_killed_is_taken_back_and_claimed(tmp_path):
    ((_, said, _),) = claims(tmp_path, 1)
    folder = Path(said.strip())
    (folder / "undo.sh").write_text(f"touch {tmp_path}/undone\n")
    (folder / "lease").write_text("1\n")
    ((code, said, _),) = claims(tmp_path, 1)
    assert code == 0 and Path(said.strip()) == folder
    assert (tmp_path / "undone").exists() and not (folder / "undo.sh").exists()


@pytest.mark.parametrize("lease", [None, "", "soon"])
def test_a_host_whose_lease_cannot_be_read_is_not_taken(lease, tmp_path):
    """Nothing tells that its run is over."""
    ((_, said, _),) = claims(tmp_path, 1)
    folder = Path(said.strip())
    (folder / "undo.sh").write_text(f"touch {tmp_path}/undone\n")
    (folder / "lease").unlink() if lease is None else (folder / "lease").write_text(lease)
    assert claims(tmp_path, 1) == [(5, "", f"{folder}\n")]
    assert not (tmp_path / "undone").exists() and list((tmp_path / "run").iterdir()) == [folder]


def watch(folder, owner, grace):
    return subprocess.Popen(["sh", str(folder / "switch.sh"), str(folder), str(grace), owner])


def test_a_lease_is_never_found_empty_while_it_is_renewed(folder):
    """An empty one would be taken for one that is over."""
    renew = f"d={folder}; n=0; while [ $n -lt 300 ]; do n=$((n+1)); {guard.RENEW}; done"
    with subprocess.Popen(["sh", "-c", renew]) as renewing:
        while renewing.poll() is None:
            assert (folder / "lease").read_text().strip().isdigit()
    assert sorted(file.name for file in folder.glob("lease*")) == ["lease"]


def test_a_switch_fires_once_its_time_is_over(folder):
    with watch(folder, "mine", grace=1) as switch:
        assert switch.wait(timeout=15) == 0
    assert (folder / "undone").exists()


@pytest.mark.parametrize("lease", [None, "", "soon"])
def test_a_switch_fires_where_its_lease_cannot_be_read(folder, lease):
    (folder / "lease").unlink() if lease is None else (folder / "lease").write_text(lease)
    with watch(folder, "mine", grace=1) as switch:
        assert switch.wait(timeout=15) == 0
    assert (folder / "undone").exists()


def test_a_switch_leaves_the_next_run_alone(folder):
    """A run that ended may be followed by another within the second that its switch sleeps."""
    (folder / "lease").write_text("1\n")
    with watch(folder, "of a run before", grace=1) as switch:
        assert switch.wait(timeout=15) == 0
    assert not (folder / "undone").exists()


def test_a_switch_waits_while_the_lease_is_renewed(folder):
    with watch(folder, "mine", grace=2) as switch:
        for _ in range(5):
            time.sleep(1)
            subprocess.run(["sh", "-c", f"d={folder}; {guard.RENEW}"], check=True)
            assert switch.poll() is None
        (folder / "owner").unlink()
        assert switch.wait(timeout=15) == 0
    assert not (folder / "undone").exists()

"""The dead man's switch: its shell scripts, run by a real shell."""

import subprocess
import time

import pytest

from cniperf.beds import guard


@pytest.fixture
def folder(tmp_path):
    """What a run has on a host, with an undo script that leaves a sign."""
    (tmp_path / "owner").write_text("mine\n")
    (tmp_path / "undo.sh").write_text(f"touch {tmp_path}/undone\n")
    (tmp_path / "switch.sh").write_text(guard.SWITCH)
    subprocess.run(["sh", "-c", f"d={tmp_path}; {guard.RENEW}"], check=True)
    return tmp_path


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

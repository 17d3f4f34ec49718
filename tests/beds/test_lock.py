import subprocess
import sys

import pytest

from cniperf.beds.lock import machine_lock
from cniperf.errors import Busy

HOLD = "from cniperf.beds.lock import machine_lock\nwith machine_lock('a test'): {}"


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("CNIPERF_STATE_DIR", str(tmp_path / "state"))


def test_who_holds_the_machine_is_said():
    held = "print('held', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(held)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    holder.stdout.readline()
    with pytest.raises(Busy, match=f"a test .pid {holder.pid}, since"), machine_lock("me"):
        pass
    holder.kill()  # the kernel gives the lock back
    holder.communicate()
    with machine_lock("me"):
        pass


def test_a_child_of_the_holder_shares_it():
    with machine_lock("the parent"):
        done = subprocess.run(
            [sys.executable, "-c", HOLD.format("print('in')")], capture_output=True
        )
    assert done.stdout == b"in\n"


def test_it_is_free_again_afterwards():
    for _ in range(2):
        with machine_lock("me"):
            pass

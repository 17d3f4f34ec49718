"""However a run in guests ends, its guests end with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import cannot_here

from cniperf.beds.bottle import qemu
from cniperf.runs import load_runs

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(300)]

LONGEST = 60.0  # seconds until a run that lost a guest has ended


@pytest.fixture(autouse=True)
def _can():
    if gone := qemu.missing():
        cannot_here(f"no guests without {', '.join(gone)}")


def start_run(tmp_path, bed="vm") -> subprocess.Popen[str]:
    """A run of a minute in a process of its own."""
    command = [sys.executable, "-m", "cniperf", "run", "calico", "--bed", bed, "--duration", "60",
               "--data-dir", tmp_path]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)  # fmt: skip


def guests_of(pid: int) -> list[int]:
    """The QEMU processes that a process has started."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, fields = file.read_text().rpartition(")")
        except OSError:
            continue
        if "(qemu-system" in name and int(fields.split()[1]) == pid:
            found.append(int(file.parent.name))
    return found


def await_load(process) -> None:
    for line in process.stdout:
        if "leave the interface" in line or "counts" in line:
            return
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize("name", ["guest-a", "guest-b"])
def test_a_guest_that_is_killed_in_the_middle_is_one_line_and_no_run(tmp_path, name):
    process = start_run(tmp_path)
    try:
        await_load(process)
        (guest,) = (pid for pid in guests_of(process.pid)
                    if f"-name\0{name}," in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"))  # fmt: skip
        os.kill(guest, signal.SIGKILL)
        _, said = process.communicate(timeout=LONGEST)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1
    assert said.count("\n") == 1 and "a guest ended in the middle of a run" in said
    assert [row for row in load_runs(tmp_path)["status"] if row == "ok"] == []


@pytest.mark.parametrize(("bed", "count"), [("vm", 2), ("counted", 1)])
def test_a_controller_that_is_killed_leaves_no_guest_and_no_half_run(bed, count, tmp_path):
    process = start_run(tmp_path, bed)
    await_load(process)
    own = guests_of(process.pid)
    assert len(own) == count
    process.kill()
    process.communicate()

    def left():
        return [*filter(Path.exists, (Path(f"/proc/{pid}") for pid in own)), *tmp_path.iterdir()]

    end = time.monotonic() + 5
    while left() and time.monotonic() < end:
        time.sleep(0.05)
    assert not left()

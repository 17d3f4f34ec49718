"""Each worker of the tests has labs of its own: a /run with its own named namespaces and journals.

So workers can build labs at the same time, and each finds whether its own tests left anything.
"""

import ctypes
import os
import subprocess
from pathlib import Path

import pytest

from cniperf.beds.privilege import is_rootless
from cniperf.beds.rootless import OWN_RUN

CLONE_NEWNS = 0x20000  # linux/sched.h


def pytest_configure(config: pytest.Config) -> None:
    """Let a worker that is root have its own /run; what it starts has the same."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not worker or os.geteuid() != 0:
        return
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "-n", "--make-rprivate", "/"], check=True)
    subprocess.run(["sh", "-c", OWN_RUN, "apart", "true"], check=True)
    os.environ["CNIPERF_STATE_DIR"] = f"/run/cniperf-{worker}"


def is_own(process: Path) -> bool:
    """Return whether a process (``/proc/PID``) was started by this worker's tests, or by theirs."""
    state = os.environ.get("CNIPERF_STATE_DIR")
    try:
        if is_rootless():
            return (process / "ns/user").samefile("/proc/self/ns/user")
        if not state or "PYTEST_XDIST_WORKER" not in os.environ:
            return True
        if (process / "ns/mnt").samefile("/proc/self/ns/mnt"):
            return True
        return f"CNIPERF_STATE_DIR={state}".encode() in (process / "environ").read_bytes()
    except OSError:
        return False

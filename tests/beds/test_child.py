"""What a process started must not outlive: the one that started it."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cniperf.beds.child import listeners

# Starts a sleep whose setpriv is slow, or whose sleep runs already; then waits to be killed.
OWNER = """
import subprocess, sys
from cniperf.beds.child import ends_with_us
subprocess.Popen(ends_with_us(["sleep", sys.argv[1]]), stdout=subprocess.DEVNULL)
print("started", flush=True)
sys.stdin.read()
"""
SLOW = '#!/bin/sh\nsleep 0.5\nPATH="${PATH#*:}" exec setpriv "$@"\n'


@pytest.mark.parametrize("slow", [False, True], ids=["once it runs", "before the kernel is asked"])
def test_a_process_ends_with_the_one_that_started_it_even_by_sigkill(tmp_path, slow):
    mark = f"60.{os.getpid()}{int(slow)}"  # seconds that no other sleep takes
    if slow:
        (tmp_path / "setpriv").write_text(SLOW)
        (tmp_path / "setpriv").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, mark], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, env={**os.environ, "PATH": path})  # fmt: skip
    assert owner.stdout.readline() == b"started\n"
    if not slow:
        assert comes_about(lambda: runs(mark))
    owner.kill()
    owner.communicate()
    if slow:
        time.sleep(1)  # setpriv starts after its parent has ended
    assert comes_about(lambda: not runs(mark))


@pytest.mark.parametrize(("family", "address", "table"), [
    (socket.AF_INET, "127.0.0.1", "tcp"), (socket.AF_INET6, "::1", "tcp6"),
])  # fmt: skip
def test_who_listens_is_read_from_the_kernels_table(family, address, table):
    with socket.socket(family) as end:
        end.bind((address, 0))
        end.listen()
        port = end.getsockname()[1]
        said = Path(f"/proc/self/net/{table}").read_text(encoding="ascii")
        assert listeners(said, address, port) == {f"socket:[{os.fstat(end.fileno()).st_ino}]"}
        assert not listeners(said, address, port + 1)


def runs(mark: str) -> bool:
    """Tell whether a sleep with this mark runs, or may yet."""
    return any(words[:2] == ["sleep", mark] for words in map(command, Path("/proc").glob("[0-9]*")))


def command(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_text().split("\0")
    except OSError:
        return []


def comes_about(look, within=5.0):
    deadline = time.monotonic() + within
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found

"""A process that a bed started on one of its hosts, and what ``/proc`` reports about it."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from subprocess import Popen
from typing import Protocol

from cniperf import stop
from cniperf.ip import version

TCP_LISTEN = "0A"  # net/tcp_states.h, as /proc/net/tcp prints it


class Child(Protocol):
    """A process on a host of any bed."""

    @property
    def pid(self) -> int:
        """Its process id, as its host counts them."""

    @property
    def returncode(self) -> int | None:
        """The exit code, once it has ended and cniperf has looked."""

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it; it is not asked."""

    def wait(self) -> int:
        """Wait until it has ended; return the exit code."""

    def ended(self, within: float) -> bool:
        """Wait for its end, this many seconds at most; return whether it has ended."""

    def listens(self, address: str, port: int) -> bool:
        """Return whether it, and no other process there, listens on a TCP port."""

    def bytes_carried(self, device: str) -> int | None:
        """Return the bytes that a device in its network namespace has received and sent."""

    def sleeps_in_shell(self) -> bool:
        """Return whether it is still a shell, and waits for something."""


class LocalChild(Popen[bytes]):
    """A child of this process; ``/proc`` is read without a process more."""

    def ended(self, within: float) -> bool:
        """Wait without waking up meanwhile: each wake-up would cost the load."""
        if self.poll() is not None:
            return True
        end = os.pidfd_open(self.pid)
        try:
            stop.wait(end, seconds=within)
        finally:
            os.close(end)
        return self.poll() is not None

    def listens(self, address: str, port: int) -> bool:
        """Return whether it, and no other process there, listens on a TCP port."""
        table = self._net_file("tcp6" if version(address) == 6 else "tcp")
        return bool(listeners(table, address, port) & self._open_files())

    def bytes_carried(self, device: str) -> int | None:
        """Return the bytes that a device in its network namespace has received and sent."""
        return carried(self._net_file("dev"), device)

    def sleeps_in_shell(self) -> bool:
        """Return whether it is still a shell, and waits for something."""
        return sleeping_shell(
            Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        )

    def _net_file(self, name: str) -> str:
        """Read a file of its ``/proc/PID/net``, empty until it has entered its namespace."""
        proc = Path(f"/proc/{self.pid}")
        with suppress(OSError):
            text = (proc / "net" / name).read_text(encoding="utf-8")
            if (proc / "ns/net").stat().st_ino != Path("/proc/self/ns/net").stat().st_ino:
                return text
        return ""

    def _open_files(self) -> set[str]:
        """Return what it has open, as ``/proc/PID/fd`` names it."""
        names = set()
        with suppress(OSError):
            for link in Path(f"/proc/{self.pid}/fd").iterdir():
                with suppress(OSError):
                    names.add(str(link.readlink()))
        return names


def ends_with_us(argv: Sequence[str]) -> list[str]:
    """Return a command that the kernel kills as soon as this process has ended, however it ended.

    The kernel sends that signal once, when the parent ends: a parent that ended before the signal
    was asked for is seen by the shell, which starts nothing then.
    """
    alive = '[ "$PPID" = "$0" ] && exec "$@"'
    return ["setpriv", "--pdeathsig", "KILL", "sh", "-c", alive, str(os.getpid()), *argv]


def end_all(children: Sequence[Child], grace: float) -> None:
    """Ask processes to end; those that have not after this many seconds are not asked again."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    limit = time.monotonic() + grace
    for child in children:
        if not child.ended(within=max(0.0, limit - time.monotonic())):
            child.kill()
        child.wait()


def listeners(table: str, address: str, port: int) -> set[str]:
    """Return the sockets that listen on an address, from ``/proc/net/tcp``: ``socket:[INODE]``.

    Args:
        table: that file, or ``tcp6`` beside it. Both have an address in words of 32 bits.
        address: the address.
        port: the port.
    """
    packed = ip_address(address).packed
    words = (packed[first : first + 4] for first in range(0, len(packed), 4))
    own = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    local = f"{own}:{port:04X}"
    rows = [line.split() for line in table.splitlines()]
    return {f"socket:[{row[9]}]" for row in rows if row[1:4:2] == [local, TCP_LISTEN]}


def carried(table: str, device: str) -> int | None:
    """Return the bytes that a device received and sent, from ``/proc/net/dev``."""
    for line in table.splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == device:
            received, sent = counters.split()[0:9:8]
            return int(received) + int(sent)
    return None


def sleeping_shell(stat: str) -> bool:
    """Return from ``/proc/PID/stat`` whether this is a shell that sleeps."""
    name, _, rest = stat.rpartition(")")
    return name.endswith("(sh") and rest.split()[0] == "S"

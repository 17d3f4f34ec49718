"""What ``/proc`` tells of a process that was started on a host, without a process more."""

import sys
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

TCP_LISTEN = "0A"  # net/tcp_states.h, as /proc/net/tcp prints it


def listens(child: Popen[bytes], address: str, port: int) -> bool:
    """Tell whether a child itself, and nobody else there, listens on a TCP port."""
    packed = bytes(int(part) for part in address.split("."))
    local = f"{int.from_bytes(packed, sys.byteorder):08X}:{port:04X}"
    rows = [line.split() for line in _net_file(child, "tcp").splitlines()]
    listening = {f"socket:[{row[9]}]" for row in rows if row[1:4:2] == [local, TCP_LISTEN]}
    return bool(listening & _open_files(child))


def bytes_carried(child: Popen[bytes], device: str) -> int | None:
    """Return the bytes that a device in a child's network namespace has received and sent."""
    for line in _net_file(child, "dev").splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == device:
            received, sent = counters.split()[0:9:8]
            return int(received) + int(sent)
    return None


def _net_file(child: Popen[bytes], name: str) -> str:
    """Read a file of ``/proc/PID/net``; it is empty until the child has entered its namespace."""
    proc = Path(f"/proc/{child.pid}")
    with suppress(OSError):
        text = (proc / "net" / name).read_text()
        if (proc / "ns/net").stat().st_ino != Path("/proc/self/ns/net").stat().st_ino:
            return text
    return ""


def _open_files(child: Popen[bytes]) -> set[str]:
    """Return what a child has open, as ``/proc/PID/fd`` names it."""
    names = set()
    with suppress(OSError):
        for link in Path(f"/proc/{child.pid}/fd").iterdir():
            with suppress(OSError):
                names.add(str(link.readlink()))
    return names

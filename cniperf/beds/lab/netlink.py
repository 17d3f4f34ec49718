"""All netlink of this process, on one thread of its own.

pyroute2's plain calls fail where an event loop runs already, as it does in a notebook's
cell. And a thread can step into another network namespace by itself: opening a socket there
takes 1 ms, where a forked helper takes 10.
"""

import ctypes
import errno
import os
import socket as sockets  # as a class here has a method of that name
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cniperf.beds.journal import NETNS_DIR
from cniperf.ip import Version

T = TypeVar("T")

CLONE_NEWNET = 0x40000000  # linux/sched.h


class Netlink:
    """Open netlink sockets by the name of their network namespace.

    Every method but :meth:`do` must run inside a function handed to :meth:`do`.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cniperf-netlink")
        self._sockets: dict[str, Any] = {}

    def do(self, work: Callable[[], T]) -> T:
        """Run a function on the netlink thread and return what it returns."""
        return self._thread.submit(work).result()

    def socket(self, namespace: str) -> Any:  # noqa: ANN401
        """Return the open ``pyroute2.IPRoute`` of a named namespace; it is kept open."""
        if namespace not in self._sockets:
            fd = os.open(NETNS_DIR / namespace, os.O_RDONLY)
            try:
                self._sockets[namespace] = _away(lambda: _enter(fd), _open)
            finally:
                os.close(fd)
        return self._sockets[namespace]

    def udp_socket(self, namespace: str, ip: Version = 4) -> sockets.socket:
        """Return a new UDP socket of a named namespace; it may be used on any thread."""
        family = {4: sockets.AF_INET, 6: sockets.AF_INET6}[ip]
        fd = os.open(NETNS_DIR / namespace, os.O_RDONLY)
        try:
            return _away(lambda: _enter(fd), lambda: sockets.socket(family, sockets.SOCK_DGRAM))
        finally:
            os.close(fd)

    def set_sysctl(self, key: str, value: str, namespace: str) -> None:
        """Write a kernel parameter; /proc/sys/net is that of the thread that opens a file of it.

        A dot in the name of a device stands as a slash in the key, as sysctl(8) has it.
        """
        file = "/proc/sys/" + key.translate(str.maketrans("./", "/."))
        fd = os.open(NETNS_DIR / namespace, os.O_RDONLY)
        try:
            _away(lambda: _enter(fd), lambda: Path(file).write_text(value, encoding="utf-8"))
        finally:
            os.close(fd)

    def links(self, namespace: str) -> dict[str, str]:
        """Return the devices of a named namespace and their MAC addresses."""
        found = self.socket(namespace).get_links()
        return {link.get("ifname"): link.get("address") or "" for link in found}

    def mtu(self, device: str, namespace: str) -> int:
        """Return a device's MTU in bytes; NetlinkError ENODEV where there is none."""
        index = self.index(device, namespace)
        (link,) = self.socket(namespace).get_links(index)
        return int(link.get("mtu"))

    def add_netns(self, name: str) -> None:
        """Make a named network namespace, as ``ip netns add`` does.

        Raises:
            FileExistsError: the name is taken.
        """
        from pyroute2 import netns

        def make() -> Any:  # noqa: ANN401
            netns.attach(name, "thread-self")
            return _open()

        self._sockets[name] = _away(_unshare, make)

    def forget(self, name: str) -> None:
        """Close the socket of a namespace; an open one would keep a deleted namespace alive."""
        if name in self._sockets:
            self._sockets.pop(name).close()

    def del_netns(self, name: str) -> None:
        """Delete a named network namespace; no error where there is none."""
        from pyroute2 import netns

        self.forget(name)
        if (NETNS_DIR / name).exists():
            netns.remove(name)

    def index(self, device: str, namespace: str) -> int:
        """Return a device's interface index; NetlinkError ENODEV where there is none."""
        from pyroute2.netlink.exceptions import NetlinkError

        found = self.socket(namespace).link_lookup(ifname=device)
        if not found:
            raise NetlinkError(errno.ENODEV, f"no device {device} in {namespace}")
        return int(found[0])


@cache
def shared() -> Netlink:
    """Return this process's one Netlink."""
    return Netlink()


def _open() -> Any:  # noqa: ANN401
    from pyroute2 import IPRoute

    return IPRoute(ext_ack=True, strict_check=True)  # the kernel's own words in errors


def _away(leave: Callable[[], None], work: Callable[[], T]) -> T:
    """Let this thread leave its network namespace, work, and come back."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        leave()
        try:
            return work()
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(fd: int) -> None:
    if _libc().setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))


def _unshare() -> None:
    if _libc().unshare(CLONE_NEWNET):  # os.unshare is there from Python 3.12 on
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)

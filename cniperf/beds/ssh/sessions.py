"""The connections to one host, and the sessions on them.

A server allows so many sessions on a connection (sshd's MaxSessions, ten where nothing is set). A
load of several pods needs more, so further connections are made when those that stand are full.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from cniperf.beds.ssh.connection import CONNECT, HostLost, chain, connect, telling
from cniperf.errors import NotAble

if TYPE_CHECKING:
    from cniperf.inventory import Machine

CONNECTIONS = 80  # at most: 64 pods and what watches them, on a server that allows one session each
ASKED = 16  # sessions that one connection is asked for at most: others are to be had as cheaply
# sshd counts a session that has ended until it next cleans up: a close and an open that arrive
# together find it still there. Seconds to wait before each further try.
CLEARS = (0.02, 0.1, 0.4)

T = TypeVar("T")


class Sessions:
    """The connections to one host.

    Args:
        machine: where it is and how it is reached.
    """

    def __init__(self, machine: "Machine") -> None:
        self.machine = machine
        self._connections: list[_Connection] = []
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make the first connection.

        Raises:
            HostLost: no such host, no answer, a key that is unknown or refused.
        """
        self._connections = [_Connection(self.machine)]

    def close(self) -> None:
        """Close all connections; what runs on them ends."""
        for connection in self._connections:
            connection.close()
        self._connections = []

    @property
    def alive(self) -> bool:
        """Whether all connections stand, as far as this end can see."""
        return bool(self._connections) and all(each.alive for each in self._connections)

    def run(self, words: str, **how: Any) -> Any:  # noqa: ANN401
        """Run a line of the account's shell in a new session; return fabric's promise.

        Raises:
            HostLost: a connection broke, or none allows a session.
        """
        with telling(self.machine), self._lock:
            for connection in self._connections:
                if (promise := connection.run(words, how)) is not None:
                    return promise
            promise = self._another().run(words, how)
        if promise is None:
            raise self._none()
        return promise

    def reserve(self, sessions: int) -> list[int]:
        """See to it that so many sessions can be had at once, besides those that are open.

        Returns:
            How many each connection allows.

        Raises:
            NotAble: the host does not allow them.
        """
        with telling(self.machine), self._lock:
            for connection in self._connections:
                sessions -= connection.reserve(sessions)
            while sessions > 0:
                try:
                    more = self._another().reserve(sessions)
                except HostLost as problem:
                    raise NotAble(
                        f"{problem}: {len(self._connections)} connections to it stand, and "
                        f"{sessions} more sessions are needed: raise MaxSessions in its sshd_config"
                    ) from None
                if not more:
                    raise self._none()
                sessions -= more
            return [connection.limit for connection in self._connections]

    def _another(self) -> "_Connection":
        if len(self._connections) >= CONNECTIONS:
            raise NotAble(
                f"host {self.machine.name}: {CONNECTIONS} connections are not enough: raise "
                "MaxSessions in its sshd_config, or lower pairs"
            )
        self._connections.append(_Connection(self.machine))
        return self._connections[-1]

    def _none(self) -> HostLost:
        return HostLost(
            f"host {self.machine.name} allows no session on a connection: see MaxSessions in its "
            "sshd_config"
        )


class _Connection:
    """One connection.

    Attributes:
        limit: sessions that it allows at once, as far as that was tried.
    """

    def __init__(self, machine: "Machine") -> None:
        with telling(machine):
            self._fabric = connect(machine)
        self.limit = ASKED
        self._open: list[Any] = []
        self._used = False  # whether a session of it has ended, which the server may still count
        try:
            with telling(machine):
                self._fabric.open()
        except BaseException:
            self.close()
            raise
        self._fabric.transport.channel_timeout = CONNECT  # paramiko would wait for an hour
        with suppress(OSError, AttributeError):  # a gateway's pipe has no such option
            self._fabric.transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def alive(self) -> bool:
        return bool(self._fabric.is_connected)

    def close(self) -> None:
        for connection in chain(self._fabric):
            with suppress(Exception):  # a connection that is gone already cannot be closed
                connection.close()
            # A refused one does not exist for fabric, but its thread continues, and spins for ever
            # once the server behind a proxy command has gone.
            with suppress(Exception):
                connection.client.close()

    def run(self, words: str, how: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run a line in its own session; return None where there is no room for one."""
        if self._room() < 1:
            return None
        promise = self._opened(lambda: self._fabric.run(words, **how))
        if promise is None:
            self.limit = len(self._open)
            return None
        self._open.append(promise.runner.channel)
        return promise

    def reserve(self, sessions: int) -> int:
        """Try how many further sessions there may be, this many at most; return how many."""
        tried: list[Any] = []
        wanted = min(sessions, self._room())
        try:
            while len(tried) < wanted:
                if (channel := self._opened(self._fabric.transport.open_session)) is None:
                    self.limit = len(self._open) + len(tried)
                    break
                tried.append(channel)
        finally:
            for channel in tried:
                channel.close()
            self._used |= bool(tried)
        return len(tried)

    def _opened(self, opening: Callable[[], T]) -> T | None:
        """Open a session; return None where the server allows no more of them."""
        from paramiko import ChannelException

        for pause in CLEARS if self._used else ():
            with suppress(ChannelException):
                return opening()
            time.sleep(pause)
        try:
            return opening()
        except ChannelException:
            return None

    def _room(self) -> int:
        still = [channel for channel in self._open if not channel.closed]
        self._used |= len(still) < len(self._open)
        self._open = still
        return self.limit - len(self._open)

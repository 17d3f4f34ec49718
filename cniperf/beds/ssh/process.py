"""A process on a host that is reached by SSH."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cniperf import stop
from cniperf.beds import shell
from cniperf.beds.child import carried, listeners, sleeping_shell
from cniperf.beds.command import CommandFailed
from cniperf.beds.ssh.connection import HostLost, telling

if TYPE_CHECKING:
    from cniperf.beds.ssh.remote import Remote


class Process:
    """A process on a remote host; a :class:`cniperf.beds.child.Child`.

    Attributes:
        meter: returns the bytes that the load has carried so far, where a bed has a way to see
            them that costs the host nothing.
    """

    meter: Callable[[], int | None] | None = None

    def __init__(self, host: "Remote", promise: Any, netns: str | None, pidfile: str) -> None:  # noqa: ANN401
        self._host, self._channel, self._netns = host, promise.runner.channel, netns
        self._pid = f"p=$(cat {shell.line([pidfile])})"

    @property
    def pid(self) -> int:
        """Its process id on the host."""
        return int(self._read("echo $p"))

    @property
    def returncode(self) -> int | None:
        """The exit code, once it has ended; -1 where the connection broke."""
        return int(self._channel.exit_status) if self._channel.exit_status_ready() else None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end: its standard input ends, which takes no session more."""
        with suppress(HostLost), telling(self._host.machine):  # it ended with its connection
            self._channel.shutdown_write()

    def kill(self) -> None:
        """End it; it is not asked."""
        with suppress(CommandFailed, HostLost):
            self._host.run(f"{self._pid} && kill -9 $p")

    def wait(self) -> int:
        """Wait until it has ended; return the exit code."""
        while not self.ended(within=10):
            pass
        return self.returncode or 0

    def ended(self, within: float) -> bool:
        """Wait for its end without asking the host."""
        stop.aside(lambda: self._channel.status_event.wait(within))
        if self.returncode is None and not self._host.alive:
            raise HostLost(f"host {self._host.machine.name}: the connection broke")
        return self.returncode is not None

    def listens(self, address: str, port: int) -> bool:
        """Return whether it, and no other process there, listens on a TCP port."""
        said = self._read("cat /proc/$p/net/tcp; echo; ls -l /proc/$p/fd")
        table, _, files = said.partition("\n\n")
        return any(end in files for end in listeners(table, address, port))

    def bytes_carried(self, device: str) -> int | None:
        """Return the bytes that a device in its network namespace has received and sent."""
        if self.meter:
            return self.meter()
        argv = ["cat", "/proc/net/dev"]
        if self._netns:
            argv = ["nsenter", f"--net=/run/netns/{self._netns}", "--", *argv]
        return carried(self._host.command(argv), device)

    def sleeps_in_shell(self) -> bool:
        """Return whether it is still a shell, and waits for something."""
        return sleeping_shell(self._read("cat /proc/$p/stat").strip() or "0 () X")

    def _read(self, script: str) -> str:
        try:
            return self._host.run(f"{self._pid} 2>/dev/null && {{ {script}; }} 2>/dev/null; true")
        except CommandFailed:
            return ""

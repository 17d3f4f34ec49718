"""One host that is reached by SSH: commands go there quoted once, and end with this process."""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf import stop
from cniperf.beds import shell
from cniperf.beds.child import carried, listeners, sleeping_shell
from cniperf.beds.command import CommandFailed
from cniperf.beds.connection import HostLost, connect, telling
from cniperf.errors import NotAble, Stopped

if TYPE_CHECKING:
    from cniperf.inventory import Machine

TIMEOUT = 30  # seconds that a command may take
LAST_WORDS = 400  # characters of what a command said when it failed
# When a process began, in ticks since boot: with its pid this never comes twice.
BEGAN = """began() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
"""
PATH = "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH LC_ALL=C\n"


class Remote:
    """A host, connected as long as this object is open.

    Args:
        machine: where it is and how it is reached.
    """

    def __init__(self, machine: "Machine") -> None:
        self.machine = machine
        self._prefix: list[str] = []
        self._lock = threading.Lock()

    # ── connecting ────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Connect.

        Raises:
            HostLost: no such host, no answer, a key that is unknown or refused.
            NotAble: neither root nor sudo without a password.
        """
        self._connection = connect(self.machine)
        with telling(self.machine):
            self._connection.open()
        with suppress(OSError, AttributeError):  # a gateway's pipe has no such option
            self._connection.transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.run("id -u").strip() != "0":
            self._prefix = ["sudo", "-n"]
            try:
                self.run("id -u")
            except CommandFailed as problem:
                raise NotAble(
                    f"host {self.machine.name}: {self.machine.user or 'the user'} is not root and "
                    f"sudo wants more ({problem.reason}): allow it NOPASSWD, or connect as root"
                ) from None

    def close(self) -> None:
        """Disconnect; what was started here ends."""
        with suppress(Exception):  # a connection that is gone already cannot be closed
            self._connection.close()
        # One that was refused is none to fabric, but its thread lives on, and spins for ever once
        # the server behind a proxy command has gone.
        with suppress(Exception):
            self._connection.client.close()

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as this end knows."""
        return bool(self._connection.is_connected)

    # ── commands ──────────────────────────────────────────────────────────────────────────────

    def command(self, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command to its end, with a text to read; return its standard output."""
        try:
            return self.run(shell.line(argv), text)
        except CommandFailed as problem:
            raise CommandFailed(argv, problem.reason) from None

    def commands(self, calls: Sequence[tuple[Sequence[str], str | None]]) -> list[str]:
        """Run commands, each with a text to read, in one round trip; return what each said.

        Raises:
            CommandFailed: the first that failed.
        """
        try:
            return self.run(shell.batch(calls)).split("\0")[:-1]
        except CommandFailed as problem:
            if (found := shell.failed(problem.reason)) is None:
                raise
            raise CommandFailed(calls[found[0]][0], found[1]) from None

    def run(self, script: str, text: str | None = None) -> str:
        """Run a shell script to its end, with a text to read; return its standard output.

        Raises:
            CommandFailed: it ended with another code than 0, or did not end.
            HostLost: the connection broke.
        """
        from invoke.exceptions import CommandTimedOut

        with telling(self.machine):
            promise = self._begin(script, timeout=TIMEOUT)
            if text is not None:
                promise.runner.channel.sendall(text.encode())
            promise.runner.channel.shutdown_write()
            try:
                done = stop.aside(promise.join)
            except CommandTimedOut:
                promise.runner.channel.close()
                raise CommandFailed([script], f"no end after {TIMEOUT} s") from None
            except Stopped:
                promise.runner.channel.close()
                raise
        if done.exited == -1:
            raise HostLost(f"host {self.machine.name}: the connection broke")
        if done.exited:
            said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.exited}"
            raise CommandFailed([script.splitlines()[-1]], said[-LAST_WORDS:])
        return str(done.stdout)

    def start(
        self, argv: Sequence[str], netns: str | None, workspace: str, output: str
    ) -> "Process":
        """Start a command that ends with this process or this connection, however they end.

        Args:
            argv: the command.
            netns: named network namespace that it runs in, or None for the host's own.
            workspace: folder of the host, which has a list of pids.
            output: file there for what it prints.
        """
        inside = ["nsenter", f"--net=/run/netns/{netns}", "--", *argv] if netns else list(argv)
        quoted = {
            name: shell.line([value])
            for name, value in (
                ("out", output),
                ("pid", f"{output}.pid"),
                ("pids", f"{workspace}/pids"),
            )
        }
        script = (
            # Its standard input is open as long as the connection is: no other sign reaches it.
            f"exec 3<&0\n{shell.line(inside)} </dev/null >{quoted['out']} 2>&1 3<&- & p=$!\n"
            f"echo $p >{quoted['pid']}; {BEGAN} echo $p $(began $p) >>{quoted['pids']}\n"
            "{ cat <&3 >/dev/null; kill $p; sleep 1; kill -9 $p; } 2>/dev/null & w=$!\n"
            "exec 3<&-; wait $p; s=$?; kill $w; exit $s"
        )
        with telling(self.machine):
            return Process(self, self._begin(script), netns, f"{output}.pid")

    def talk(self, argv: Sequence[str]) -> "Talk":
        """Start a command that answers a line with a line."""
        with telling(self.machine):
            return Talk(self, shell.line(argv))

    def put(self, file: str, text: str) -> None:
        """Write a file on the host."""
        self.run(f"cat >{shell.line([file])}", text)

    def get(self, file: str, here: Path) -> None:
        """Fetch a file by SFTP; one that is not there stays away."""
        with telling(self.machine), self._lock, suppress(FileNotFoundError):
            self._connection.sftp().get(file, str(here))

    def files(self, folder: str) -> list[str]:
        """Return the names of the plain files in a folder of the host."""
        said = self.run(f"cd {shell.line([folder])} && find . -maxdepth 1 -type f")
        return [name.removeprefix("./") for name in said.splitlines()]

    def _begin(self, script: str, timeout: int | None = None) -> Any:  # noqa: ANN401
        if not self.alive:  # fabric would connect anew, and keep waiting a host that was given up
            raise HostLost(f"host {self.machine.name}: the connection broke")
        words = shell.line([*self._prefix, "sh", "-c", PATH + script])
        return self._connection.run(
            words, asynchronous=True, in_stream=False, hide=True, warn=True, pty=False,
            timeout=timeout,
        )  # fmt: skip


class Process:
    """A process on a remote host; a :class:`cniperf.beds.child.Child`.

    Attributes:
        meter: tells the bytes that the load has carried so far, where a bed knows a way to see
            them that costs the host nothing.
    """

    meter: Callable[[], int | None] | None = None

    def __init__(self, host: Remote, promise: Any, netns: str | None, pidfile: str) -> None:  # noqa: ANN401
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
        """Ask it to end."""
        with suppress(CommandFailed, HostLost):
            self._host.run(f"{self._pid} && kill $p")

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
        """Tell whether it, and nobody else there, listens on a TCP port."""
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
        """Tell whether it is a shell still, and one that waits for something."""
        return sleeping_shell(self._read("cat /proc/$p/stat").strip() or "0 () X")

    def _read(self, script: str) -> str:
        try:
            return self._host.run(f"{self._pid} 2>/dev/null && {{ {script}; }} 2>/dev/null; true")
        except CommandFailed:
            return ""


class Talk:
    """A command on a host that answers each line with a line; it ends with its connection."""

    def __init__(self, host: Remote, command: str) -> None:
        self._lines = _Lines()
        words = shell.line([*host._prefix, "sh", "-c", PATH + command])
        self._promise = host._connection.run(
            words, asynchronous=True, in_stream=False, hide="err", warn=True, pty=False,
            out_stream=self._lines,
        )  # fmt: skip
        self._host = host

    def __call__(self, *words: object) -> str:
        """Send a line and return the answer.

        Raises:
            HostLost: none came.
        """
        self._promise.runner.channel.sendall((" ".join(map(str, words)) + "\n").encode())
        answer = stop.aside(lambda: self._lines.next(TIMEOUT))
        if answer is None:
            raise HostLost(f"host {self._host.machine.name}: the prober does not answer")
        return answer

    def close(self) -> None:
        """Let it end."""
        self._promise.runner.channel.close()


class RemoteDatagrams:
    """One end of a probe on a remote host; see :class:`cniperf.beds.datagrams.Datagrams`."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def bind(self, address: str, port: int) -> None:
        """Take an address."""
        self._talk("bind", address, port)

    def send(self, count: int, size: int, address: str, port: int) -> None:
        """Send datagrams of so many bytes at once."""
        self._talk("send", count, size, address, port)

    def wait(self, count: int, seconds: float) -> int:
        """Wait for datagrams; return how many arrived in time."""
        return int(self._talk("wait", count, seconds))

    def drain(self) -> int:
        """Read all that has arrived; return how many datagrams that were."""
        return int(self._talk("drain"))

    def close(self) -> None:
        """Let it end."""
        self._talk.close()


class _Lines:
    """A text stream that hands out what was written, line by line."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._text, self._changed = "", threading.Condition()

    def write(self, text: str) -> None:
        with self._changed:
            self._text += text
            self._changed.notify()

    def flush(self) -> None:
        """Do nothing: a line is there as soon as it is written."""

    def next(self, seconds: float) -> str | None:
        with self._changed:
            if not self._changed.wait_for(lambda: "\n" in self._text, seconds):
                return None
            found, _, self._text = self._text.partition("\n")
            return found

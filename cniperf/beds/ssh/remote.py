"""One host that is reached by SSH: commands go there quoted once, and end with this process.

Whatever shell the account has, and whatever that prints, a POSIX shell reads each script, and marks
where its output begins and ends.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf import stop
from cniperf.beds import shell
from cniperf.beds.answer import Answer
from cniperf.beds.command import CommandFailed
from cniperf.beds.ssh.connection import TIMEOUT, HostLost, telling
from cniperf.beds.ssh.process import Process
from cniperf.beds.ssh.sessions import Sessions
from cniperf.beds.ssh.talk import Lines, Talk
from cniperf.errors import NotAble, Stopped, cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cniperf.inventory import Machine

# When a process began, in ticks since boot: with its pid this never comes twice.
BEGAN = """began() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
"""
PATH = "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH LC_ALL=C\n"

# The remedy, by sudo's message.
SUDO = {
    "a password is required": "allow it NOPASSWD",
    "must have a tty": "`Defaults:{user} !requiretty` in its sudoers",
    "not in the sudoers": "allow it NOPASSWD: ALL in its sudoers",
    "not allowed to": "allow it NOPASSWD: ALL in its sudoers",
    "No such file": "install sudo there",
}


class NoShell(CommandFailed):
    """The account's shell, or sudo, did not start the shell that was to read a script."""


class Remote:
    """A host, connected as long as this object is open.

    Args:
        machine: where it is and how it is reached.
    """

    def __init__(self, machine: "Machine") -> None:
        self.machine = machine
        self._sessions = Sessions(machine)
        self._prefix: list[str] = []
        self._token = secrets.token_hex(8)

    # ── connecting ────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Connect.

        Raises:
            HostLost: no such host, no answer, a key that is unknown or refused.
            NotAble: neither root nor sudo without a password.
        """
        self._sessions.open()
        self._prefix = []
        if self.run("id -u").strip() != "0":
            self._prefix = ["sudo", "-n"]
            try:
                self.run("id -u")
            except CommandFailed as problem:
                raise NotAble(self._without_root(problem.said)) from None

    def _without_root(self, said: str) -> str:
        lines = said.splitlines()
        own = [line for line in lines if line.startswith(("sudo:", "Sorry, user"))] or lines
        user = self.machine.user or "the user"
        mend = next((text for words, text in SUDO.items() if words in said), "allow it NOPASSWD")
        return (
            f"host {self.machine.name}: {user} is not root, and sudo rejects the "
            f"command ({cause(chr(10).join(own))}): {mend.format(user=user)}, or connect as root"
        )

    def close(self) -> None:
        """Disconnect; what was started here ends."""
        self._sessions.close()

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as this end can see."""
        return self._sessions.alive

    def reserve(self, sessions: int) -> list[int]:
        """See to it that so many commands can run at once; return each connection's share.

        Raises:
            NotAble: the host does not allow them.
        """
        return self._sessions.reserve(sessions)

    # ── commands ──────────────────────────────────────────────────────────────────────────────

    def command(self, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command to its end, with a text to read; return its standard output."""
        try:
            return self.run(shell.line(argv), text)
        except CommandFailed as problem:
            raise CommandFailed(argv, problem.said, self.machine.name) from None

    def commands(self, calls: Sequence[tuple[Sequence[str], str | None]]) -> list[str]:
        """Run commands, each with a text to read, in one round trip; return the output of each.

        Raises:
            CommandFailed: the first that failed.
        """
        try:
            return self.run(shell.batch(calls)).split("\0")[:-1]
        except CommandFailed as problem:
            if (found := shell.failed(problem.said)) is None:
                raise
            raise CommandFailed(calls[found[0]][0], found[1], self.machine.name) from None

    def ask(self, questions: "Mapping[str, str]") -> dict[str, Answer]:
        """Run some shell lines in one round trip; return the results by name.

        Raises:
            OddAnswer: a question has no answer at all.
        """
        return shell.answers(self.run(shell.ask(questions)), self.machine.name, questions)

    def run(self, script: str, text: str | None = None, *, encoding: str = "utf-8") -> str:
        """Run a shell script to its end, with a text to read; return its standard output.

        Args:
            script: for a POSIX shell.
            text: what it reads.
            encoding: of what it prints.

        Raises:
            CommandFailed: it ended with another code than 0, or did not end.
            HostLost: the connection broke.
        """
        from invoke.exceptions import CommandTimedOut

        name, named = self.machine.name, [script.splitlines()[-1]]
        with telling(self.machine):
            promise = self._begin(
                shell.framed(script, self._token), text or "", timeout=TIMEOUT, encoding=encoding
            )
            promise.runner.channel.shutdown_write()
            try:
                done = stop.aside(promise.join)
            except Stopped:
                promise.runner.channel.close()
                raise
            except CommandTimedOut as late:
                promise.runner.channel.close()
                said = late.result.stderr.strip() or late.result.stdout.strip()
                more = f"; it printed: {said}" if self._token not in said and said else ""
                raise CommandFailed(named, f"no end after {TIMEOUT} s{more}", name) from None
        if (framed := shell.between(done.stdout, self._token)) is not None:
            output, code = framed
            if not code:
                return output
            error, _ = shell.between(done.stderr, self._token) or ("", 0)
            words = error.strip() or output.strip() or f"exit code {code}"
            raise CommandFailed(named, words, name)
        if done.exited == -1:
            raise HostLost(f"host {name}: the connection broke")
        if done.exited == shell.EATEN:
            raise NoShell(["sh"], "the account's profile reads what the shell was to read", name)
        came = done.stderr.strip() or done.stdout.strip() or f"nothing, and exit code {done.exited}"
        if f"{self._token} begin" in done.stdout:
            raise CommandFailed(named, f"it was ended with code {done.exited}", name)
        raise NoShell(["sh"], f"the account's shell did not start it, but printed: {came}", name)

    def start(self, argv: Sequence[str], netns: str | None, workspace: str, output: str) -> Process:
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

    def talk(self, argv: Sequence[str]) -> Talk:
        """Start a command that answers a line with a line."""
        lines = Lines(f"{self._token} begin")
        script = f"echo {self._token} begin\nexec {shell.line(argv)}"
        with telling(self.machine):
            return Talk(self, self._begin(script, hide="err", out_stream=lines), lines)

    def put(self, file: str, text: str) -> None:
        """Write a file on the host."""
        self.run(f"cat >{shell.line([file])}", text)

    def get(self, file: str, here: Path) -> None:
        """Fetch a file, byte by byte as it is; a server may have no SFTP."""
        said = self.run(f"cat {shell.line([file])}", encoding="latin-1")
        here.write_bytes(said.encode("latin-1"))

    def files(self, folder: str) -> list[str]:
        """Return the names of the plain files in a folder of the host."""
        said = self.run(f"cd {shell.line([folder])} && find . -maxdepth 1 -type f")
        return [name.removeprefix("./") for name in said.splitlines()]

    def _begin(self, script: str, text: str = "", **how: Any) -> Any:  # noqa: ANN401
        """Let a shell of the host read a script and, behind it, a text; return fabric's promise."""
        if not self.alive:  # fabric would reconnect, and keep a host waiting that was given up
            raise HostLost(f"host {self.machine.name}: the connection broke")
        promise = self._sessions.run(
            shell.reader(self._prefix, self._token),
            **{"asynchronous": True, "in_stream": False, "hide": True, "warn": True, "pty": False,
               "encoding": "utf-8", **how},
        )  # fmt: skip
        promise.runner.channel.sendall(
            (shell.sent(PATH + script, self._token) + text).encode(errors="surrogateescape")
        )
        return promise

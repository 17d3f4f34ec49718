"""Without root: a user namespace, in which an ordinary user may make network namespaces.

A process with threads cannot enter one, and a notebook's kernel has threads. So a separate
process enters it, serves requests one after the other, and ends with the process that sends them.
It also has its own mounts: named network namespaces are mounts below /run.

``python -m cniperf.beds.rootless COMMAND`` runs any command there.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NoReturn, TypeVar, cast

from cniperf import stop
from cniperf.errors import CniperfError, Stopped, cause

T = TypeVar("T")

SUDO = "put sudo before it"
PATIENCE = 20.0  # seconds to tidy up after a signal
SETTINGS = Path("/proc/sys")
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--net")

# Its own /run, with all that the user's has, but no network namespaces in it.
OWN_RUN = """set -e
new=$(mktemp -d)
mount -n -t tmpfs -o mode=755 cniperf "$new"
for old in /run/*; do
  own="$new/${old##*/}"
  if [ -L "$old" ]; then
    cp -P "$old" "$own"
  elif [ -d "$old" ] && [ "$old" != /run/netns ]; then
    mkdir "$own"
    mount -n --rbind "$old" "$own" 2>/dev/null || rmdir "$own"
  fi
done
mount -n --move "$new" /run
rmdir "$new"
exec "$@"
"""


@dataclass(frozen=True)
class Refusal:
    """Why this user gets no user namespace.

    Attributes:
        reason: what forbids it: a kernel parameter, or the kernel's error.
        fixes: commands or deeds, each of which is a way out.
    """

    reason: str
    fixes: tuple[str, ...]


# What forbids it, by kernel parameter: the value that does.
FORBIDDING = {
    "user.max_user_namespaces": ("0", "15000"),
    "kernel.unprivileged_userns_clone": ("0", "1"),  # Debian's own
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),  # Ubuntu from 23.10 on
}


@cache
def refusal() -> Refusal | None:
    """Try to make a user namespace; return why that cannot be done, or None."""
    try:
        done = subprocess.run(
            command(["true"]), capture_output=True, text=True, encoding="utf-8", check=False
        )
    except FileNotFoundError:
        return Refusal("unshare not found", ("apt-get install util-linux", SUDO))
    if done.returncode == 0:
        return None
    for key, (forbids, allows) in FORBIDDING.items():
        file = SETTINGS.joinpath(*key.split("."))
        if file.exists() and file.read_text(encoding="utf-8").strip() == forbids:
            return Refusal(f"{key}={forbids}", (f"sudo sysctl -w {key}={allows}", SUDO))
    return Refusal(cause(done.stderr), (SUDO,))


def command(argv: Sequence[str]) -> list[str]:
    """Return a command that runs another in a user namespace of its own."""
    return [*UNSHARE, "sh", "-c", OWN_RUN, "cniperf", *argv]


def enter(pid: int, argv: Sequence[str]) -> list[str]:
    """Return a command that runs another where a process is, if that is another user namespace."""
    try:
        if Path(f"/proc/{pid}/ns/user").samefile("/proc/self/ns/user"):
            return list(argv)
    except OSError:  # another user's: the command itself will name what is forbidden
        return list(argv)
    here = f"--wd={Path.cwd()}"
    return ["nsenter", f"--target={pid}", "--user", "--mount", "--preserve-credentials", here, "--",
            *argv]  # fmt: skip


def environ() -> dict[str, str]:
    """Return the variables of a process there: its journals and locks are the user's own."""
    from cniperf.beds.journal import state_dir

    return {**os.environ, "CNIPERF_STATE_DIR": str(state_dir())}


class Session:
    """The process that works for this one in a user namespace."""

    def __init__(self) -> None:
        self._turn = Lock()  # one call at a time
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                command([sys.executable, "-m", "cniperf.beds.rootless", str(theirs.fileno())]),
                stdin=subprocess.DEVNULL, stdout=sys.__stderr__, env=environ(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a Ctrl-C meant for this process must not end it
            )  # fmt: skip

    @property
    def lives(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def call(self, work: Callable[..., T], *words: object, tell: Callable[..., None]) -> T:
        """Let it call a function with ``words`` and ``tell``; return or raise its result.

        Raises:
            CniperfError: it ended without an answer.
            Stopped: a signal came here; it has tidied up and ended.
        """
        with self._turn:
            try:
                self._connection.send((work, words))
                kind, value = self._answer(tell)
            except (EOFError, ConnectionError):
                self.end()
                raise CniperfError(
                    f"the process in the user namespace ended with code {self._process.returncode}"
                ) from None
            except BaseException:  # a signal, or `tell` failed: the answer will not be read
                self.end()
                raise
        if kind == "raised":
            raise value
        return cast(T, value)

    def _answer(self, tell: Callable[..., None]) -> tuple[str, Any]:
        """Return ``returned`` or ``raised``, and what that was."""
        while True:
            stop.wait(self._connection.fileno())
            kind, value = self._connection.recv()
            if kind != "told":
                return kind, value
            tell(*value)

    @stop.later()
    def end(self) -> None:
        """Let it clean up and end."""
        self._connection.close()  # it takes that as a signal
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_sessions: list[Session] = []


def session() -> Session:
    """Return the one that works for this process; a first or a new one where none runs."""
    if not _sessions or not _sessions[-1].lives:
        _sessions[:] = [Session()]
    return _sessions[-1]


# ── in the user namespace ─────────────────────────────────────────────────────────────────────


def serve(descriptor: str) -> NoReturn:
    """Do what comes in by a connection; end with the process at its other end."""
    connection = Connection(int(descriptor))
    stop.listen()
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def answer(kind: str, value: object) -> None:
        with suppress(OSError):  # the other end may be closed: a signal is on its way then
            connection.send((kind, value))

    Thread(target=_listen, args=[connection, asked], daemon=True).start()
    while not stop.came() and (call := asked.get()):
        try:
            work, words = pickle.loads(call)
            answer("returned", work(*words, lambda *said: answer("told", said)))
        except BaseException as problem:
            answer("raised", _sendable(problem))
    sys.exit(128 + stop.came() if stop.came() else 0)


def _listen(connection: Connection, asked: "queue.SimpleQueue[bytes]") -> None:
    """Pass requests on; where the other end is closed, stop the work."""
    with suppress(EOFError, OSError):
        while True:
            asked.put(connection.recv_bytes())
    asked.put(b"")
    os.kill(os.getpid(), signal.SIGTERM)


def _sendable(problem: BaseException) -> BaseException:
    if not isinstance(problem, CniperfError | Stopped):
        traceback.print_exception(problem)  # an internal error: its location is not sent along
    try:
        pickle.loads(pickle.dumps(problem))
    except Exception:
        return CniperfError("".join(traceback.format_exception_only(problem)).strip())
    return problem


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        serve(sys.argv[1])
    os.execvpe(UNSHARE[0], command(sys.argv[1:]), environ())

"""A command in a pod to its end, and a file out of a pod.

The API server passes a command's streams through a WebSocket: the first byte of each message names
the stream, and that of the last stream carries how the command ended. lightkube (1.0) also
supports this, but its threads keep this process from ending where a server stops answering.
"""

import hashlib
import re
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from cniperf import stop
from cniperf.beds.command import CommandFailed
from cniperf.beds.k8s.api import BUSY, REQUEST, Api, Reply
from cniperf.beds.k8s.resources import KINDS
from cniperf.beds.k8s.trouble import ExecCut
from cniperf.beds.k8s.websocket import WebSocket, WebSocketOver, upgrade
from cniperf.errors import one_line, shortened

if TYPE_CHECKING:
    from httpx2 import Response

SECONDS = 30.0  # that a command may take
PROTOCOLS = "v5.channel.k8s.io, v4.channel.k8s.io"
STDOUT, STDERR, END = 1, 2, 3  # streams
# What a runtime reports of a command that it did not start; after another failure it may run.
NOT_STARTED = re.compile(
    "not found|no such|unable to upgrade|dialing backend|runtime exec failed|not running|"
    "not created|stopped|cannot exec",
    re.IGNORECASE,
)
REST = 1.0  # seconds for output that comes behind the end
PIECE = 1 << 20  # bytes of a file that one command fetches
TRIES = 3


class Said(NamedTuple):
    """What a command in a pod printed, and how it ended.

    Attributes:
        stdout: its standard output.
        stderr: its standard error.
        code: its exit code; 128 + N where signal N ended it.
    """

    stdout: bytes
    stderr: bytes
    code: int

    @property
    def text(self) -> str:
        """Its standard output as text."""
        return self.stdout.decode(errors="replace")


def run(
    api: Api, namespace: str, pod: str, argv: Sequence[str], *,
    container: str = "", seconds: float = SECONDS,
) -> Said:  # fmt: skip
    """Run a command in a pod to its end.

    Args:
        api: the server.
        namespace: the pod's.
        pod: its name.
        argv: the command; it has neither input nor terminal.
        container: of the pod; empty for its first.
        seconds: until all of it is over.

    Raises:
        ExecCut: it has no known end; it may run still.
        Refused: the server, or the node, does not start it: no such pod or container, no right.
        ClusterLost: the server, or by it the node, cannot be reached; the command was not started.
        Stopped: a signal came; the command may run still.
    """
    path = KINDS["Pod"].path(namespace, pod, "exec")
    query = {"command": list(argv), "stdout": "true", "stderr": "true"}
    query |= {"container": container} if container else {}
    session = _Session(api, path, query, f"run a command in pod {namespace}/{pod}",
                       time.monotonic() + seconds)  # fmt: skip
    attempt = partial(stop.aside, session.attempt)
    reply = api.persist(session.what, attempt, min(seconds, api.patience), _passing)
    if session.said is not None:
        return session.said
    if _passing(reply):
        raise api.busy(session.what, reply)
    raise api.refused(session.what, reply)


def _passing(reply: Reply) -> bool:
    """Whether another try may help: the server does not reach the node, or is not able itself."""
    return reply.code in BUSY or (reply.code == 500 and b"dialing backend" in reply.content)


class _Session:
    """One command, and the time it has."""

    def __init__(self, api: Api, path: str, query: Any, what: str, end: float) -> None:  # noqa: ANN401
        self._api, self._path, self._query, self._end = api, path, query, end
        self.what = what
        self.said: Said | None = None

    def attempt(self) -> tuple[Reply, float]:
        """Start the command and wait for its end, or return why it was not started."""
        import httpx2

        left = max(self._end - time.monotonic(), 0.1)
        request = self._api.build(
            "GET", self._path, self._query, min(left, REQUEST), headers=upgrade(PROTOCOLS)
        )
        try:
            with self._api.sent(request) as response:
                if response.status_code != 101:
                    return self._api.received(response, time.monotonic() + REQUEST)
                return self._until_end(response), 0.0
        except (httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError,
                httpx2.WriteError, httpx2.WriteTimeout) as problem:  # fmt: skip
            raise self._cut(one_line(str(problem)) or type(problem).__name__) from None

    def _until_end(self, response: "Response") -> Reply:
        """Read messages until the command's end, and the rest of its output; keep the output."""
        socket = WebSocket(response, self._end)
        if socket.protocol not in PROTOCOLS.split(", "):
            raise self._cut(f"the server supports neither {PROTOCOLS.replace(',', ' nor')}")
        streams: dict[int, bytearray] = {n: bytearray() for n in (STDOUT, STDERR, END)}
        try:
            for message in socket.messages():
                if message[:1] and message[0] in streams:
                    streams[message[0]] += message[1:]
                if streams[END]:
                    socket.end = min(socket.end, time.monotonic() + REST)
        except WebSocketOver as over:
            if not streams[END]:
                raise self._cut(str(over)) from None
        if not streams[END]:
            raise self._cut("the connection ended before the command did")
        return self._ended(streams)

    def _ended(self, streams: dict[int, bytearray]) -> Reply:
        """Read how the command ended."""
        reply = Reply(101, bytes(streams[END]))
        try:
            code = _exit_code(reply.data)
        except (ValueError, TypeError, AttributeError, LookupError):
            words = shortened(reply.content.decode(errors="replace"), 80)
            raise self._cut(f"the server reports its end as {words!r}") from None
        if code is not None:
            self.said = Said(bytes(streams[STDOUT]), bytes(streams[STDERR]), code)
            return reply
        words = self._api.message(reply)
        if not NOT_STARTED.search(words):
            raise self._cut(words)
        return reply._replace(code=500)

    def _cut(self, why: str) -> ExecCut:
        return ExecCut(f"cluster {self._api.name} did not {self.what} to a known end: {why}")


def _exit_code(status: Any) -> int | None:  # noqa: ANN401
    """Return the exit code that a status has; None where it reports another failure.

    Raises:
        ValueError, TypeError, AttributeError, LookupError: it is no such status.
    """
    if status["status"] == "Success":
        return 0
    if status.get("reason") != "NonZeroExitCode":
        return None
    causes = {each.get("reason"): each.get("message") for each in status["details"]["causes"]}
    return int(causes["ExitCode"])


def fetch(
    api: Api, namespace: str, pod: str, file: str, *, container: str = "",
    seconds: float = SECONDS,
) -> bytes:  # fmt: skip
    """Return a file of a pod, checked against its size and SHA-256 there.

    The pod needs ``sh``, ``stat``, ``sha256sum``, ``tail`` and ``head``.

    Args:
        api: the server.
        namespace: the pod's.
        pod: its name.
        file: path there.
        container: of the pod; empty for its first.
        seconds: that each command may take.

    Raises:
        CommandFailed: the file is not there, or cannot be read.
        ExecCut: it did not come whole in a few tries.
        ClusterLost, Refused, Stopped: see :func:`run`.
    """
    place = f"pod {namespace}/{pod}"

    def shell(script: str, *words: object) -> bytes:
        argv = ["sh", "-c", script, "sh", file, *map(str, words)]
        said = run(api, namespace, pod, argv, container=container, seconds=seconds)
        if said.code:
            why = said.stderr.decode(errors="replace").strip() or f"exit code {said.code}"
            raise CommandFailed([f"{place}: {script} ({file})"], why)
        return said.stdout

    def whole() -> bytes:
        facts = shell('stat -L -c %s "$1" && sha256sum <"$1"').split()
        if len(facts) < 2 or not facts[0].isdigit():
            raise ExecCut(f"{place}: {file}: its size did not come")
        size, sum_, content = int(facts[0]), facts[1].decode(), b""
        while len(content) < size:
            piece = shell('tail -c "+$2" "$1" | head -c "$3"', len(content) + 1, PIECE)
            if len(piece) != min(PIECE, size - len(content)):
                raise ExecCut(f"{place}: {file}: {len(piece)} bytes came of {size - len(content)}")
            content += piece
        if hashlib.sha256(content).hexdigest() != sum_:
            raise ExecCut(f"{place}: {file}: what came has another SHA-256")
        return content

    for _ in range(TRIES - 1):
        try:
            return whole()
        except ExecCut:
            stop.sleep(0.2)
    return whole()

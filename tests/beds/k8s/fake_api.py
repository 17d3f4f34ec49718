"""A Kubernetes API server of this process: a few objects, and faults as a test has written them."""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from cniperf.beds.k8s.resources import KINDS

STDOUT, STDERR, END = 1, 2, 3
V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
PROTOCOLS = (V5, V4)
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def status(code: int, reason: str, message: str, **more: object) -> dict:
    """A refusal, as the API server words it."""
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "reason": reason, "message": message, **more}  # fmt: skip


def ended(code: int) -> dict:
    """How a command ended, as the last stream of an exec carries it."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return status(500, "NonZeroExitCode", f"command terminated with exit code {code}",
                  details={"causes": [{"reason": "ExitCode", "message": str(code)}]})  # fmt: skip


@dataclass
class Answer:
    """What one request gets, instead of what the server would do."""

    code: int = 200
    body: object = ""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False  # the request is carried out, whatever is answered
    cut: bool = False  # the connection ends without an answer


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: dict


class Peer:
    """The server's end of an exec."""

    def __init__(self, connection: socket.socket, argv: Sequence[str]) -> None:
        self.connection, self.argv = connection, list(argv)

    def raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def send(self, stream: int, data: bytes, cut: int = 16384) -> None:
        for at in range(0, len(data) or 1, cut):
            self.raw(frame(bytes([stream]) + data[at : at + cut]))

    def end(self, code: int = 0) -> None:
        self.status(ended(code))

    def status(self, what: dict) -> None:
        self.send(END, json.dumps(what).encode())

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.raw(frame(struct.pack("!H", code) + reason.encode(), 8))


def frame(data: bytes, opcode: int = 2, last: bool = True) -> bytes:
    """A frame of a WebSocket, as a server sends it."""
    head = bytes([opcode | (128 if last else 0)])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 65536:
        return head + b"\x7e" + struct.pack("!H", len(data)) + data
    return head + b"\x7f" + struct.pack("!Q", len(data)) + data


Play = Callable[[Peer], None]


def real(peer: Peer) -> None:
    """Run the command here, and pass on what it says."""
    done = subprocess.run(peer.argv, capture_output=True)
    for stream in (STDOUT, STDERR):
        peer.send(stream, b"")  # old servers open each stream so
    peer.send(STDOUT, done.stdout)
    peer.send(STDERR, done.stderr)
    peer.end(done.returncode)
    peer.close()


class FakeApi:
    """A server on loopback; it is up while this is entered."""

    def __init__(self, tls: tuple[Path, Path] | None = None) -> None:
        self.tls = tls
        self.objects: dict[str, dict] = {}
        self.asked: list[Asked] = []
        self.plays: list[Play] = []  # of the next execs; what is left runs for real
        self.protocols: Sequence[str] = PROTOCOLS
        self.port = 0
        self._script: list[tuple[str, str, Answer]] = []
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> "FakeApi":
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def up(self) -> None:
        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:  # a client that is gone is what is tested
                pass

        class Handler(_Handler):
            api = self

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Be gone: nobody listens, and what was connected breaks."""
        if not self._server:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def next(self, method: str, end: str, *answers: Answer) -> None:
        """Let the next requests whose path ends so be answered so, one after the other."""
        self._script += [(method, end, answer) for answer in answers]

    def kubeconfig(self, file: Path, **changes: dict) -> Path:
        """Write a kubeconfig of this server, with changes of its `cluster` and `user`."""
        file.write_text(yaml.safe_dump(self.config(**changes)), encoding="utf-8")
        return file

    def config(self, name: str = "fake", **changes: dict) -> dict:
        cluster = {"server": self.url, **changes.get("cluster", {})}
        if self.tls and "cluster" not in changes:
            cluster["certificate-authority"] = str(self.tls[0])
        if not self.tls:  # saves the reading of all that this machine trusts
            cluster.setdefault("insecure-skip-tls-verify", True)
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "secret", **changes.get("user", {})}}],
        }

    # ── what the server does ──────────────────────────────────────────────────────────────────

    def scripted(self, method: str, path: str) -> Answer | None:
        with self._lock:
            for at, (wanted, end, answer) in enumerate(self._script):
                if wanted == method and path.endswith(end):
                    del self._script[at]
                    return answer
        return None

    def do(self, asked: Asked) -> Answer:
        if asked.path == "/version":
            return Answer(body={"major": "1", "minor": "36", "gitVersion": "v1.36.3"})
        if asked.path.endswith("/selfsubjectaccessreviews"):
            wanted = asked.body["spec"]["resourceAttributes"]
            return Answer(201, {**asked.body, "status": {"allowed": wanted["verb"] != "delete"}})
        if asked.method == "POST":
            path = f"{asked.path}/{asked.body['metadata']['name']}"
            if path in self.objects:
                return Answer(409, status(409, "AlreadyExists", f"{path} already exists"))
            self.objects[path] = asked.body
            return Answer(201, asked.body)
        if asked.path in self.objects:
            found = self.objects[asked.path]
            if asked.method == "DELETE":
                del self.objects[asked.path]
            return Answer(body=found)
        if asked.path.rpartition("/")[2] in {each.plural for each in KINDS.values()}:
            inside = [each for path, each in self.objects.items()
                      if path.rpartition("/")[0] == asked.path and chosen(each, asked.query)]  # fmt: skip
            return Answer(body={"kind": "List", "items": inside})
        if asked.path.startswith("/apis/crd."):
            return Answer(404, "404 page not found\n")
        return Answer(404, status(404, "NotFound", f"{asked.path} not found"))


def chosen(found: dict, query: dict[str, list[str]]) -> bool:
    wanted = dict(pair.split("=") for each in query.get("labelSelector", [])
                  for pair in each.split(","))  # fmt: skip
    return wanted.items() <= found["metadata"].get("labels", {}).items()


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.api._connections.add(self.connection)

    def finish(self) -> None:
        self.api._connections.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length) or "{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, url.path, parse_qs(url.query), headers, body)
        self.api.asked.append(asked)
        answer = self.api.scripted(asked.method, asked.path)
        if answer is None and asked.path.endswith("/exec"):
            self.exec(asked)
            return
        if answer is None or answer.done:
            done = self.api.do(asked)
            answer = answer or done
        if answer.cut:
            self.close_connection = True
            return
        self.answer(answer)

    do_POST = do_DELETE = do_GET  # noqa: N815

    def answer(self, answer: Answer) -> None:
        said = answer.body if isinstance(answer.body, bytes) else (
            answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode()  # fmt: skip
        self.send_response(answer.code)
        kind = "application/json" if isinstance(answer.body, dict) else "text/plain"
        for name, value in {"Content-Type": kind, **answer.headers}.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def exec(self, asked: Asked) -> None:
        key = asked.headers["sec-websocket-key"].encode()
        offered = asked.headers["sec-websocket-protocol"].split(", ")
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept",
                         base64.b64encode(hashlib.sha1(key + GUID).digest()).decode())  # fmt: skip
        both = [each for each in self.api.protocols if each in offered]
        if both:
            self.send_header("Sec-WebSocket-Protocol", both[0])
        self.end_headers()
        self.close_connection = True
        act = self.api.plays.pop(0) if self.api.plays else real
        act(Peer(self.connection, asked.query["command"]))


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1, and its key; return both files."""
    made, key = folder / "ca.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", made],
        check=True, capture_output=True, env={**os.environ, "RANDFILE": os.devnull},
    )  # fmt: skip
    return made, key

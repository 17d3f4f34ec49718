"""One request to an API server: it has a deadline, may be repeated, and reacts to signals.

Until the server has answered once nothing is tried again: a wrong address is reported at once.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cniperf import __version__, stop
from cniperf.beds.k8s.trouble import ClusterLost, Refused
from cniperf.errors import NotAble, cause, one_line, shortened

if TYPE_CHECKING:
    from httpx2 import Response

    from cniperf.beds.k8s.kubeconfig import Access

T = TypeVar("T")
Query = Mapping[str, str | list[str]]

REQUEST = 15.0  # seconds that a request may take
PATIENCE = 30.0  # seconds that the API server may be away
PAUSE, LONGEST_PAUSE = 0.2, 4.0  # seconds between two tries
BUSY = (429, 502, 503, 504)  # of no request: it is from the server, or from what is in front of it
AGAIN = (*BUSY, 500)


class Reply(NamedTuple):
    """The result of a request.

    Attributes:
        code: HTTP status code.
        content: the answer.
        lost: an earlier try of it had no answer, and may have been carried out.
    """

    code: int
    content: bytes
    lost: bool = False

    @property
    def data(self) -> dict[str, Any]:
        """The answer as JSON; empty where it is none."""
        try:
            found = json.loads(self.content)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def failure(self) -> dict[str, Any]:
        """What the API server reports of a refusal; empty where another program answered."""
        return found if (found := self.data).get("kind") == "Status" else {}


class Api:
    """An API server, as one context of a kubeconfig reaches it.

    Args:
        access: the context.
        patience: seconds that the server may be away in the middle of the work.

    Attributes:
        name: the context's name.
        server: the server's address.
        kubectl: how kubectl is called for this context.
    """

    def __init__(self, access: "Access", patience: float = PATIENCE) -> None:
        self.name, self.server = access.name, access.config.cluster.server
        self.patience, self.kubectl = patience, access.kubectl
        self._http = access.client(REQUEST)
        self._http.headers["User-Agent"] = f"cniperf/{__version__}"  # an audit log names it
        self._extensions = {"sni_hostname": access.tls_name} if access.tls_name else None
        self._reached = False

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def ask(
        self, what: str, method: str, path: str, *, query: Query | None = None,
        body: Mapping[str, Any] | None = None, patience: float | None = None,
    ) -> Reply:  # fmt: skip
        """Send a request, again where the server is away or busy; return the result.

        Args:
            what: the request in words, such as ``create pod x/y``.
            method: of HTTP.
            path: of the API.
            query: parameters of the path.
            body: an object to send.
            patience: seconds to try; the server's if not given.

        Raises:
            ClusterLost: it stays away or busy, or what answers is no API server.
            NotAble: logging in failed.
            Stopped: a signal came. What creates something has had its answer by then.
        """
        send = partial(self._send, method, path, query, body)
        # What a signal leaves half done could be created after all has been tidied up.
        unbroken = stop.later if method == "POST" else nullcontext

        def attempt() -> tuple[Reply, float]:
            with unbroken():
                return stop.aside(send)

        wanted = self.patience if patience is None else patience
        return self.persist(what, attempt, wanted, partial(_passing, method))

    def persist(
        self, what: str, attempt: Callable[[], tuple[Reply, float]], patience: float,
        again: Callable[[Reply], bool],
    ) -> Reply:  # fmt: skip
        """Try until there is an answer that is not about the server itself.

        Args:
            what: the request in words.
            attempt: one try; it returns the reply, and the seconds that the server asks to wait.
            patience: seconds to try.
            again: whether a reply is about the server only, so that another try may help.

        Raises:
            ClusterLost, NotAble, Stopped: see :meth:`ask`.
        """
        end = time.monotonic() + patience
        pause, lost, away = PAUSE, False, False
        while True:
            asked = 0.0
            reply, trouble = None, None
            try:
                reply, asked = self.heard(attempt)
            except _Unheard as problem:
                lost, trouble = lost or problem.sent, problem.trouble
            if reply:
                reply = reply._replace(lost=lost)
                if not again(reply) and not (away and _unsure(reply)):
                    self._reached = True
                    return reply
            wait = max(asked, pause)
            known = self._reached or (reply and (reply.failure or reply.code == 429))
            if not known or time.monotonic() + wait > end:
                if trouble:
                    raise trouble
                assert reply is not None
                if reply.code in BUSY or not reply.failure:
                    raise self.busy(what, reply, asked)
                return reply
            lost, away = lost or bool(reply and reply.code != 429), True
            stop.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    def heard(self, work: Callable[[], T]) -> T:
        """Run an HTTP call; turn its failures into one line."""
        import httpx2

        before = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError,
                  httpx2.UnsupportedProtocol)  # fmt: skip
        try:
            return work()
        except (httpx2.RequestError, httpx2.InvalidURL) as problem:
            trouble = self._unreached(problem)
            if "CERTIFICATE_VERIFY_FAILED" in str(problem):
                raise trouble from None
            raise _Unheard(trouble, sent=not isinstance(problem, before)) from None

    def build(
        self,
        method: str,
        path: str,
        query: Query | None,
        seconds: float,
        **more: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return an HTTP request whose parts may take so many seconds each."""
        return self._http.build_request(
            method, path, params=query, timeout=seconds, extensions=self._extensions, **more
        )

    @contextmanager
    def sent(self, request: Any) -> Iterator["Response"]:  # noqa: ANN401
        """Send a request; give the answer, whose body is still to come.

        Raises:
            NotAble: logging in failed.
        """
        import httpx2
        from lightkube.core.exceptions import ConfigError

        try:
            response = self._http.send(request, stream=True)
        except (ConfigError, OSError) as problem:
            raise self._outside(str(problem)) from None
        except (KeyError, TypeError, ValueError):  # of the login command's answer
            raise self._outside("no token came") from None
        except httpx2.LocalProtocolError:  # its text would show the token
            raise self._outside("the token has characters that a token cannot have") from None
        try:
            yield response
        finally:
            response.close()

    def _send(
        self, method: str, path: str, query: Query | None, body: Mapping[str, Any] | None
    ) -> tuple[Reply, float]:
        with self.sent(self.build(method, path, query, REQUEST, json=body)) as response:
            return self.received(response, time.monotonic() + REQUEST)

    def received(self, response: "Response", end: float) -> tuple[Reply, float]:
        """Read an answer whole; return it and the seconds that the server asks to wait.

        Raises:
            ClusterLost: it is a web page.
        """
        import httpx2

        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if time.monotonic() > end:
                raise httpx2.ReadTimeout(f"no end after {REQUEST:.0f} s", request=response.request)
        reply = Reply(response.status_code, bytes(content))
        page = "html" in response.headers.get("content-type", "")
        if 300 <= reply.code < 400 or (page and reply.code not in AGAIN):
            raise ClusterLost(
                f"{self.who} answers with a web page, not as an API server ({reply.code}): a "
                f"proxy's login? Set NO_PROXY or log in, then `{self.kubectl} get nodes`"
            )
        after = response.headers.get("retry-after", "")
        return reply, float(after) if after.isascii() and after.isdigit() else 0.0

    # ── words ─────────────────────────────────────────────────────────────────────────────────

    @property
    def who(self) -> str:
        """The server in a message."""
        return f"cluster {self.name} ({self.server})"

    def _outside(self, why: str) -> NotAble:
        return NotAble(
            f"context {self.name}: logging in failed ({cause(why)}): try `{self.kubectl} get nodes`"
        )

    def _unreached(self, problem: Exception) -> ClusterLost:
        words = one_line(str(problem)) or type(problem).__name__
        if "CERTIFICATE_VERIFY_FAILED" in words:
            reason = words.partition("certificate verify failed: ")[2] or words
            return ClusterLost(
                f"{self.who}: its certificate is not trusted ({shortened(reason)}): is it still "
                f"the same cluster? Log in again, then `{self.kubectl} get nodes`"
            )
        return ClusterLost(
            f"{self.who} cannot be reached: {shortened(words)}: does it run, and is its network "
            f"reachable? Try `{self.kubectl} get nodes`"
        )

    def busy(self, what: str, reply: Reply, asked: float = 0.0) -> ClusterLost:
        """Return the error for a server that is not able to answer now."""
        said = self.message(reply)
        later = f", and asks to wait {asked:.0f} s" if asked else ""
        return ClusterLost(f"{self.who} does not {what} now: {said}{later}: try again later")

    def message(self, reply: Reply) -> str:
        """Return what a reply reports, in one line."""
        message = reply.failure.get("message") or reply.failure.get("reason")
        words = message or reply.content.decode(errors="replace")
        if not message and "<" in words[:100]:
            words = "a web page"
        return one_line(str(words)) if message else f"{reply.code} {shortened(words, 200)}".strip()

    def refused(self, what: str, reply: Reply) -> Refused:
        """Return the error for a request that the server refuses: its own message, whole."""
        status, said = reply.failure, self.message(reply)
        reason = str(status.get("reason") or "")
        if reply.code == 401:
            text = (
                f"the token or certificate of context {self.name} is not accepted (expired?): "
                f"log in again, then `{self.kubectl} get nodes`"
            )
        else:
            text = f"cluster {self.name} refused to {what}: {said}"
            if reply.code == 403 and " cannot " in said:  # not so where admission refuses
                text += f"; ask for this right, then `{self.kubectl} auth can-i …`"
        return Refused(text, reply.code, reason, said)

    def object(self, what: str, reply: Reply) -> dict[str, Any]:
        """Return the object that a reply has.

        Raises:
            Refused: it is a refusal.
            ClusterLost: it is no JSON.
        """
        if reply.code >= 400:
            raise self.refused(what, reply)
        if found := reply.data:
            return found
        words = shortened(reply.content.decode(errors="replace"), 80)
        raise ClusterLost(f"{self.who} does not answer as an API server, but with {words!r}")


def _passing(method: str, reply: Reply) -> bool:
    """Whether a reply is about the server's state; a quota that others change is part of that."""
    return reply.code in AGAIN or (
        method == "POST" and reply.code == 409 and reply.failure.get("reason") == "Conflict"
    )


def _unsure(reply: Reply) -> bool:
    """Whether a server that has just come back may not have read the permissions yet."""
    return reply.code == 401 or (reply.code == 403 and b" cannot " in reply.content)


class _Unheard(Exception):
    """A try without an answer."""

    def __init__(self, trouble: ClusterLost, *, sent: bool) -> None:
        self.trouble, self.sent = trouble, sent

"""A WebSocket that is read only, and by one thread: each wait has a deadline."""

import base64
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cniperf.errors import one_line

if TYPE_CHECKING:
    from httpx2 import Response

CLOSED_WELL = (1000, 1005)


class WebSocketOver(Exception):
    """There are no more messages, for no good reason; the text gives the cause."""


def upgrade(protocols: str) -> dict[str, str]:
    """Return the headers of a request for a WebSocket with one of some protocols."""
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Protocol": protocols,
    }


class WebSocket:
    """The stream behind an answer that switched to this protocol.

    Attributes:
        end: when time is up, as :func:`time.monotonic` counts it.
        protocol: the one that the server chose; empty where it named none.
    """

    def __init__(self, response: "Response", end: float) -> None:
        self.end = end
        self.protocol: str = response.headers.get("sec-websocket-protocol", "")
        self._stream: Any = response.extensions["network_stream"]

    def messages(self) -> Iterator[bytes]:
        """Give the binary messages until the server closes.

        Raises:
            WebSocketOver: the connection broke, or time is up.
        """
        import httpcore2
        from wsproto import ConnectionType
        from wsproto.connection import Connection
        from wsproto.events import BytesMessage, CloseConnection, Ping
        from wsproto.utilities import ProtocolError

        ours, message = Connection(ConnectionType.CLIENT), bytearray()
        try:
            while True:
                ours.receive_data(self._read())
                for event in ours.events():
                    if isinstance(event, Ping):
                        self._stream.write(ours.send(event.response()), 1.0)
                    elif isinstance(event, CloseConnection):
                        if event.code not in CLOSED_WELL:
                            raise WebSocketOver(
                                f"the server closed it: {event.reason or event.code}"
                            )
                        return
                    elif isinstance(event, BytesMessage):
                        message += event.data
                        if event.message_finished:
                            yield bytes(message)
                            message.clear()
        except httpcore2.TimeoutException:
            raise WebSocketOver("time is up") from None
        except (httpcore2.NetworkError, ProtocolError) as problem:
            raise WebSocketOver(one_line(str(problem)) or "the connection broke") from None

    def _read(self) -> bytes:
        left = self.end - time.monotonic()
        data: bytes = self._stream.read(65536, left) if left > 0 else b""
        if not data:
            raise WebSocketOver("the connection broke" if left > 0 else "time is up")
        return data

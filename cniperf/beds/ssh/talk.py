"""A command on a host that answers a line with a line, as the end of a probe there does."""

import threading
from typing import TYPE_CHECKING, Any

from cniperf import stop
from cniperf.beds.ssh.connection import TIMEOUT, HostLost

if TYPE_CHECKING:
    from cniperf.beds.ssh.remote import Remote


class Talk:
    """A command on a host that answers each line with a line; it ends with its connection."""

    def __init__(self, host: "Remote", promise: Any, lines: "Lines") -> None:  # noqa: ANN401
        self._host, self._promise, self._lines = host, promise, lines

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


class Lines:
    """A text stream that hands out what was written behind a line, line by line."""

    encoding = "utf-8"

    def __init__(self, begin: str) -> None:
        self._begin, self._text, self._changed = f"{begin}\n", "", threading.Condition()

    def write(self, text: str) -> None:
        """Take what was written."""
        with self._changed:
            self._text += text
            if self._begin:
                _, begun, rest = self._text.partition(self._begin)
                if not begun:
                    return
                self._begin, self._text = "", rest
            self._changed.notify()

    def flush(self) -> None:
        """Do nothing: a line is there as soon as it is written."""

    def next(self, seconds: float) -> str | None:
        """Return the next line; None where none comes in time."""
        with self._changed:
            if not self._changed.wait_for(self._has_line, seconds):
                return None
            found, _, self._text = self._text.partition("\n")
            return found

    def _has_line(self) -> bool:
        return not self._begin and "\n" in self._text

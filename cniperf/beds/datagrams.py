"""One end of a probe: a UDP socket in the network namespace that this process, or it, is in.

This file needs nothing but Python itself: a bed whose hosts are elsewhere sends it there as it
is, and :func:`main` serves it, one line per request and per answer.
"""

import select
import socket
import sys
import time
from contextlib import suppress


class Datagrams:
    """A UDP socket that sends and counts datagrams.

    Args:
        end: the socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        end.setblocking(False)

    def bind(self, address: str, port: int) -> None:
        """Take an address; one that is not there is a finding, not a fault."""
        with suppress(OSError):
            self._socket.bind((address, port))

    def send(self, count: int, size: int, address: str, port: int) -> None:
        """Send datagrams of so many bytes at once."""
        for _ in range(count):
            with suppress(OSError):  # for example no route: the counters will show it
                self._socket.sendto(bytes(size), (address, port))

    def wait(self, count: int, seconds: float) -> int:
        """Wait for datagrams; return how many arrived in time."""
        end, arrived = time.monotonic() + seconds, 0
        while arrived < count and (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                arrived += self.drain()
        return arrived

    def drain(self) -> int:
        """Read all that has arrived; return how many datagrams that were."""
        found = 0
        with suppress(OSError):
            while True:
                self._socket.recv(65536)
                found += 1
        return found

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def main() -> None:
    """Serve one end by lines: ``send 10 1000 192.168.20.43 5202`` is answered by a number."""
    end = Datagrams(socket.socket(type=socket.SOCK_DGRAM))
    kinds = {"bind": (str, int), "send": (int, int, str, int), "wait": (int, float), "drain": ()}
    for line in sys.stdin:
        name, *words = line.split()
        given = [kind(word) for kind, word in zip(kinds[name], words)]  # noqa: B905  as old as 3.6
        print(getattr(end, name)(*given) or 0, flush=True)


if __name__ == "__main__":
    main()

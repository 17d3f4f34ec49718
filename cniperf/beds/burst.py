"""A burst of UDP datagrams: one process sends them, another counts those that arrive.

This file is a program, and runs by itself: ``python3 burst.py JOB``, with the job as JSON. It needs
Python's own library alone, so that it runs on any host.
"""

import json
import socket
import sys
import time

AT_ONCE = 20  # datagrams, so that no queue overflows
PAUSE = 0.002  # seconds between


def send(address: str, port: int, count: int, size: int, after: float) -> int:
    """Send datagrams of so many bytes, a few at a time; return how many were sent.

    Args:
        address: where to.
        port: UDP port there.
        count: how many.
        size: bytes of each.
        after: seconds to wait before, so that the receiver listens.
    """
    time.sleep(after)
    end, sent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0
    for number in range(count):
        try:
            end.sendto(bytes(size), (address, port))
            sent += 1
        except OSError:  # refused, or no route: those that are sent are counted
            pass
        if number % AT_ONCE == AT_ONCE - 1:
            time.sleep(PAUSE)
    return sent


def receive(address: str, port: int, count: int, seconds: float) -> int:
    """Count datagrams until all are there, or so many seconds are over; return how many came."""
    end, arrived = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    end.bind((address, port))
    limit = time.monotonic() + seconds
    while arrived < count and (left := limit - time.monotonic()) > 0:
        end.settimeout(left)
        try:
            end.recv(1 << 16)
            arrived += 1
        except socket.timeout:  # noqa: UP041 - Python 3.9 has another
            break
    return arrived


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(send(**job) if job.pop("do") == "send" else receive(**job), flush=True)

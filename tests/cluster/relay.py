"""A relay: it listens where it was started from, and connects where it runs.

``python relay.py FD HOST PORT``: FD is a socket that listens, opened before the process entered
another network namespace. So loopback leads to a server there, without an address or a route.
"""

import asyncio
import contextlib
import socket
import sys

CHUNK = 1 << 16


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, and its end."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def relay(descriptor: int, host: str, port: int) -> None:
    """Relay every connection, until the process is ended."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(host, port)
            ends.append(far_writer)
            await asyncio.gather(pour(reader, far_writer), pour(far_reader, writer))
        for end in ends:
            end.transport.abort()

    server = await asyncio.start_server(one, sock=socket.socket(fileno=descriptor))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

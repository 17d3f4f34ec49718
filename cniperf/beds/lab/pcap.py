"""Capture the packets at a device in a pcap file: ``python pcap.py DEVICE FILE COUNT``.

For a lab in a user namespace: tcpdump sets its groups there, which such a namespace forbids. This
program runs by itself, in the device's network namespace, until SIGINT or so many packets. However
it ends, the file has whole packets only.
"""

import socket
import struct
import sys
from collections.abc import Iterator

ETH_P_ALL = 3  # linux/if_ether.h
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
LONGEST = 262_144  # bytes of a packet, as tcpdump has it
HEAD = struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, LONGEST, 1)  # nanoseconds, Ethernet


def packets(device: str) -> Iterator[bytes]:
    """Iterate over the packets that pass a device from now on, as a pcap file contains them."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as found:
        found.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        found.bind((device, ETH_P_ALL))
        while True:
            data, notes, _, _ = found.recvmsg(LONGEST, socket.CMSG_SPACE(16))
            seconds, nanoseconds = struct.unpack("=qq", notes[0][2])
            yield struct.pack("=IIII", seconds, nanoseconds, len(data), len(data)) + data


def main(device: str, file: str, count: int) -> None:
    """Write them, so many at most; 0 is no limit."""
    written = 0
    with open(file, "wb", buffering=0) as out:  # noqa: PTH123
        out.write(HEAD)
        try:
            for written, packet in enumerate(packets(device), 1):
                out.write(packet)
                if written == count:
                    break
        except KeyboardInterrupt:
            pass
    print(f"{written} packets captured", file=sys.stderr)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except OSError as problem:
        sys.exit(f"cannot capture: {problem.strerror}")

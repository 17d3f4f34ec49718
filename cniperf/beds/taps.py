"""Counts packets at devices by a packet socket, which any kernel has (packet(7)).

For kernels whose nft has no egress hook of a device (before 5.16). This file is a program, and runs
by itself: ``python3 - begin RULES`` counts in the background from when it returns on, ``python3 -
end`` prints what was counted, and ends that. It needs Python's own library alone.

It counts what nft's hooks of a device do: a packet each time that the device receives or sends it,
with the bytes that it has there, the link's header included where it is sent.
"""

import contextlib
import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any

NAME = b"\0cniperf-taps"  # of a socket that the network namespace has for itself
LIFE = 30.0  # seconds after which no process waits for an answer
ETH_P_ALL, ARPHRD_ETHER = 3, 1  # linux/if_ether.h, linux/if_arp.h
PACKET_OUTGOING = 4  # linux/if_packet.h
SOL_PACKET, PACKET_STATISTICS = 263, 6
ETHERNET = 14  # bytes of its header
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
# Bytes for what comes while a busy CPU lets this wait: a slow guest's took a whole probe.
BUFFER = 8 << 20
LARGEST = 1 << 16

IP_HEADERS = {0x0800: ("ip", 20), 0x86DD: ("ip6", 40)}  # linux/if_ether.h; bytes at least

# Where nft's words for a header's field lie: from the IP header's or the transport header's begin
# on, the first bit and how many.
FIELDS = {
    "ip saddr": ("ip", 96, 32), "ip daddr": ("ip", 128, 32), "ip protocol": ("ip", 72, 8),
    "ip6 saddr": ("ip6", 64, 128), "ip6 daddr": ("ip6", 192, 128),
    "udp dport": ("th", 16, 16), "udp length": ("th", 32, 16),
}  # fmt: skip
PROTOCOL = {"ip": 9, "ip6": 6}  # the byte of an IP header that names what follows
IPPROTO_UDP = 17
Test = tuple[str, int, int, bool, int]
UDP: Test = ("protocol", 0, 8, True, IPPROTO_UDP)


def asked_by(words: str) -> list[Test]:
    """Return what nft's words ask of a packet: header, bit, bits, whether equal, value."""
    found: list[Test] = []
    left = words.split()
    while left:
        word = left.pop(0)
        if word.startswith("@"):
            header, first, length = word[1:].split(",")
            where = (header, int(first), int(length))
        else:
            where = FIELDS[f"{word} {left.pop(0)}"]
            if word == "udp":
                found.append(UDP)
        equal = left[0] != "!="
        if not equal:
            left.pop(0)
        found.append((*where, equal, number(left.pop(0))))
    return found


def number(word: str) -> int:
    """Return a value as nft has it: an address, or a number of base 10 or 16."""
    if "." in word or ":" in word:
        family = socket.AF_INET6 if ":" in word else socket.AF_INET
        return int.from_bytes(socket.inet_pton(family, word), "big")
    return int(word, 0)


def fits(packet: bytes, ip: str, asked: list[Test]) -> bool:
    """Return whether an IP packet (``ip`` or ``ip6``) has what is asked of it."""
    transport = 4 * (packet[0] & 15) if ip == "ip" else 40
    begins = {ip: 0, "th": transport, "protocol": PROTOCOL[ip]}
    for header, first, length, equal, value in asked:
        if header not in begins:
            return False
        begin = begins[header] + first // 8
        field = packet[begin : begin + length // 8]
        if len(field) < length // 8 or (int.from_bytes(field, "big") == value) != equal:
            return False
    return True


def sender(packet: bytes, ip: str) -> str:
    """Return the source address of an IP packet."""
    if ip == "ip":
        return socket.inet_ntop(socket.AF_INET, packet[12:16])
    return socket.inet_ntop(socket.AF_INET6, packet[8:24])


class Counter:
    """Counts the packets of a network namespace.

    Args:
        rules: by the name of a counter, a device and nft's words for its packets.
        nic: a device whose arriving senders are recorded; empty for none.
        forms: nft's words for the packets whose senders those are.
    """

    def __init__(self, rules: dict[str, tuple[str, str]], nic: str, forms: list[str]) -> None:
        self._rules = {name: (device, asked_by(words)) for name, (device, words) in rules.items()}
        self._nic, self._forms = nic, [asked_by(words) for words in forms]
        self._counts = {name: [0, 0] for name in rules}
        self._senders: set[tuple[str, str]] = set()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except OSError:  # an ordinary user's root gets no more than net.core.rmem_max
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def take(self) -> None:
        """Count what has come so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, origin = self._socket.recvfrom(LARGEST)
                self._count(packet, *origin)

    def _count(
        self, packet: bytes, device: str, protocol: int, way: int, link: int, address: bytes
    ) -> None:
        ip, shortest = IP_HEADERS.get(protocol, ("", 0))
        if not ip or len(packet) < shortest:
            return
        sent = way == PACKET_OUTGOING
        for name, (own, asked) in self._rules.items():
            if own == device and fits(packet, ip, asked):
                self._counts[name][0] += 1
                self._counts[name][1] += len(packet) + ETHERNET * (sent and link == ARPHRD_ETHER)
        if device == self._nic and not sent and any(fits(packet, ip, form) for form in self._forms):
            mac = ":".join(f"{byte:02x}" for byte in address[:6])
            self._senders.add((mac, sender(packet, ip)))

    def told(self) -> dict[str, object]:
        """Return what was counted, and how many packets there was no room for."""
        numbers = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        lost = struct.unpack("=II", numbers)[1]
        return {"counters": self._counts, "senders": sorted(self._senders), "lost": lost}


def begin(job: dict[str, Any]) -> None:
    """Count in the background, until the counts are read."""
    counter = Counter(**job)
    asked = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    asked.bind(NAME)
    asked.listen(1)
    if os.fork():
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    limit = time.monotonic() + LIFE
    while time.monotonic() < limit:
        ready = select.select([counter.fileno(), asked.fileno()], [], [], 1.0)[0]
        counter.take()
        if asked.fileno() in ready:
            answer, _ = asked.accept()
            answer.sendall(json.dumps(counter.told()).encode())
            return


def end() -> None:
    """Print what was counted."""
    asking, text = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), b""
    asking.connect(NAME)
    while part := asking.recv(LARGEST):
        text += part
    print(text.decode())


if __name__ == "__main__":
    try:
        begin(json.loads(sys.argv[2])) if sys.argv[1] == "begin" else end()
    except OSError as problem:
        sys.exit(f"cannot count by a packet socket: {problem.strerror}")

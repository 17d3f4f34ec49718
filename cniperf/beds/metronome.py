"""Two legs of a load on one host take turns: one group of senders runs while the other is stopped.

This file is a program, and runs by itself: ``python3 metronome.py JOB``, with the job as JSON. It
needs Python 3.9 and its own library alone, so that it runs on any host. One process serves a whole
load, because a process per turn would cost the load more than the turn measures. Where the
receiving host is another machine, a second process runs there and reports that host's CPUs, see
:func:`report_cpus`.

A turn: the leg's senders go on (SIGCONT); once what they had in hand has settled, the bytes that
their peers have acknowledged are read from the kernel (``tcpi_bytes_acked`` of TCP_INFO,
linux/tcp.h, by sock_diag(7)), and again at the slice's end; the senders stop (SIGSTOP), and the
next turn waits until all that is still in their buffers has been acknowledged. So over a whole
turn the bytes of TCP and those of the sender's device are of the same data, and witness each other.

Where the senders of one leg do not see those of the other, as in two pods, each leg has a metronome
of its own, and both take their turns by the same clock: each turn begins at a moment that both
have, and what the other leg has still in its buffers must be gone by then.

It prints a line of CSV a turn, with :data:`HEAD` first.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator

HEAD = ("leg,block,began,settled,ended,drained,acked_settled,acked_ended,acked,carried,"
        "retransmits,mss,shares,used_a,used_b,busiest_a,busiest_b,handover")  # fmt: skip

# Seconds that a report of the other machine's CPUs may take, how many may be missing in a row, and
# seconds until the first one comes.
FAR_PATIENCE, FAR_TRIES, FAR_READY = 0.05, 5, 3

DRAIN = 0.5  # seconds that a stopped leg's buffers may take to empty: 4 MB at 64 Mbit/s

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, INET_DIAG_INFO = 4, 20, 2  # linux/sock_diag.h, inet_diag.h
REQUEST, REQUEST_DUMP = 0x1, 0x301  # NLM_F_REQUEST, and NLM_F_DUMP beside it, linux/netlink.h
DONE, ERROR = 3, 2  # NLMSG_DONE, NLMSG_ERROR
ESTABLISHED = 1 << 1
CLONE_NEWNET = 0x40000000  # linux/sched.h
HEADER, MESSAGE = 16, 72  # bytes of struct nlmsghdr, struct inet_diag_msg

# Where struct tcp_info (linux/tcp.h) has them.
SND_MSS, UNACKED, RETRANSMITS, ACKED, NOTSENT = 16, 24, 100, 120, 144
SHORT = 148  # bytes of it that must be there


class Sockets:
    """The TCP sockets of one sender, as the kernel of its network namespace sees them.

    Args:
        pid: the sender's.
        port: of the server.
        serving: True where the sender is the server.
    """

    def __init__(self, pid: int, port: int, *, serving: bool) -> None:
        self._netlink = _inside(pid)
        ports = struct.pack("!HH", *((port, 0) if serving else (0, port)))
        self._dumps = [(family, _request(REQUEST_DUMP, family, ports + bytes(44)))
                       for family in (socket.AF_INET, socket.AF_INET6)]  # fmt: skip
        self._asks: list[bytes] = []
        self.learn()

    def learn(self) -> None:
        """Find the connections that there are: each is then asked for by its own name.

        To find them the kernel searches all of its connections, those of every namespace.
        """
        self._asks = [
            _request(REQUEST, family, name)
            for family, dump in self._dumps
            for name, _ in self._answers(dump)
        ]

    def look(self) -> dict[str, int]:
        """Return ``acked`` and ``pending`` bytes and segments, ``retransmits``, and ``mss``."""
        found = {"acked": 0, "pending": 0, "retransmits": 0, "mss": 0}
        for ask in self._asks:
            _, info = next(self._answers(ask))
            found["acked"] += struct.unpack_from("=Q", info, ACKED)[0]
            found["retransmits"] += struct.unpack_from("=I", info, RETRANSMITS)[0]
            found["mss"] = max(found["mss"], struct.unpack_from("=I", info, SND_MSS)[0])
            for place in (UNACKED, NOTSENT):
                found["pending"] += struct.unpack_from("=I", info, place)[0]
        return found

    def _answers(self, ask: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the name of each connection (struct inet_diag_sockid) and its TCP_INFO."""
        self._netlink.send(ask)
        while True:
            said, place = self._netlink.recv(1 << 20), 0
            while place < len(said):
                length, kind = struct.unpack_from("=IH", said, place)
                if kind == DONE:
                    return
                if kind == ERROR:
                    code = -struct.unpack_from("=i", said, place + HEADER)[0]
                    raise OSError(code, os.strerror(code))
                name = said[place + HEADER + 4 : place + HEADER + 52]
                for info in _attribute(said[place + HEADER + MESSAGE : place + length]):
                    yield name, info
                place += length + 3 & ~3


def _request(flags: int, family: int, name: bytes) -> bytes:
    """Return the question for a connection's TCP_INFO (struct inet_diag_req_v2)."""
    info = 1 << (INET_DIAG_INFO - 1)
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, info, ESTABLISHED) + name
    length = HEADER + len(body)
    return struct.pack("=IHHII", length, SOCK_DIAG_BY_FAMILY, flags, 1, 0) + body


def _attribute(attributes: bytes) -> Iterator[bytes]:
    """Yield the TCP_INFO among a message's attributes."""
    place = 0
    while place + 4 <= len(attributes):
        length, kind = struct.unpack_from("=HH", attributes, place)
        if kind == INET_DIAG_INFO and length >= 4 + SHORT:
            yield attributes[place + 4 : place + length]
        place += max(4, length + 3 & ~3)


def _inside(pid: int) -> socket.socket:
    """Return a sock_diag socket of the network namespace that a process is in."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as own, open(f"/proc/{pid}/ns/net", "rb") as other:  # noqa: PTH123
        if os.path.sameopenfile(own.fileno(), other.fileno()):  # no privilege is needed
            return socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG)
        if libc.setns(other.fileno(), CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        try:
            return socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG)
        finally:
            libc.setns(own.fileno(), CLONE_NEWNET)


class Leg:
    """The senders of one leg."""

    def __init__(
        self, pids: list[int], ports: list[int], devices: list[str], *, serving: bool, stall: float
    ) -> None:
        self._pids, self._stall = pids, stall
        self.send(signal.SIGSTOP)  # hundreds of senders would leave this process no time
        # One entry for each device: several senders of a host have one in common.
        self._devices = {
            (os.stat(f"/proc/{pid}/ns/net").st_ino, device): pid  # noqa: PTH116
            for pid, device in zip(pids, devices)  # noqa: B905 - Python 3.10 has `strict`
        }
        self._sockets = [
            Sockets(pid, port, serving=serving)
            for pid, port in zip(pids, ports)  # noqa: B905
        ]

    def send(self, kind: int) -> None:
        """Send a signal to the senders."""
        for pid in self._pids:
            os.kill(pid, kind)

    def carried(self) -> int:
        """Return the bytes that the senders' devices have received and sent so far."""
        total = 0
        for (_, device), pid in self._devices.items():
            with open(f"/proc/{pid}/net/dev", encoding="utf-8") as table:  # noqa: PTH123
                for line in table:
                    name, _, counters = line.partition(":")
                    if name.strip() == device:
                        total += sum(map(int, counters.split()[0:9:8]))
        return total

    def look(self) -> dict[str, int]:
        """Return what :meth:`Sockets.look` does, of all senders together."""
        return together(self.looks())

    def learn(self) -> None:
        """Find the connections of all senders."""
        for each in self._sockets:
            each.learn()

    def looks(self) -> list[dict[str, int]]:
        """Return it of each sender."""
        return [each.look() for each in self._sockets]

    def wait(self, until: float) -> None:
        """Let the senders work until then; a planted fault stops them for a share of that."""
        if self._stall:
            rest = (until - time.monotonic()) * self._stall
            sleep(until - rest - time.monotonic())
            self.send(signal.SIGSTOP)
            sleep(until - time.monotonic())
            self.send(signal.SIGCONT)
        sleep(until - time.monotonic())

    def stop(self) -> float:
        """Stop the senders, wait until their buffers are empty, and return when they were."""
        self.send(signal.SIGSTOP)
        limit = time.monotonic() + DRAIN
        while self.look()["pending"] and time.monotonic() < limit:
            time.sleep(0.0005)
        return time.monotonic()


def together(looks: list[dict[str, int]]) -> dict[str, int]:
    """Return the looks at several senders as one."""
    whole = {name: sum(look[name] for look in looks) for name in looks[0]}
    return whole | {"mss": max(look["mss"] for look in looks)}


def sleep(seconds: float) -> None:
    """Sleep, if there is time left."""
    if seconds > 0:
        time.sleep(seconds)


Idle = list[float]  # the clock, and the seconds that each CPU has been idle so far


class Cpus:
    """Some CPUs of the machine that this runs on."""

    def __init__(self, own: list[int]) -> None:
        self._own = own
        self._tick = 1 / os.sysconf("SC_CLK_TCK")
        self._file = os.open("/proc/stat", os.O_RDONLY)

    def look(self) -> Idle:
        """Return how long each was idle or stolen; see :mod:`cniperf.beds.cputime`."""
        found = {}
        for line in os.pread(self._file, 1 << 16, 0).split(b"\n")[1:]:
            if not line.startswith(b"cpu"):
                break
            fields = line.split()
            found[int(fields[0][3:])] = self._tick * sum(int(fields[i]) for i in (4, 5, 8))
        return [time.monotonic(), *(found[cpu] for cpu in self._own)]


def _udp_socket(address: str) -> socket.socket:
    """Return a UDP socket for an address of either version of IP."""
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


class FarCpus:
    """Some CPUs of the other machine, as :func:`report_cpus` reports them there."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = _udp_socket(address)
        self._socket.connect((address, port))
        self._asked, self._silent = 0, 0
        limit = time.monotonic() + FAR_READY
        while not self.look() and time.monotonic() < limit:
            self._silent = 0
            time.sleep(0.02)

    def look(self) -> Idle:
        """Return how long each was idle; nothing where no answer comes, as behind a firewall."""
        if self._silent >= FAR_TRIES:
            return []
        self._asked += 1
        limit = time.monotonic() + FAR_PATIENCE
        with contextlib.suppress(OSError):  # no answer in time, or refused
            self._socket.send(str(self._asked).encode())
            while (left := limit - time.monotonic()) > 0:
                self._socket.settimeout(left)
                number, *idle = self._socket.recv(1 << 16).split()
                if int(number) == self._asked:  # else it is the late answer to an earlier question
                    self._silent = 0
                    return list(map(float, idle))
        self._silent += 1
        return []


def report_cpus(own: list[int], address: str, port: int) -> None:
    """Answer each datagram by its own text and how long this machine's CPUs were idle; for ever."""
    cpus, end = Cpus(own), _udp_socket(address)
    end.bind((address, port))
    while True:
        number, whose = end.recvfrom(64)
        idle = " ".join(map(repr, cpus.look()))
        end.sendto(number + b" " + idle.encode(), whose)


def used(before: Idle, after: Idle, seconds: float) -> tuple[float, float]:
    """Return the CPU seconds that a host spent in a slice, and those of its busiest CPU.

    Args:
        before: a look at the begin of the slice; empty if none came in time.
        after: one at its end.
        seconds: length of the slice.
    """
    if len(before) < 2 or len(after) < 2 or after[0] <= before[0]:
        return float("nan"), float("nan")
    span = after[0] - before[0]
    each = [
        seconds / span * max(0.0, span - last + first)
        for first, last in zip(before[1:], after[1:])  # noqa: B905
    ]
    return sum(each), max(each)


class Handover:
    """How much longer a CPU takes to read what another one wrote than what it wrote itself.

    It is 1.2 to 2.0 where the two share a last-level cache, 2.3 to 5.4 where not, by hand on
    virtual machines of one kind; see :mod:`cniperf.beds.caches`.

    Args:
        here: the one CPU.
        there: the other.
    """

    BYTES = 512 * 1024  # fits into a second-level cache of today

    def __init__(self, here: int, there: int) -> None:
        self._here, self._there = here, there
        self._libc = ctypes.CDLL(None)
        self._libc.memset.argtypes = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
        self._libc.memchr.argtypes = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
        self._block = ctypes.create_string_buffer(self.BYTES)

    def look(self, times: int = 8) -> float:
        """Return the ratio of the two lower quartiles; eight times take some 2 ms."""
        own = os.sched_getaffinity(0)
        try:
            others, ours = zip(*[  # noqa: B905
                (self._read_after(self._here), self._read_after(self._there)) for _ in range(times)
            ])  # fmt: skip
        finally:
            os.sched_setaffinity(0, own)
        first, second = (sorted(each)[times // 4] for each in (others, ours))
        return float(first / second)

    def _read_after(self, writer: int) -> float:
        """Write the block on one CPU; return the seconds that reading it takes over there."""
        os.sched_setaffinity(0, {writer})
        self._libc.memset(self._block, 1, self.BYTES)
        os.sched_setaffinity(0, {self._there})
        begin = time.perf_counter()
        self._libc.memchr(self._block, 0, self.BYTES)  # there is none: it reads all
        return time.perf_counter() - begin


Looks = dict[str, Callable[[], Idle]]  # by host, in order


def turn(leg: Leg, cpus: Looks, settle: float, seconds: float) -> str:
    """Give a leg its turn; return what :data:`HEAD` lists from ``began`` on."""
    before, empty = leg.carried(), leg.look()
    began = time.monotonic()
    leg.send(signal.SIGCONT)
    sleep(settle)
    idle = [look() for look in cpus.values()]
    begun, settled = leg.looks(), time.monotonic()
    leg.wait(settled + seconds)
    done, ended = leg.looks(), time.monotonic()
    later = [look() for look in cpus.values()]
    first, last = together(begun), together(done)
    drained = leg.stop()
    acked, carried = leg.look()["acked"] - empty["acked"], leg.carried() - before
    spent = [used(*each, ended - settled) for each in zip(idle, later)]  # noqa: B905
    return ",".join(
        [f"{at:.6f}" for at in (began, settled, ended, drained)]
        + [str(first["acked"]), str(last["acked"]), str(acked), str(carried)]
        + [str(last["retransmits"] - first["retransmits"]), str(last["mss"])]
        + [";".join(str(b["acked"] - a["acked"]) for a, b in zip(begun, done, strict=True))]
        + [f"{each:.4f}" for kind in zip(*spent) for each in kind]  # noqa: B905
    )


class Clock:
    """The moments at which turns begin, where each leg has its own metronome.

    Args:
        at: when the first leg's warming-up begins, on this machine's monotonic clock.
        warm: seconds of load of each leg before the turns.
        rest: seconds between two turns.
    """

    def __init__(self, at: float, warm: float, rest: float, legs: int) -> None:
        self._at, self._warm, self._rest, self._legs = at, warm, rest, legs
        if time.monotonic() > at:
            sys.exit(f"metronome: began {time.monotonic() - at:.1f} s late")

    def await_warm(self, place: int) -> None:
        """Wait until a leg's warming-up begins."""
        sleep(self._at + place * (self._warm + DRAIN) - time.monotonic())

    def await_turn(self, place: int, length: float) -> None:
        """Wait until a turn begins; a turn takes so many seconds, without the rest."""
        begin = self._at + self._legs * (self._warm + DRAIN)
        sleep(begin + place * (length + self._rest) - time.monotonic())


class Whenever:
    """One metronome has both legs: what comes next begins at once."""

    def await_warm(self, place: int) -> None:
        """Wait for nothing."""

    def await_turn(self, place: int, length: float) -> None:
        """Wait for nothing."""


def main(job: str) -> None:
    """Do a job.

    Its keys: ``legs`` (by name ``pids``, ``ports`` and ``devices`` of the senders), ``order``
    (letters, a turn each: the first letters of the legs' names; two of each make a block),
    ``warm`` (seconds of load of each leg before), ``settle``, ``slice`` (seconds), ``most``
    (seconds after which no block begins), ``serving`` (whether the senders are the servers),
    ``clock`` (where the other leg has its own metronome: ``at`` and ``rest`` of
    :class:`Clock`),
    ``cpus`` (by host: those that are here, ``address`` and ``port`` that report them, or none),
    ``near`` (a CPU of each host, where both are here: their handover before each block) and
    ``stall`` (by leg, a share of each slice to stop it for: a fault that tests plant). Or, to
    report CPUs: ``report`` (those that are here), ``address``, ``port``.
    """
    asked = json.loads(job)
    if "report" in asked:
        report_cpus(asked["report"], asked["address"], asked["port"])
    with contextlib.suppress(OSError):  # woken up in time, where that is allowed
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    legs = {
        name[0]: Leg(each["pids"], each["ports"], each["devices"], serving=asked["serving"],
                     stall=asked.get("stall", {}).get(name, 0.0))
        for name, each in asked["legs"].items()
    }  # fmt: skip
    cpus: Looks = {
        host: (FarCpus(**own) if isinstance(own, dict) else Cpus(own)).look if own else list
        for host, own in asked["cpus"].items()
    }
    near = Handover(*asked["near"]) if asked.get("near") else None
    handover = float("nan")
    print(HEAD)
    try:
        for leg in legs.values():
            leg.stop()
        both = list(dict.fromkeys(asked["order"]))
        own = asked.get("clock")
        clock = Clock(warm=asked["warm"], legs=len(both), **own) if own else Whenever()
        for place, name in enumerate(both):
            if name in legs:
                clock.await_warm(place)
                legs[name].send(signal.SIGCONT)
                time.sleep(asked["warm"])
                legs[name].learn()
                legs[name].stop()
        limit = time.monotonic() + asked["most"]
        for place, name in enumerate(asked["order"]):
            if place and not place % 4 and time.monotonic() > limit:
                break  # so many senders take their time to drain; whole blocks count
            if name not in legs:
                continue
            if near and not place % 4:
                handover = near.look()
            clock.await_turn(place, asked["settle"] + asked["slice"])
            told = turn(legs[name], cpus, asked["settle"], asked["slice"])
            print(f"{name},{place // 4 + 1},{told},{handover:.3f}", flush=True)
    finally:
        # By the clock, the other leg may be at its turns still.
        for leg in [] if asked.get("clock") else legs.values():
            with contextlib.suppress(OSError):  # a sender that ended is missed by its bytes
                leg.send(signal.SIGCONT)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as problem:
        sys.exit(f"metronome: {problem.strerror}")

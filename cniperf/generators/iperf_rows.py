"""What iperf 2 prints, as rows: a way of one connection, or of all, within an interval.

=============== ================================================================================
2.0.14–2.1.x    the server's values have no header: nine of them, the interval as ``0.0-1.0``
2.2.x           a header; a time zone before the time, ``istart`` and ``iend``, counts of reads;
                the sum of several connections as before, without a header, its number ``-1``
=============== ================================================================================
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cniperf.errors import MeasurementFailed, one_line
from cniperf.witness import agree

OLDEST, BEYOND = (2, 0, 14), (2, 3, 0)
SUPPORTED = "2.0.14 to 2.2.x"
NINE = ("time", "srcaddress", "srcport", "dstaddr", "dstport", "transferid", "interval", "bytes",
        "speed")  # fmt: skip
TEN = (*NINE[:6], "istart", "iend", *NINE[7:])  # what a header begins with
ROUNDED = 0.051  # s: how far an end of an interval may lie from what is printed
EXACT = 1e-3  # share by which figures may differ that are one count, printed twice
APART = 0.05  # share by which a sum of connections may differ: their seconds do not coincide


@dataclass(frozen=True)
class Row:
    """One line.

    Attributes:
        of: number of the connection; ``SUM`` for all.
        first, last: the interval, in seconds.
        bytes: that it carried.
        rate: the same in bit/s, by a clock that is finer than what is printed of it.
        again: TCP segments sent again; None where the line has no such figure.
    """

    of: str
    first: float
    last: float
    bytes: float
    rate: float
    again: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is of a whole load, which takes two seconds at least."""
        return self.first == 0 and self.last > 2 - 2 * ROUNDED

    @property
    def second(self) -> int | None:
        """The number of the second that it is of; None where it is not of one second."""
        number = round(self.first)
        ends = abs(self.first - number), abs(self.last - number - 1)
        return number if max(ends) < ROUNDED else None


def check_version(text: str, whose: str) -> None:
    """Check the version of a result against the supported ones, where it names its own.

    Raises:
        MeasurementFailed: its version is none of them.
    """
    if not (found := re.search(r"^iperf version (.*)", text, re.MULTILINE)):
        return
    number = re.match(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", found[1])
    if not number or not OLDEST <= tuple(map(int, number.groups())) < BEYOND:
        raise MeasurementFailed(
            f'the iperf {whose} reports the version "{one_line(found[1])[:60]}": cniperf reads '
            f"results of {SUPPORTED}"
        )


def server_rows(text: str) -> list[Row]:
    """Return the rows of a server's comma separated values.

    Raises:
        MeasurementFailed: a line is damaged, or the values are of a shape that is not known.
    """
    header: tuple[str, ...] = ()
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = tuple(line.strip().split(","))
        if fields[0] == "time":
            if fields[: len(TEN)] != TEN:
                raise MeasurementFailed(
                    f"the iperf server's columns are unknown ({one_line(line)[:80]}): cniperf "
                    f"reads those of {SUPPORTED}"
                )
            header = fields
        elif re.match(r"(\+|-)?\d{4}", line):
            columns = header if header and len(fields) == len(header) else NINE
            rows.append(
                _values(dict(zip(columns, fields, strict=False)), len(fields), line, number)
            )
    return rows


def _values(named: dict[str, str], count: int, line: str, number: int) -> Row:
    """Return a row of values; check the speed against the bytes."""
    first, last = named.get("istart"), named.get("iend")
    if first is None or last is None:
        first, _, last = named.get("interval", "").partition("-")
    if count < len(NINE) or (count != len(NINE) and "istart" not in named):
        raise damaged("server", f"line {number} has {count} values: {one_line(line)[-80:]}")
    try:
        row = Row("SUM" if named["transferid"] == "-1" else str(int(named["transferid"])),
                  _seconds(first), _seconds(last), _count(named["bytes"]),
                  _count(named["speed"]))  # fmt: skip
    except (KeyError, ValueError):
        raise damaged("server", f"line {number}: {one_line(line)[-80:]}") from None
    if row.last < row.first:
        raise damaged("server", f"line {number} ends before it begins: {one_line(line)[-80:]}")
    return _proven(row, "server", number)


CLIENT = re.compile(
    r"\[ *(?P<of>\d+|SUM(?:-\d+)?)\] +(?P<first>N\.N)- *(?P<last>N\.N) sec "
    r"+(?P<kbytes>N(?:\.N)?) KBytes +(?P<kbits>N(?:\.N)?) Kbits/sec"
    r"(?: +\d+/\d+ +(?P<again>N))?(?=\s|$)".replace("N", r"\d{1,15}")
)


def client_rows(text: str) -> list[Row]:
    """Return the rows of a client's report, which has kilobytes.

    Raises:
        MeasurementFailed: a line is damaged.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not re.match(r"\[ *(\d+|SUM\S*)\] +\d+\.\d+-", line):
            continue
        if not (found := CLIENT.match(line)):
            raise damaged("client", f"line {number}: {one_line(line)[:80]}")
        row = Row(
            of="SUM" if found["of"].startswith("SUM") else found["of"],
            first=float(found["first"]),
            last=float(found["last"]),
            bytes=float(found["kbytes"]) * 1024,
            rate=float(found["kbits"]) * 1000,
            again=int(found["again"]) if found["again"] else None,
        )
        rows.append(_proven(row, "client", number))
    return rows


def _proven(row: Row, whose: str, number: int) -> Row:
    """Return a row whose bytes and rate agree, as far as its printed interval allows."""
    if row.second is not None and abs(row.bytes * 8 - row.rate) > 2 * ROUNDED * row.rate + 16_000:
        raise damaged(
            whose, f"line {number}: {row.bytes:.6g} bytes a second are no {row.rate:.6g} bit/s"
        )
    return row


def by_second(rows: Iterable[Row], seconds: range, connections: int, whose: str) -> list[list[Row]]:
    """Return the rows of each of these seconds, one a connection.

    Raises:
        MeasurementFailed: a second lacks a connection, or has one twice, or its sum is no sum.
    """
    found: dict[int, list[Row]] = {second: [] for second in seconds}
    for row in rows:
        if row.second in found:
            found[row.second].append(row)
    for second, both in found.items():
        parts = [row for row in both if row.of != "SUM"]
        if len({row.of for row in parts}) != connections or len(parts) != connections:
            raise damaged(whose, f"second {second} to {second + 1} has {len(parts)} lines of "
                                 f"{connections} connections")  # fmt: skip
        for whole in both:
            if whole.of == "SUM":
                _is_sum(whole, parts, whose)
        found[second] = parts
    return list(found.values())


def _is_sum(whole: Row, parts: list[Row], whose: str) -> None:
    """Check a sum against its connections, whose seconds do not begin together."""
    agree(f"the {whose}'s bytes in a second", ("its connections", sum(row.bytes for row in parts)),
          ("their sum", whole.bytes), within=APART, plus=1 << 20)  # fmt: skip
    again = [row.again for row in parts if row.again is not None]
    if whole.again is not None and len(again) == len(parts):
        agree("the segments sent again in a second", ("the connections", sum(again)),
              ("their sum", whole.again), within=4 * APART, plus=10)  # fmt: skip


def agree_on_again(rows: Sequence[Row]) -> bool:
    """Return whether no two lines of a client differ in the segments that were sent again.

    The sum of a second is that of its connections. A connection's line of the whole also has
    what comes after the last second; iperf 2.0.14 leaves a 0 there.
    """
    for whole in (row for row in rows if row.again is not None):
        if whole.of == "SUM" and whole.second is not None:
            parts = [row for row in rows if row.second == whole.second and row.of != "SUM"]
            if sum(row.again or 0 for row in parts) != whole.again:
                return False
        if whole.of != "SUM" and whole.is_whole and whole.again:
            parts = [row for row in rows if row.of == whole.of and row.second is not None]
            if sum(row.again or 0 for row in parts) > whole.again:
                return False
    return True


def damaged(whose: str, where: str) -> MeasurementFailed:
    """Return the error of a result that cannot be what iperf wrote."""
    return MeasurementFailed(f"the result of the iperf {whose} is damaged: {where}")


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,7}\.\d{1,9}", text):
        raise ValueError(text)
    return float(text)


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise ValueError(text)
    return int(text)

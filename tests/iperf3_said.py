"""Results of iperf3, made up: one for streams, one for datagrams, with every second count in it."""

from copy import deepcopy
from typing import Any

CPU = {"host_total": 90.0, "host_user": 5.0, "host_system": 85.0, "remote_total": 50.0}


def whole(gbps: float, seconds: float = 1.0, **more: object) -> dict[str, Any]:
    """A sum: its bytes, its seconds and its rate agree."""
    return {"seconds": seconds, "bytes": round(gbps * 1e9 * seconds / 8),
            "bits_per_second": gbps * 1e9, **more}  # fmt: skip


def part(
    begin: float, end: float, gbps: float, *, omitted: bool = False, **more: object
) -> dict[str, Any]:
    """An interval, as long as it claims to be."""
    return {**whole(gbps, end - begin), "start": begin, "end": end, "omitted": omitted, "sender": True,
            "retransmits": 0, **more}  # fmt: skip


def said(**changes: Any) -> dict[str, Any]:
    """A client's result, with these parts of its end changed; None takes one out."""
    made = deepcopy(changes.pop("of", STREAM))
    for name, value in changes.items():
        place = made["start"] if name in made["start"] else made if name in made else made["end"]
        place[name] = value
        if value is None:
            del place[name]
    return made


STREAM: dict[str, Any] = {
    "start": {
        "version": "iperf 3.12",
        "tcp_mss_default": 1448,
        "test_start": {"protocol": "TCP", "num_streams": 1, "blksize": 131072, "omit": 0,
                       "duration": 1, "reverse": 0},
    },
    "intervals": [{"sum": part(0, 0.5, 1.0)}, {"sum": part(0.5, 1.0, 1.0)}],
    "end": {
        "streams": [{"sender": whole(1.0, retransmits=3, sender=True),
                     "receiver": whole(1.0, sender=True)}],
        "sum_sent": whole(1.0, retransmits=3, sender=True),
        "sum_received": whole(1.0, sender=True),
        "cpu_utilization_percent": CPU,
    },
}  # fmt: skip

DATAGRAMS: dict[str, Any] = {
    "start": {
        "version": "iperf 3.12",
        "test_start": {"protocol": "UDP", "num_streams": 1, "blksize": 1000, "omit": 0,
                       "duration": 2, "reverse": 0},
    },
    "intervals": [],
    "end": {
        "sum": {"packets": 1000, "lost_packets": 100, "seconds": 2.0, "bytes": 1_000_000,
                "bits_per_second": 4e6},
        "sum_received": {"seconds": 2.0, "bytes": 900_000, "bits_per_second": 3.6e6},
        "cpu_utilization_percent": CPU,
    },
}  # fmt: skip

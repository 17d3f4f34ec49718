"""What the CPUs did while a load ran: how full each host's were, and who else used them.

All figures come from ``/proc`` (proc(5)), in ticks of 10 ms.
"""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PF_KTHREAD = 0x00200000  # linux/sched.h

# Fields of a cpu line of /proc/stat after its name; guest time is in user time already.
IDLE, IOWAIT, STEAL, FIELDS = 3, 4, 7, 8


@dataclass(frozen=True)
class CpuTimes:
    """How much time each CPU has spent so far, in ticks: all of it, idle, and stolen."""

    total: dict[int, int]
    idle: dict[int, int]
    stolen: dict[int, int]

    @classmethod
    def now(cls) -> "CpuTimes":
        """Read the counters."""
        total, idle, stolen = {}, {}, {}
        for line in Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name != "cpu":
                ticks = [int(field) for field in fields[:FIELDS]]
                cpu = int(name.removeprefix("cpu"))
                total[cpu], idle[cpu] = sum(ticks), ticks[IDLE] + ticks[IOWAIT]
                stolen[cpu] = ticks[STEAL]
        return cls(total, idle, stolen)

    def busiest(self, since: "CpuTimes", cpus: Collection[int]) -> float:
        """Return how full the busiest of some CPUs was since an earlier reading, in %."""
        return max(self._busy(since, cpu) for cpu in cpus)

    def used(self, since: "CpuTimes", cpus: Collection[int]) -> float:
        """Return the CPU seconds that were spent on some CPUs, interrupts and softirqs included.

        What the hypervisor took is no part of it.
        """
        ticks = sum(
            (self.total[cpu] - since.total[cpu])
            - (self.idle[cpu] - since.idle[cpu])
            - (self.stolen[cpu] - since.stolen[cpu])
            for cpu in cpus
        )
        return ticks / TICKS

    def stolen_since(self, since: "CpuTimes", cpus: Collection[int]) -> float:
        """Return the share of some CPUs' time that the hypervisor gave to others, in %."""
        spent = sum(self.total[cpu] - since.total[cpu] for cpu in cpus)
        taken = sum(self.stolen[cpu] - since.stolen[cpu] for cpu in cpus)
        return 100 * taken / spent if spent else 0.0

    def _busy(self, since: "CpuTimes", cpu: int) -> float:
        spent = self.total[cpu] - since.total[cpu]
        idle = self.idle[cpu] - since.idle[cpu]
        return 100 * (1 - idle / spent) if spent else 0.0


def process_seconds(without: Collection[int] = ()) -> dict[int, float]:
    """Return the CPU seconds of every process so far, but for those that measure.

    Left out are kernel threads, this process and its ancestors, and some pids.

    A namespace of processes shows its own only: of a container's neighbours nothing is seen.
    """
    found, parents = {}, {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                pid, parents[int(entry.name)] = int(entry.name), int(fields[1])
                if not int(fields[6]) & PF_KTHREAD:
                    found[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    own = os.getpid()
    while own in parents:  # what they do is part of measuring
        found.pop(own, None)
        own = parents[own]
    return {pid: used for pid, used in found.items() if pid not in without}


def used_since(now: Mapping[int, float], since: Mapping[int, float]) -> float:
    """Return the CPU seconds that processes used between two readings."""
    return sum(max(0.0, used - since.get(pid, 0.0)) for pid, used in now.items())

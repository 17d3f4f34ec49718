"""What the CPUs did while a load ran: how full each host's were, and what else used them.

All figures come from ``/proc`` (proc(5)), in ticks of 10 ms.

A kernel that samples the running process at each timer tick (CONFIG_TICK_CPU_ACCOUNTING, the usual
one) sees little of a load that wakes up at those ticks, such as a timer's: a CPU that was busy
for a third of the time may be reported as 1 %. Idle time is measured, not sampled, so what was used
is here the clock's time less the idle time.
"""

import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cniperf.beds.cpus import spans
from cniperf.errors import MeasurementFailed

TICKS = os.sysconf("SC_CLK_TCK")
PF_KTHREAD = 0x00200000  # linux/sched.h

# Fields of a cpu line of /proc/stat after its name; guest time is in user time already.
IDLE, IOWAIT, STEAL, FIELDS = 3, 4, 7, 8


@dataclass(frozen=True)
class CpuTimes:
    """How much time each CPU has spent so far, in ticks: idle, and stolen; and when that was.

    Attributes:
        at: the clock, in seconds.
        idle, stolen: ticks by CPU.
    """

    at: float
    idle: dict[int, int]
    stolen: dict[int, int]

    @classmethod
    def now(cls) -> "CpuTimes":
        """Read this machine's counters."""
        at = time.monotonic()
        return cls(at, *_ticks(Path("/proc/stat").read_text(encoding="utf-8", errors="replace")))

    @classmethod
    def read(cls, said: str) -> "CpuTimes":
        """Read another machine's, from its ``/proc/uptime`` with ``/proc/stat`` behind it."""
        uptime, _, counters = said.partition("\n")
        return cls(float(uptime.split()[0]), *_ticks(counters))

    def busiest(self, since: "CpuTimes", cpus: Collection[int]) -> float:
        """Return how full the busiest of some CPUs was since an earlier reading, in %."""
        span = self.at - since.at
        self._require(since, cpus)
        return max(100 * (1 - min(self._idle(since, cpu) / span, 1)) for cpu in cpus) if span else 0

    def used(self, since: "CpuTimes", cpus: Collection[int]) -> float:
        """Return the CPU seconds that were spent on some CPUs, interrupts and softirqs included.

        What the hypervisor took is no part of it.
        """
        span = self.at - since.at
        self._require(since, cpus)
        return sum(
            max(0.0, span - self._idle(since, cpu) - (self.stolen[cpu] - since.stolen[cpu]) / TICKS)
            for cpu in cpus
        )

    def stolen_since(self, since: "CpuTimes", cpus: Collection[int]) -> float:
        """Return the share of some CPUs' time that the hypervisor gave to others, in %."""
        span = (self.at - since.at) * len(cpus)
        self._require(since, cpus)
        taken = sum(self.stolen[cpu] - since.stolen[cpu] for cpu in cpus) / TICKS
        return 100 * taken / span if span else 0.0

    def _require(self, since: "CpuTimes", cpus: Collection[int]) -> None:
        """Reject CPUs that were not online all the time."""
        if gone := [cpu for cpu in cpus if cpu not in self.idle or cpu not in since.idle]:
            raise MeasurementFailed(
                f"/proc/stat has no CPU {spans(gone)}, which the load was to run on: it is offline"
            )

    def _idle(self, since: "CpuTimes", cpu: int) -> float:
        return (self.idle[cpu] - since.idle[cpu]) / TICKS


def _ticks(counters: str) -> tuple[dict[int, int], dict[int, int]]:
    """Return the idle and the stolen ticks of each CPU, from ``/proc/stat``."""
    idle, stolen = {}, {}
    for line in counters.splitlines():
        name, _, rest = line.partition(" ")
        if name.startswith("cpu") and name != "cpu":
            ticks = [int(field) for field in rest.split()[:FIELDS]]
            cpu = int(name.removeprefix("cpu"))
            idle[cpu], stolen[cpu] = ticks[IDLE] + ticks[IOWAIT], ticks[STEAL]
    return idle, stolen


def seconds_of(stats: str) -> dict[int, float]:
    """Return the CPU seconds of another machine's processes, from their ``/proc/PID/stat``.

    Kernel threads are left out.
    """
    found = {}
    for line in stats.splitlines():
        fields = line.rpartition(")")[2].split()
        if len(fields) > 12 and not int(fields[6]) & PF_KTHREAD:
            found[int(line.split()[0])] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def process_seconds(without: Collection[int] = ()) -> dict[int, float]:
    """Return the CPU seconds of every process so far, but for those that measure.

    Left out are kernel threads, this process and its ancestors, and some pids.

    A namespace of processes shows its own only: of a container's neighbours nothing is seen.
    """
    found, parents = {}, {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                fields = (
                    Path(entry.path, "stat")
                    .read_text(encoding="utf-8", errors="replace")
                    .rpartition(")")[2]
                    .split()
                )
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

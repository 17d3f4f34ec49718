"""A host owns its CPUs: processes by affinity, receive processing by RPS.

Without it the two ends of the load wander over each other's CPUs and the same scheme swings
by a factor of three between two runs.
"""

import os
import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from cniperf.errors import NotAble

TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def split() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Share out the CPUs this process may use: half of the cores to host a, half to host b.

    The threads of a core stay together, so the hosts share no core's execution units. With an odd
    number host b gets the odd core. A single core is divided by its threads, and a single CPU is
    shared by both hosts. No host gets an offline CPU, because the kernel keeps no time of it.

    Raises:
        NotAble: it keeps none of any CPU that this process may use.
    """
    mine = sorted(os.sched_getaffinity(0))
    there = listed(Path("/proc/stat").read_text(encoding="utf-8"))
    cpus = tuple(cpu for cpu in mine if cpu in there)
    if not cpus:
        raise NotAble(
            f"/proc/stat has the CPUs {spans(there)}, but this process may use {spans(mine)}: "
            "their load cannot be read"
        )
    units = cores(cpus)
    if len(units) == 1:
        units = [(cpu,) for cpu in cpus]
    half = len(units) // 2
    a, b = (tuple(sorted(chain(*part))) for part in (units[:half], units[half:]))
    return (a, b) if half else (cpus, cpus)


def cores(cpus: Iterable[int]) -> list[tuple[int, ...]]:
    """Return CPUs by the core that they are threads of; where that is unknown, each by itself."""
    found: dict[frozenset[int], list[int]] = {}
    for cpu in sorted(cpus):
        try:
            threads = parse(Path(TOPOLOGY.format(cpu)).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            threads = frozenset({cpu})
        found.setdefault(threads, []).append(cpu)
    return [tuple(own) for own in found.values()]


def one_core(cpus: Iterable[int]) -> bool:
    """Return whether CPUs are threads of one core, so that hosts must share it."""
    return len(cores(cpus)) == 1


def listed(stat: str) -> tuple[int, ...]:
    """Return the CPUs that ``/proc/stat`` has a line of: those that are online."""
    return tuple(sorted(int(cpu) for cpu in re.findall(r"^cpu(\d+) ", stat, re.MULTILINE)))


def usable(stat: str, status: str) -> tuple[int, ...]:
    """Return the CPUs of another machine that are online and that a command may run on.

    Args:
        stat: its ``/proc/stat``.
        status: ``/proc/self/status`` there.
    """
    there = listed(stat)
    allowed = re.search(r"^Cpus_allowed_list:\s*(\S+)$", status, re.MULTILINE)
    return tuple(cpu for cpu in there if cpu in parse(allowed[1])) if allowed else there


def parse(said: str) -> frozenset[int]:
    """Read CPUs as ``0-3,8``."""
    found: set[int] = set()
    for part in said.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


def spans(cpus: Iterable[int]) -> str:
    """Return CPUs for people, as ``0-3,8``."""
    ends: list[list[int]] = []
    for cpu in sorted(cpus):
        if ends and cpu == ends[-1][1] + 1:
            ends[-1][1] = cpu
        else:
            ends.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ends)


def mask(cpus: tuple[int, ...]) -> str:
    """Return the CPUs as the kernel's bit mask: hexadecimal words of 32 bits, commas between."""
    bits = sum(1 << cpu for cpu in cpus)
    words: list[int] = []
    while bits or not words:
        words.append(bits & 0xFFFFFFFF)
        bits >>= 32
    first, *rest = reversed(words)
    return ",".join([f"{first:x}", *(f"{word:08x}" for word in rest)])


def text(cpus: tuple[int, ...]) -> str:
    """Return the CPUs as ``taskset -c`` takes them: ``0,1``."""
    return ",".join(map(str, cpus))

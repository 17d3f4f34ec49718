"""A host owns its CPUs: processes by affinity, receive processing by RPS.

Without it the two ends of the load wander over each other's CPUs and the same scheme swings
by a factor of three between two runs.
"""

import os


def split() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Share out the CPUs this process may use: half to host a, half to host b.

    With an odd number host b gets the odd one; a single CPU is shared by both.
    """
    cpus = tuple(sorted(os.sched_getaffinity(0)))
    half = len(cpus) // 2
    return (cpus[:half], cpus[half:]) if half else (cpus, cpus)


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

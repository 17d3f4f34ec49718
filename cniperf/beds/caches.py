"""How near the CPUs of the two hosts are to each other: measured, as a hypervisor may move them.

Two virtual CPUs may sit below one last-level cache now and below two of them a minute later. What
one host's CPU writes the other reads three times slower then, and a load between them loses a
quarter of its throughput, while neither CPU is slower by itself. No file tells: a guest's
``/sys/devices/system/cpu/cpu0/cache`` says what its hypervisor was told to say.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BLOCK = 512 * 1024  # bytes: fits into a second-level cache of today
TIMES = 30  # 3 ms in all
# One in twenty looks at CPUs that stay where they are is off by a factor of two: another guest of
# the same machine has the cache for some milliseconds. So the middle one of some looks counts.
LOOKS, PAUSE = 3, 0.01


def handover(a: Sequence[int], b: Sequence[int]) -> float | None:
    """Return how much longer a CPU takes to read what the other host wrote than what it wrote.

    Where it was tried it is 1.7 to 1.9 if the CPUs share a last-level cache, 3.8 to 5.4 if not.

    Args:
        a: the CPUs of one host, of which the first is tried.
        b: the CPUs of the other.

    Returns:
        The ratio of the two lower quartiles, the median of some looks; None where the hosts have
        no CPUs of their own.
    """
    if not set(a).isdisjoint(b):
        return None
    import numpy as np  # a guest whose hosts share a CPU has none

    block, looks = np.zeros(BLOCK // 8, dtype=np.int64), []
    with _own_affinity():
        for _ in range(LOOKS):
            looks.append(_look(block, a[0], b[0]))
            time.sleep(PAUSE)
    return float(np.median(looks))


def _look(block: "np.ndarray", here: int, there: int) -> float:
    """Return how much longer one CPU takes to read what the other wrote than what it wrote."""
    import numpy as np

    own, others = [], []
    for _ in range(TIMES):
        others.append(_read_after(block, written_on=here, read_on=there))
        own.append(_read_after(block, written_on=there, read_on=there))
    return float(np.percentile(others, 25) / np.percentile(own, 25))


def _read_after(block: "np.ndarray", *, written_on: int, read_on: int) -> float:
    """Write a block on one CPU; return the seconds that reading it takes on another."""
    os.sched_setaffinity(0, {written_on})
    block.fill(1)
    os.sched_setaffinity(0, {read_on})
    begin = time.perf_counter()
    block.max()
    return time.perf_counter() - begin


@contextmanager
def _own_affinity() -> Iterator[None]:
    """Put this thread back on the CPUs that it had."""
    before = os.sched_getaffinity(0)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

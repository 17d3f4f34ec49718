"""How near the CPUs of the two hosts are to each other: measured, since a hypervisor may move them.

Two virtual CPUs may sit below one last-level cache now and below two of them a minute later. What
one host's CPU writes the other reads three times slower then, and a load between them loses a
quarter of its throughput, while neither CPU is slower by itself. No file shows it: a guest's
``/sys/devices/system/cpu/cpu0/cache`` has what its hypervisor is configured to report.
"""

import time
from collections.abc import Sequence
from statistics import median

from cniperf.beds.metronome import Handover

TIMES = 30  # 6 ms in all
# One in twenty looks at CPUs that stay where they are is off by a factor of two: another guest of
# the same machine has the cache for some milliseconds. So the middle one of some looks counts.
LOOKS, PAUSE = 3, 0.01


def handover(a: Sequence[int], b: Sequence[int]) -> float | None:
    """Return how much longer a CPU takes to read what the other host wrote than what it wrote.

    Args:
        a: the CPUs of one host, of which the first is tried.
        b: the CPUs of the other.

    Returns:
        The median of some looks (:class:`cniperf.beds.metronome.Handover`); None where the hosts
        have no CPUs of their own.
    """
    if not set(a).isdisjoint(b):
        return None
    pair, looks = Handover(a[0], b[0]), []
    for _ in range(LOOKS):
        looks.append(pair.look(TIMES))
        time.sleep(PAUSE)
    return median(looks)

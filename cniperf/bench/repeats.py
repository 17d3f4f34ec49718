"""How often each thing is measured, and its time taken."""

import time
from collections.abc import Callable

PAIRS = 5
QUADS = 24


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

"""The time of a suite: what is spent of its budget, and what still fits into it."""

import time

REPORT_SECONDS = 20.0  # of a budget, kept for the report


class Budget:
    """A suite's time, which begins with the object.

    Args:
        seconds: the longest that the suite may take, its report included; 0 for no limit.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._took: list[float] = []

    def took(self, seconds: float) -> None:
        """Record how long a batch took."""
        self._took.append(seconds)

    def fits(self, batches: float) -> bool:
        """Return whether so many batches and the report after them end within the budget."""
        return not self._seconds or self.needed(batches) <= self._seconds - self._spent()

    def left(self, batches: float) -> float:
        """Return what so many batches and the report still take, in s, within the budget."""
        needed = self.needed(batches)
        return min(needed, self._seconds - self._spent()) if self._seconds else needed

    def needed(self, batches: float) -> float:
        """Estimate what so many batches and the report take, in s.

        Each takes the mean of those so far, but one takes as long as the longest.
        """
        took = self._took or [0.0]
        longest = max(took) if batches else 0.0
        return sum(took) / len(took) * max(0.0, batches - 1) + longest + REPORT_SECONDS

    def _spent(self) -> float:
        return time.monotonic() - self._began

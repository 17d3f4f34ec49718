"""The kernels of a suite: as many as it measures pairs of hosts at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from cniperf import stop
from cniperf.notebook import warm_kernel

Task = Callable[[Any], str]  # what a kernel is given to do
LOOK = 0.05  # seconds between two looks at what has ended


class Kernels:
    """Some warm kernels. Use it as a context manager: they end with the block.

    Args:
        count: how many notebooks can run at once.
    """

    def __init__(self, count: int = 1) -> None:
        self.count, self._stack = count, ExitStack()
        self._kernels: list[Any] = []
        self._free: list[Any] = []  # of them; the last one is taken first, because it is warm

    def __enter__(self) -> Self:
        # The threads end last: what they wait for ends with the kernels.
        self._threads = self._stack.enter_context(ThreadPoolExecutor(self.count))
        self._kernels = [self._stack.enter_context(warm_kernel()) for _ in range(self.count)]
        self._free = self._kernels[::-1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, problem, trace)

    @property
    def first(self) -> Any:  # noqa: ANN401
        """One of them, for what runs alone in this thread."""
        return self._kernels[0] if self._kernels else None

    def together(self, tasks: Sequence[Task]) -> Iterator[tuple[int, str]]:
        """Do tasks, as many at once as there are kernels.

        Yields:
            The place of each in the sequence, and what it returned, as soon as it has ended.
        """
        if self.count == 1:
            for place, task in enumerate(tasks):
                yield place, task(self.first)
            return
        running = {place: self._threads.submit(self._do, task) for place, task in enumerate(tasks)}
        while running:
            for place in [place for place, future in running.items() if future.done()]:
                yield place, running.pop(place).result()
            if running:
                stop.sleep(LOOK)

    def _do(self, task: Task) -> str:
        kernel = self._free.pop()
        try:
            return task(kernel)
        finally:
            self._free.append(kernel)

"""The kernels of a suite: as many as it measures pairs of hosts at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from cniperf import stop
from cniperf.notebook import warm_kernel

Task = Callable[[Any], str]  # what a kernel is given to do


class Kernels:
    """Some warm kernels. Use it as a context manager: they end with the block.

    Args:
        count: how many notebooks can run at once.
    """

    def __init__(self, count: int = 1) -> None:
        self.count, self._stack = count, ExitStack()
        self._kernels: list[Any] = []

    def __enter__(self) -> Self:
        # The threads end last: what they wait for ends with the kernels.
        self._threads = self._stack.enter_context(ThreadPoolExecutor(self.count))
        self._kernels = [self._stack.enter_context(warm_kernel()) for _ in range(self.count)]
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

    def together(self, tasks: Sequence[Task]) -> list[str]:
        """Do tasks at once, each with a kernel of its own, and return what each returns."""
        if self.count == 1:
            return [task(self.first) for task in tasks]
        given = zip(tasks, self._kernels, strict=False)
        futures = [self._threads.submit(task, kernel) for task, kernel in given]
        return [stop.result(future) for future in futures]

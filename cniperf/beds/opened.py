"""What is opened by ``with``: what a begin has made is undone, however far it came."""

from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self

from cniperf.errors import CniperfError


class Opened(ABC):
    """Something that ``with`` opens and closes."""

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            with suppress(CniperfError):  # the error of the begin is reported
                self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def _open(self) -> None:
        """Make or take what there is to be."""

    @abstractmethod
    def close(self) -> None:
        """Undo everything; safe to call twice, and after a begin that failed."""

"""Standard output that may end before the work does: the work goes on without it."""

import errno
import io
import os
import select
from typing import Any, TextIO


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except io.UnsupportedOperation:
        return None


class Output(io.RawIOBase):
    """What is written goes to a descriptor for as long as that takes it; then nowhere.

    Args:
        stream: whose descriptor; None where standard output is closed.

    Attributes:
        problem: why it took no more; empty where it did, or where its reader left (``| head``).
        text: the stream to write to.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.problem = ""
        self._to = _descriptor(stream)
        self._terminal = stream is not None and stream.isatty()
        self.text: TextIO
        if stream is not None and self._to is None:  # not a file, as a test has it
            self.text = stream
            return
        self.text = io.TextIOWrapper(
            io.BufferedWriter(self), stream.encoding if stream else "utf-8",
            errors="backslashreplace", line_buffering=True,
        )  # fmt: skip

    def write(self, data: Any) -> int:  # noqa: ANN401
        """Write to the descriptor, or drop what it does not take any more."""
        while self._to is not None:
            try:
                return os.write(self._to, data)
            except BlockingIOError:
                select.select([], [self._to], [])
            except OSError as problem:
                self._to = None
                if problem.errno != errno.EPIPE:
                    self.problem = problem.strerror or str(problem)
        return len(data)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Tell whether a person reads it."""
        return self._terminal

    def fileno(self) -> int:
        """Return the descriptor, while it takes anything."""
        if self._to is None:
            raise io.UnsupportedOperation("standard output has ended")
        return self._to

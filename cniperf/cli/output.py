"""Standard output that may close before the work ends: the work continues without it."""

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
    """A stream to a descriptor. What the descriptor no longer accepts is dropped.

    Args:
        stream: the stream with the descriptor; None where standard output is closed.

    Attributes:
        problem: why a write failed; empty where none did, or where the reader left (``| head``).
        text: the stream to write to.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.problem = ""
        self._to = _descriptor(stream)
        self._terminal = stream is not None and stream.isatty()
        self.text: TextIO
        if stream is not None and self._to is None:  # not a file, for example in a test
            self.text = stream
            return
        self.text = io.TextIOWrapper(
            io.BufferedWriter(self), stream.encoding if stream else "utf-8",
            errors="backslashreplace", line_buffering=True,
        )  # fmt: skip

    def write(self, data: Any) -> int:  # noqa: ANN401
        """Write to the descriptor, or drop what it no longer accepts."""
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
        """Return whether a terminal shows it."""
        return self._terminal

    def fileno(self) -> int:
        """Return the descriptor, while it accepts data."""
        if self._to is None:
            raise io.UnsupportedOperation("standard output has ended")
        return self._to

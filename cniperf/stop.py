"""Stopping: a signal sets a flag and wakes waiters; code looks at safe points and raises there.

An exception that leaves a signal handler meets whatever line is at work: an import whose C code
swallows it, a lock, a tidying half done. So :func:`look` raises :class:`Stopped`, and nothing else
does. Every wait of the command line goes through this module and ends as soon as a signal comes.

Without a call of :func:`listen` (a notebook, a program that imports cniperf) all of this is a
plain wait, and Ctrl-C is Python's own KeyboardInterrupt.
"""

import atexit
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread, get_ident
from types import FrameType
from typing import TypeVar

from cniperf.errors import Stopped

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN = 0.1  # seconds after which one more signal is a second request; `timeout` sends each twice


class _Ear:
    """The signals received so far."""

    listener = 0  # the thread that signals stop; 0 while no thread listens
    came = 0  # the first signal's number
    since = 0.0
    heard = False  # it was raised once, and what follows tidies up
    deaf = 0  # depth of blocks that are not to be cut short
    pipe = -1  # readable from the first signal on


def listen() -> None:
    """Let SIGINT and SIGTERM stop this thread at its next safe point; the main one may call it."""
    _Ear.pipe, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    _Ear.listener = get_ident()
    for number in SIGNALS:
        signal.signal(number, _note)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # our script lets them wait until here
    atexit.register(_ignore)  # the first that is registered is called last


def _ignore() -> None:
    """Let no signal change the exit code of work that is done.

    Python gives them back to the kernel while it takes itself down.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _note(number: int, frame: FrameType | None) -> None:
    if _Ear.came and time.monotonic() - _Ear.since > AGAIN:
        os._exit(128 + number)  # for a user who did not wait; reapers sweep the rest
    if not _Ear.came:
        _Ear.came, _Ear.since = number, time.monotonic()


def how_ended(code: int | None) -> str:
    """Return how a process ended, in words: by a signal, which shells tell as 128 and more."""
    killed = code is not None and code < 0
    number = -(code or 0) if killed else (code or 0) - 128
    try:
        return f"by {signal.Signals(number).name}"
    except ValueError:  # those of real time have no names
        return f"by signal {number}" if killed else f"with code {code}"


def let_go() -> None:
    """Give signals back to the kernel, for a program that is to replace this process."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    look()


def came() -> int:
    """Return the number of the signal that came; 0 where none did."""
    return _Ear.came


def look() -> None:
    """Be a safe point.

    Raises:
        Stopped: a signal came. It is raised once: what follows tidies up.
    """
    if _Ear.came and _listening():
        _Ear.heard = True
        raise Stopped(_Ear.came)


def _listening() -> bool:
    return get_ident() == _Ear.listener and not _Ear.heard and not _Ear.deaf


@contextmanager
def later() -> Iterator[None]:
    """Let a block that cleans up reach its end: a signal in that time is handled after it."""
    here = get_ident() == _Ear.listener
    _Ear.deaf += here
    try:
        yield
    finally:
        _Ear.deaf -= here


def wait(*files: int, seconds: float | None = None) -> bool:
    """Wait until a file can be read; return whether one can be.

    Args:
        files: their descriptors.
        seconds: how long at most; None for ever.

    Raises:
        Stopped: a signal came.
    """
    look()
    ears = [_Ear.pipe] if _listening() else []
    ready = select.select([*files, *ears], [], [], seconds)[0]
    look()
    return any(file in ready for file in files)


def sleep(seconds: float) -> None:
    """Wait so long.

    Raises:
        Stopped: a signal came.
    """
    wait(seconds=seconds)


def result(future: "Future[T]") -> T:
    """Return a future's result, or raise what it raises.

    Raises:
        Stopped: a signal came; the work continues.
    """
    if _listening():
        done, end = os.pipe()
        future.add_done_callback(lambda _: os.close(end))
        try:
            wait(done)  # not for a lock: a signal just before that would wake no thread
        finally:
            os.close(done)
    return future.result()


def aside(work: Callable[[], T]) -> T:
    """Run blocking work on its own thread, where this one must receive signals meanwhile.

    Raises:
        Stopped: a signal came; the work continues, and ends with the process at the latest.
    """
    if not _listening():
        return work()
    future: Future[T] = Future()

    def do() -> None:
        try:
            future.set_result(work())
        except BaseException as problem:  # it is raised where the result is asked for
            future.set_exception(problem)

    Thread(target=do, name="cniperf-aside", daemon=True).start()
    return result(future)

"""What this process may do to this machine: as root, or as an ordinary user with namespaces."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cniperf.beds import rootless
from cniperf.errors import NotAble

T = TypeVar("T")

EVERY_USER = ["0", "0", "4294967295"]  # user_namespaces(7): the map of the first user namespace


def is_root() -> bool:
    """Return whether this process is root, if only of a user namespace."""
    return os.geteuid() == 0


def is_rootless() -> bool:
    """Return whether this process is root of a user namespace only: some doors stay closed."""
    mapped = Path("/proc/self/uid_map").read_text(encoding="utf-8").split()
    return is_root() and mapped != EVERY_USER


def require_root() -> None:
    """Fail where this process may not make network namespaces itself.

    Raises:
        NotAble: with the way to become root.
    """
    if not is_root():
        raise NotAble("the lab makes network namespaces, which needs root: put sudo before it")


def may_make_namespaces() -> bool:
    """Return whether :func:`with_namespaces` can work."""
    return is_root() or rootless.refusal() is None


def require_namespaces() -> None:
    """Fail where :func:`with_namespaces` cannot work.

    Raises:
        NotAble: with what forbids it, and the ways out.
    """
    if not is_root() and (refusal := rootless.refusal()):
        raise NotAble(
            f"an ordinary user may make no network namespaces here ({refusal.reason}): "
            f"{', or '.join(refusal.fixes)}"
        )


def with_namespaces(work: Callable[..., T], *words: object, tell: Callable[..., None]) -> T:
    """Call a function where it may make network namespaces, and return what it returns.

    Args:
        work: a function of a module, which takes ``words`` and then ``tell``.
        words: what can be pickled.
        tell: called here with what the function reports.

    Raises:
        NotAble: an ordinary user may not make a user namespace.
    """
    if is_root():
        return work(*words, tell)
    require_namespaces()
    return rootless.session().call(work, *words, tell=tell)

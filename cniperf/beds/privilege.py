"""What this process may do to this machine."""

import os

from cniperf.errors import NotAble


def require_root() -> None:
    """Refuse where this process may not make network namespaces.

    Raises:
        NotAble: with the way to become root.
    """
    if os.geteuid() != 0:
        raise NotAble("the lab makes network namespaces, which needs root: put sudo before it")

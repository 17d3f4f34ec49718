"""What every step has: a command, perhaps a netlink form, and a way back."""

import errno
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


class Applier(Protocol):
    """What a step needs of the host that it is applied to."""

    def netlink(self, netns: str | None) -> Any:  # noqa: ANN401
        """Return an open ``pyroute2.IPRoute`` in the pod's namespace, or the host's for None."""

    def index(self, device: str, netns: str | None) -> int:
        """Return the interface index of a device; NetlinkError ENODEV where there is none."""

    def add_netns(self, name: str) -> None:
        """Create a named network namespace."""

    def del_netns(self, name: str) -> None:
        """Delete a named network namespace; no error where there is none."""

    def set_sysctl(self, key: str, value: str, netns: str | None) -> None:
        """Set a kernel parameter of a namespace, as ``net.ipv4.ip_forward``."""


@dataclass(frozen=True)
class Step(ABC):
    """One change to one host. A step that is no :class:`NetlinkStep` is made by its command."""

    netns: str | None = field(default=None, kw_only=True)

    @abstractmethod
    def argv(self) -> list[str]:
        """Return the step as the words of a command, to be run in the host's own namespace."""

    def undo(self) -> "Step | None":
        """Return the step that takes this one back."""
        return None

    def __str__(self) -> str:
        return shlex.join(self.argv())

    @property
    def brief(self) -> str:
        """What names the step in an error: its command, where that is short enough."""
        return str(self)

    def _ip(self, *words: str) -> list[str]:
        return ["ip", *(["-n", self.netns] if self.netns else []), *words]

    def _inside(self, *words: str) -> list[str]:
        return [*(["ip", "netns", "exec", self.netns] if self.netns else []), *words]


@dataclass(frozen=True)
class NetlinkStep(Step):
    """A step that needs no process: netlink makes it, or a file of the kernel's."""

    @abstractmethod
    def apply(self, host: Applier) -> None:
        """Make the change."""

    def _set_link(self, host: Applier, device: str, **change: object) -> None:
        host.netlink(self.netns).link("set", index=host.index(device, self.netns), **change)


def unless_gone(take_back: Callable[[], object]) -> None:
    """Take something back; where the device, entry or namespace is gone already, that is done."""
    try:
        take_back()
    except Exception as problem:
        code = getattr(problem, "code", None) or getattr(problem, "errno", None)
        if code not in (errno.ENODEV, errno.ESRCH, errno.ENOENT):
            raise

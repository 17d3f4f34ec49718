"""One of a lab's namespaces, in which steps are taken: by netlink, or as commands."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cniperf.beds.child import ends_with_us
from cniperf.beds.command import CommandFailed, run
from cniperf.beds.lab.netlink import Netlink
from cniperf.errors import StepFailed, cause
from cniperf.steps import Step


class LabHost:
    """One of the lab's namespaces as the steps' :class:`~cniperf.steps.Applier`."""

    def __init__(
        self, namespace: str, netlink: Netlink, environ: dict[str, str] | None = None
    ) -> None:
        self.namespace, self._netlink = namespace, netlink
        self.environ = {**os.environ, **(environ or {})}

    def netlink(self, netns: str | None) -> Any:  # noqa: ANN401
        """Return the open socket of a pod's namespace, or of the host's own."""
        return self._netlink.socket(netns or self.namespace)

    def index(self, device: str, netns: str | None) -> int:
        """Return the interface index of a device."""
        return self._netlink.index(device, netns or self.namespace)

    def add_netns(self, name: str) -> None:
        """Make a pod's namespace."""
        self._netlink.add_netns(name)

    def del_netns(self, name: str) -> None:
        """Delete a pod's namespace."""
        self._netlink.del_netns(name)

    def set_sysctl(self, key: str, value: str, netns: str | None) -> None:
        """Set a kernel parameter of a pod's namespace, or of the host's own."""
        self._netlink.set_sysctl(key, value, netns or self.namespace)

    def run(self, argv: Sequence[str]) -> None:
        """Run a command in the host's namespace."""
        run(self.enter(argv), environ=self.environ)

    def enter(self, argv: Sequence[str], netns: str | None = None) -> list[str]:
        """Return a command that runs another in the host's namespace, or in a pod's.

        However this process ends, that command ends with it.
        """
        namespace = f"/run/netns/{netns or self.namespace}"
        return ends_with_us(["nsenter", f"--net={namespace}", "--", *argv])


@contextmanager
def refusals(step: Step, host: str) -> Iterator[None]:
    """Turn a refusal of a step by the kernel or a tool into StepFailed."""
    from pyroute2.netlink.exceptions import NetlinkError

    command = step.brief
    try:
        yield
    except CommandFailed as problem:
        raise StepFailed(host, command, problem.reason) from problem
    except NetlinkError as problem:
        kernel, words = os.strerror(problem.code), str(problem.args[-1])
        reason = kernel if words == kernel else f"{kernel}: {words}"
        raise StepFailed(host, command, cause(reason)) from problem
    except OSError as problem:
        raise StepFailed(host, command, cause(str(problem))) from problem

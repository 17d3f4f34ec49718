"""Two real hosts, reached by SSH: the same plans as the lab's, as one script a host.

No host may be lost. Nothing is touched where the data interface also carries the connection, and
before any change each host gets a way to undo its changes (:mod:`.guard`). Two
snapshots prove that it is unchanged.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from cniperf import stop
from cniperf.beds.ssh.guard import Renewal
from cniperf.beds.ssh.host import SshHost
from cniperf.beds.ssh.reached import Reached
from cniperf.errors import CniperfError, NotRestored


class SshBed(Reached):
    """Two hosts of a hosts file. Use it as a context manager; arguments are those of its base."""

    name = "ssh"
    pause = 5.0  # three commands on the hosts, whose CPUs the load has
    _renewal: Renewal | None = None
    _lent: Sequence[SshHost] = ()  # those that must be given back

    def _open(self) -> None:
        self._reach()
        self._both(SshHost.remember)
        self._lent = list(self._own.values())
        self._claim()
        self._renewal = Renewal([own.guard for own in self._lent])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except CniperfError as second:
            if problem is None:
                raise
            if isinstance(problem, CniperfError):  # both must be reported
                raise NotRestored(f"{problem}; and {second}") from None

    @stop.later()
    def close(self) -> None:
        """Undo everything, and compare each host with its earlier state; safe to call twice."""
        if self._renewal:
            self._renewal.stop()
            self._renewal = None
        try:
            lent, self._lent = self._lent, ()
            problems = [own.restore() for own in lent]
            found = [problem or own.compare() for problem, own in zip(problems, lent, strict=True)]
        finally:
            for own in self._own.values():
                own.remote.close()
            self.journal.sweep()
        if told := [problem for problem in found if problem]:
            raise NotRestored("; ".join(told))

    def _raise_if_lost(self) -> None:
        if self._renewal and self._renewal.problem:
            raise self._renewal.problem

    def facts(self) -> dict[str, Any]:
        """Return the facts of this bed that a reader needs to judge its figures."""
        return {**super().facts(), "grace": self.grace}

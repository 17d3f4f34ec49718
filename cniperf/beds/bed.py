"""What a bed is: two hosts for a scheme. All beds have the same methods."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from cniperf.beds.child import Child
    from cniperf.beds.cputime import CpuTimes
    from cniperf.beds.quota import Reading
    from cniperf.hosts import Endpoint, Host
    from cniperf.plan import Plan


class Call(NamedTuple):
    """A command at a place (``pod-a``, ``a``, ``b``, ``pod-b``), with a text to read."""

    place: str
    argv: Sequence[str]
    text: str | None = None


class Ends(Protocol):
    """A socket of a probe; see :class:`cniperf.beds.datagrams.Datagrams`."""

    def bind(self, address: str, port: int) -> None:
        """Take an address."""

    def send(self, count: int, size: int, address: str, port: int) -> None:
        """Send datagrams of so many bytes at once."""

    def wait(self, count: int, seconds: float) -> int:
        """Wait for datagrams; return how many arrived in time."""

    def drain(self) -> int:
        """Read all that has arrived; return how many datagrams that were."""

    def close(self) -> None:
        """Close the socket."""


class Bed(Protocol):
    """Two hosts. Use it as a context manager: its end undoes what it did.

    Attributes:
        name: as the parameter ``bed`` has it.
        hosts: host a, which runs the clients, and host b, which runs the servers.
        cpus: the CPUs of each host that a load may use.
        wire: devices between the hosts that packets can be counted at, from a to b.
        pause: seconds from one look at the hosts to the next while a load runs: a look that costs
            them something must be rare.
        one_machine: whether both hosts have one kernel, so that a process sees the CPUs of both.
        apart: whether the senders of hostnetwork and of a scheme, though on one host, do not see
            each other's processes, as in two pods.
        together: whether both ends of the scheme are on host a.
    """

    name: str
    hosts: "tuple[Host, Host]"
    cpus: Mapping[str, tuple[int, ...]]
    wire: Sequence[str]
    pause: float
    one_machine: bool
    apart: bool
    together: bool

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def keep(self, folder: Path) -> None:
        """Record a folder that must be removed if this process is killed."""

    def apply(self, plan: "Plan") -> None:
        """Wire both hosts; StepFailed for the first step that a host rejected."""

    def undo(self, plan: "Plan") -> None:
        """Unwire both hosts."""

    def start(self, host: "Host", netns: str | None, argv: Sequence[str], output: Path) -> "Child":
        """Start a command in a host's or a pod's namespace, on the host's own CPUs.

        It ends with this process, however that ends.

        Args:
            host: one of ``hosts``.
            netns: the pod's namespace, or None for the host's.
            argv: the command; words that name ``output``'s folder mean its twin on the host.
            output: file for what it prints, errors included; see :meth:`collect`.
        """

    def start_python(
        self, host: "Host", program: Path, word: str, output: Path, netns: str | None = None
    ) -> "Child":
        """Start a program of cniperf that needs only Python's library; as :meth:`start` does.

        Args:
            host: one of ``hosts``.
            program: file of its source.
            word: its one argument.
            output: file for what it prints.
            netns: the pod's namespace, or None for the host's.
        """

    def bare(self, plan: "Plan") -> "tuple[Endpoint, Endpoint] | None":
        """Return the ends of a hostnetwork beside a plan that is wired; None where there is none.

        There, and in the pods, TCP then keeps its window over a rest.
        """

    def collect(self, folder: Path) -> None:
        """Bring here what commands have left in this folder's twins on the hosts."""

    def make_gate(self, host: "Host", gate: Path) -> None:
        """Make a named pipe on a host, in the twin of a folder."""

    def open_gate(self, host: "Host", gate: Path) -> None:
        """Release every process that waits to read from a gate."""

    def remove_gate(self, host: "Host", gate: Path) -> None:
        """Remove a gate."""

    def namespace(self, place: str) -> str:
        """Return the namespace of a place: ``pod-a``, ``a``, ``b`` or ``pod-b``."""

    def command(self, place: str, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command at a place, with a text to read, and return its output."""

    def commands(self, calls: Sequence[Call]) -> list[str]:
        """Run commands, at each host in this order, and return the output of each."""

    def devices(self, places: Collection[str]) -> dict[str, dict[str, str]]:
        """Return by place its devices and their MAC addresses; none where there is no place."""

    def mtu(self, host: "Host", netns: str | None, device: str) -> int:
        """Return the MTU, in bytes, that the kernel gives a device of a host or of a pod on it."""

    def datagrams(self, host: "Host", netns: str | None) -> Ends:
        """Return a new UDP socket of a host, or of a pod on it."""

    def sysctl(self, host: "Host", key: str) -> str:
        """Return a kernel parameter of a host."""

    def cpu_times(self) -> "dict[str, CpuTimes]":
        """Return what each host's CPUs have spent so far."""

    def instructions(self) -> dict[str, int] | None:
        """Return how many instructions each host has executed so far; None without a counter."""

    def others(self, since: "Others | None" = None) -> "Others | None":
        """Return the CPU seconds of processes that are no part of a load.

        Args:
            since: an earlier answer; without one, what each process has spent so far.

        Returns:
            By host (``""`` for all) and process; with ``since``, by host what was spent since. None
            where they cannot be seen.
        """

    def quotas(self) -> "dict[str, Reading | None]":
        """Return the CPU quotas of the hosts, by host (``""`` for all); None where unknown."""

    def handover(self) -> float | None:
        """Return how near the hosts' CPUs are, see :mod:`cniperf.beds.caches`; None if unknown."""

    def environment(self) -> dict[str, Any]:
        """Return what distinguishes these hosts and their tools from others."""

    def facts(self) -> dict[str, Any]:
        """Return the facts of this bed that a reader needs to judge its figures."""


@runtime_checkable
class Untouched(Bed, Protocol):
    """A bed that only observes its hosts: the devices' own counters count the packets."""

    def kinds(self, place: str) -> dict[str, str]:
        """Return the kind of each device at a place, as ``veth``; empty for a physical one."""

    def rest(self, processes: "Sequence[Child]") -> None:
        """Stop processes until they get the signal to continue."""

    def denied(self) -> AbstractContextManager[None]:
        """Return a block within which the hosts' own policy lets no packet into the pods."""


Others = dict[str, Any]

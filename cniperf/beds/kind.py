"""What a kind of bed declares: what it takes, what it refuses, and how it measures a round."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from cniperf.hosts import ARTICLE_HOSTS, Pod
from cniperf.ip import Version
from cniperf.nics import NICS
from cniperf.schemes import ARTICLE

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.draft import Draft
    from cniperf.hosts import Host
    from cniperf.params import Experiment

# The environment of hosts that were never reached.
NOWHERE: dict[str, Any] = {"kernel": "", "cpu": "", "cpus": None, "versions": {}}


class Round(Protocol):
    """One measurement under way, which leaves a run.

    Attributes:
        experiment: what is measured.
        number: counted from 1.
    """

    experiment: "Experiment"
    number: int

    def announce(self, stage: str, text: str) -> None:
        """Report the progress: a stage (``wire``, ``prove``, ``load``) and a line about it."""

    def draft(self) -> "Draft":
        """Return the run's folder, not yet there: use it with ``with``."""

    def note(self, **facts: Mapping[str, Any]) -> None:
        """Take down facts of the run: ``environment``, ``bed``."""

    def finish(self, draft: "Draft", summary: Mapping[str, Any]) -> Path:
        """Leave the run whole, with its figures; return its folder."""

    def load(self) -> Path:
        """Open the bed, wire, prove the path, load, unwire, and leave the run."""


class Kind(ABC):
    """A kind of bed. Each bed's folder has one, called ``BED``; what most do alike is here.

    Attributes:
        name: as the parameter ``bed`` has it.
        order: its place where beds stand in a row.
        summary: where its hosts come from, for people.
        building: what is announced while its hosts are made or reached.
        here: whether its hosts are this machine itself, so that they are known before they are
            opened, and where its CPUs lie matters.
        namespaces: whether it makes network namespaces on this machine, which takes root, or a user
            namespace.
        aside: whether runs do not feel each other, so that several can be made at once.
        in_one: whether rounds of a scheme take less time if it measures them one after the other.
        suite: how a suite ends, where that is not given, by option.
        own: parameters that only it takes.
        nics: what the parameter ``nic`` may be.
        ips: versions of IP that its hosts and pods may use.
        turns: parameters that have another default where turns are taken.
        usual: schemes that are measured where none is named.
        completed_by: the bed that measures those of them that cannot be carried here.
        robust: parameters that a suite measures each scheme at several values of.
    """

    name: str
    order: int
    summary: str
    building: str
    here = False
    namespaces = False
    aside = False
    in_one = False
    suite: Mapping[str, Any] = MappingProxyType({})
    robust: Mapping[str, Sequence[Any]] = MappingProxyType({})
    turns: Mapping[str, Any] = MappingProxyType({})
    usual: Sequence[str] = ARTICLE
    completed_by = ""
    own: Sequence[str] = ()
    nics: Sequence[str] = ("virtio", "offload", "plain")
    ips: Sequence[Version] = (4,)

    # ── parameters ────────────────────────────────────────────────────────────────────────────

    def defaults(self) -> Mapping[str, Any]:
        """Return the parameters that have another default here."""
        return {}

    def refusal(self, asked: "Experiment") -> str:
        """Return why an experiment is impossible here; empty where it is possible."""
        return ""

    def no_turns(self, asked: "Experiment") -> str:
        """Return why hostnetwork and the scheme cannot take turns; empty where they can."""
        return f"bed={self.name!r}"

    def carried(self) -> Sequence[str]:
        """Return those of the usual schemes that can be carried here."""
        return self.usual

    # ── a measurement ─────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def check(self, asked: "Experiment") -> None:
        """Reject what cannot even begin; touches nothing.

        Raises:
            NotAble: no root, or something is missing.
            ParameterError: what this machine cannot do.
        """

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Lock this machine, where the load is on it."""
        from cniperf.beds.lock import machine_lock

        return machine_lock(what)

    def prepare(self, tell: Callable[[str], None]) -> None:  # noqa: B027  most need nothing
        """Make what all of its runs need, and report each thing in a line."""

    def sweep(self, kubeconfig: Path | None = None, context: str = "") -> list[str]:
        """Take back what killed runs have left; return what that was.

        Args:
            kubeconfig: how the cluster of bed k8s is reached.
            context: which context of it.

        """
        from cniperf.beds.journal import sweep_dead

        return sweep_dead()

    def environment(self) -> dict[str, Any]:
        """Return what is known of the hosts before they are opened."""
        return NOWHERE

    def foreseen(self, asked: "Experiment") -> dict[str, Any]:
        """Return the facts of the bed that are conditions, for runs that fail before it is open."""
        return {}

    def hosts(self, asked: "Experiment") -> "tuple[Host, Host]":
        """Return the two hosts as far as they are known before they are opened."""
        a, b = (
            replace(
                host.speaking(asked.ip),
                mtu=asked.mtu,
                pods=Pod.several(f"pod-{host.name}", asked.pairs, asked.ip),
                plain=asked.nic == "plain",
                segment=NICS[asked.nic].segment if asked.nic in NICS else 0,
                udpcsum=asked.udpcsum,
                cni=asked.cni,
            )
            for host in ARTICLE_HOSTS
        )
        return a, b

    @abstractmethod
    def open(self, asked: "Experiment") -> "Bed":
        """Return the two hosts of an experiment, not yet built: use them with ``with``.

        Raises:
            ParameterError: a hosts file with something that is not allowed, or a bed that has no
                hosts for schemes.
        """

    @contextmanager
    def measuring(self, asked: "Experiment") -> Iterator[Callable[[Round], Path]]:
        """Yield what measures a round of an experiment and returns the run's folder."""
        yield lambda round_: round_.load()

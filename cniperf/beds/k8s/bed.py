"""A bed in a Kubernetes cluster: pods on two of its nodes, on the network that it has.

Nothing is wired. Two pods are on the pods' network, two more on their nodes' own (hostNetwork), all
of one image and alike but for that; the load between the latter is the baseline.
"""

import secrets
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cniperf import environment, stop
from cniperf.beds import quota
from cniperf.beds.bed import Call, Others
from cniperf.beds.cputime import CpuTimes
from cniperf.beds.journal import Journal
from cniperf.beds.k8s import network, reaper
from cniperf.beds.k8s.manifests import Order, variable
from cniperf.beds.k8s.nodes import Node, choose
from cniperf.beds.k8s.pod import PodProcess, RunningPod
from cniperf.beds.k8s.pods import Pods
from cniperf.beds.k8s.sweep import sweep
from cniperf.beds.k8s.trouble import Refused
from cniperf.beds.opened import Opened
from cniperf.beds.reaper import dismiss
from cniperf.errors import CniperfError, NotAble, NotRestored
from cniperf.hosts import Endpoint, Host
from cniperf.schemes.cluster import SAME_NODE, SECONDARY
from cniperf.steps import KEEP_WINDOW

if TYPE_CHECKING:
    from cniperf.beds.child import Child
    from cniperf.beds.k8s.client import Cluster
    from cniperf.params import Experiment
    from cniperf.plan import Plan

SPARE = 240  # seconds that a run may take beside its load, until the cluster ends its pods
T = TypeVar("T")


class ClusterBed(Opened):
    """Two nodes of a cluster. Use it as a context manager.

    Args:
        cluster: which it is.
        asked: what is measured there.
    """

    name = "k8s"
    wire: Sequence[str] = ()
    pause = 5.0  # a command in a pod costs its node 50 ms of a CPU
    one_machine = False
    apart = True  # each pod has processes of its own

    def __init__(self, cluster: "Cluster", asked: "Experiment") -> None:
        self._cluster, self._asked = cluster, asked
        self.together = asked.scheme == SAME_NODE.name
        self._order = Order(
            run=secrets.token_hex(3), prefix=asked.namespace_prefix, image=asked.image,
            seconds=SPARE + 3 * (asked.duration + asked.omit),
            networks=asked.network if asked.scheme == SECONDARY.name else "",
        )  # fmt: skip
        self._reaper: subprocess.Popen[bytes] | None = None

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self.journal = Journal.open(f"k8s-{self._order.run}")
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(CniperfError) if problem else nullcontext():  # the first problem is reported
            self.close()

    @stop.later()
    def close(self) -> None:
        """Delete what this run has made; safe to call twice.

        Raises:
            NotRestored: the cluster did not let it; the reaper tries once more.
        """
        watch, self._reaper = self._reaper, None
        try:
            sweep(self._cluster, self._order.run)
        except CniperfError as problem:
            raise NotRestored(
                f"{problem}: the namespaces of this run may be there still: cniperf clean --bed k8s"
            ) from None
        finally:
            if watch:
                dismiss(watch)
            self.journal.sweep()

    def _open(self) -> None:
        found = [Node.read(each) for each in self._cluster.nodes()]
        self.nodes = choose(found, self._asked.nodes, unlike=self._asked.unlike_nodes)
        self._reaper = reaper.start(
            self.journal, self._order.run, self._asked.kubeconfig, self._cluster.name
        )
        self._pods = Pods(self._cluster, self._order, self._asked, self.nodes)
        self._pods.start()
        self.hosts: tuple[Host, Host] = self._pods.hosts()
        self.cpus: Mapping[str, tuple[int, ...]] = {
            name: self._pods.seen[self._pods.at(name).name].cpus for name in "ab"
        }
        kinds = {} if self._pods.without_base else self.kinds("a")
        self.network = network.identify(self._cluster, self.nodes, kinds)

    # ── what the pods see ─────────────────────────────────────────────────────────────────────

    def _each(self, work: "Callable[[RunningPod], T]") -> "dict[str, T]":
        """Do the same at both nodes at once; return the results by host."""
        stop.look()
        with ThreadPoolExecutor(2) as threads:
            return dict(zip("ab", threads.map(work, map(self._pods.at, "ab")), strict=True))

    # ── wiring: there is none ─────────────────────────────────────────────────────────────────

    def keep(self, folder: Path) -> None:
        """Record a folder of this machine, for the sweep after this process."""
        self.journal.add_folder(folder)

    def apply(self, plan: "Plan") -> None:
        """Do nothing: the cluster has wired its pods."""

    def undo(self, plan: "Plan") -> None:
        """Do nothing."""

    def bare(self, plan: "Plan") -> tuple[Endpoint, Endpoint] | None:
        """Return the ends of a hostnetwork beside the scheme; None where there is none."""
        if self._pods.without_base:
            return None
        a, b = (Endpoint(None, host.address, host.nic, host.mtu) for host in self.hosts)
        return a, b

    # ── load ──────────────────────────────────────────────────────────────────────────────────

    def start(self, host: Host, netns: str | None, argv: Sequence[str], output: Path) -> PodProcess:
        """Start a command in a pod, detached; see :class:`cniperf.beds.bed.Bed`."""
        return self._pods.inside(host, netns).start(argv, output)

    def start_python(
        self, host: Host, program: Path, word: str, output: Path, netns: str | None = None
    ) -> PodProcess:
        """Start one of cniperf's programs in a pod; see :class:`cniperf.beds.bed.Bed`."""
        return self._pods.inside(host, netns).start_python(program, word, output)

    def collect(self, folder: Path) -> None:
        """Bring here what processes have left in this folder's twins in the pods."""
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda pod: pod.fetch(folder), self._pods.running.values()))

    def make_gate(self, host: Host, gate: Path) -> None:
        """Fail: pods have no pipe in common."""
        raise NotAble("several pods cannot begin at one moment in a cluster: give pairs=1")

    def open_gate(self, host: Host, gate: Path) -> None:
        """Do nothing: no gate was made."""

    def remove_gate(self, host: Host, gate: Path) -> None:
        """Do nothing: no gate was made."""

    # ── a look inside ─────────────────────────────────────────────────────────────────────────

    def namespace(self, place: str) -> str:
        """Return the pod that stands for a place."""
        return self._pods.at(place).name

    def command(self, place: str, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command at a place; there is nothing for it to read."""
        return self._pods.at(place).command(argv)

    def commands(self, calls: Sequence[Call]) -> list[str]:
        """Run commands, all at once, and return what each prints."""
        with ThreadPoolExecutor(4) as threads:
            return list(threads.map(lambda call: self.command(call.place, call.argv), calls))

    def rest(self, processes: "Sequence[Child]") -> None:
        """Stop processes of pods until they get the signal to continue."""
        for process in processes:
            if isinstance(process, PodProcess):
                process.rest()

    def devices(self, places: Collection[str]) -> dict[str, dict[str, str]]:
        """Return by place its devices and their MAC addresses."""
        return {
            place: {str(link["ifname"]): str(link.get("address", ""))
                    for link in self._pods.seen[self._pods.at(place).name].links}
            for place in places
        }  # fmt: skip

    def kinds(self, place: str) -> dict[str, str]:
        """Return the kind of each device at a place; see :meth:`Inside.kinds`."""
        return self._pods.seen[self._pods.at(place).name].kinds()

    def mtu(self, host: Host, netns: str | None, device: str) -> int:
        """Return the MTU, in bytes, that the kernel gives a device of a node or of a pod on it."""
        links = self._pods.seen[self._pods.inside(host, netns).name].links
        return next(int(link["mtu"]) for link in links if link["ifname"] == device)

    def datagrams(self, host: Host, netns: str | None) -> Any:  # noqa: ANN401
        """Fail: a socket would need a permanent stream into a pod."""
        raise NotAble("bed='k8s' sends its datagrams by a program in the pod")

    def sysctl(self, host: Host, key: str) -> str:
        """Return a kernel parameter of a node."""
        file = f"/proc/sys/{key.replace('.', '/')}"
        return self._pods.at(host.name).command(["cat", file]).strip()

    def denied(self) -> AbstractContextManager[None]:
        """Return a block within which a policy lets nothing in to this run's pods.

        Raises:
            NotAble: this login may make no policy.
        """
        return self._deny()

    @contextmanager
    def _deny(self) -> Iterator[None]:
        policy = self._order.deny()
        where = self._order.namespace_name("pods")
        try:
            self._cluster.create(policy)
        except Refused as problem:
            raise NotAble(str(problem)) from None
        try:
            yield
        finally:
            self._cluster.delete("NetworkPolicy", policy["metadata"]["name"], where)

    # ── CPUs ──────────────────────────────────────────────────────────────────────────────────

    def cpu_times(self) -> dict[str, CpuTimes]:
        """Return what each node's CPUs have spent so far: a pod sees those of its node."""
        said = self._each(lambda pod: pod.shell("cat /proc/uptime /proc/stat"))
        return {name: CpuTimes.read(text) for name, text in said.items()}

    def instructions(self) -> dict[str, int] | None:
        """Return None: no one counts what a real CPU executes."""
        return None

    def others(self, since: Others | None = None) -> Others | None:
        """Return None: a pod does not see the processes of its node."""
        return None

    def quotas(self) -> dict[str, quota.Reading | None]:
        """Return the CPU quotas of the pods that carry the load, as they see them."""
        line = f'python3 -SE -c "${variable("quota.py")}"'
        pods = self._pods.running
        with ThreadPoolExecutor(4) as threads:
            found = threads.map(lambda pod: quota.told(pod.shell(line)), pods.values())
            return dict(zip(pods, found, strict=True))

    def handover(self) -> float | None:
        """Return None: the CPUs of two nodes share no cache."""
        return None

    # ── facts ─────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, Any]:
        """Return what distinguishes node a and the image's tools, and under ``hosts`` both."""
        questions = environment.questions()
        said = self._each(lambda pod: self._pods.answers(pod, questions))
        hosts = {name: environment.answered({key: each.text for key, each in answers.items()})
                 for name, answers in said.items()}  # fmt: skip
        return {**hosts["a"], "hosts": hosts}

    def facts(self) -> dict[str, Any]:
        """Return the facts of this bed that a reader needs to judge its figures."""
        return {
            "bed": self.name,
            "cluster": {**self.network, "context": self._cluster.name,
                        "server": self._cluster.version()},
            "nodes": {name: node.facts() for name, node in zip("ab", self.nodes, strict=True)},
            "nics": {host.name: host.nic for host in self.hosts},
            "bare_nic": self.hosts[0].nic if not self._pods.without_base else None,
            "without_base": self._pods.without_base,
            "same_node": self.together,
            "image": self._asked.image,
            "idle_restart": self.sysctl(self.hosts[0], KEEP_WINDOW) == "1",
            "cpus": {name: list(own) for name, own in self.cpus.items()},
            "quota": min(
                (found for each in self.quotas().values()
                 if (found := quota.allowed(each)) is not None), default=None),
        }  # fmt: skip

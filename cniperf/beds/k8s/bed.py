"""A bed in a Kubernetes cluster: pods on two of its nodes, on the network that it has.

Nothing is wired. Two pods are on the pods' network, two more on their nodes' own (hostNetwork), all
of one image and alike but for that; the load between the latter is the baseline.
"""

import secrets
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cniperf import environment, stop
from cniperf.beds import quota, shell
from cniperf.beds.answer import Answer
from cniperf.beds.bed import Call, Others
from cniperf.beds.command import CommandFailed
from cniperf.beds.cputime import CpuTimes
from cniperf.beds.journal import Journal
from cniperf.beds.k8s import network, reaper
from cniperf.beds.k8s.inside import QUESTIONS, Inside
from cniperf.beds.k8s.manifests import Manifest, Order, second_address, variable
from cniperf.beds.k8s.nodes import Node, choose
from cniperf.beds.k8s.pod import PodProcess, RunningPod
from cniperf.beds.k8s.starting import await_running
from cniperf.beds.k8s.sweep import sweep
from cniperf.beds.k8s.trouble import Refused
from cniperf.errors import CniperfError, NotAble, ParameterError
from cniperf.generators import find as find_generator
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.cluster import SAME_NODE, SECONDARY, SERVICE
from cniperf.steps import KEEP_WINDOW

if TYPE_CHECKING:
    from cniperf.beds.child import Child
    from cniperf.beds.k8s.client import Cluster
    from cniperf.params import Experiment
    from cniperf.plan import Plan

SPARE = 240  # seconds that a run may take beside its load, until the cluster ends its pods
SERVED = 15  # seconds that a service may take to lead to its pod

# Accepts connections and closes them; and tries for so many seconds to make one.
LISTEN = """
import socket, sys
end = socket.create_server((sys.argv[1], int(sys.argv[2])))
end.settimeout(float(sys.argv[3]))
while True:
    end.accept()[0].close()
"""
KNOCK = """
import socket, sys, time
limit = time.monotonic() + float(sys.argv[3])
while True:
    try:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), 1).close()
        break
    except OSError as problem:
        if time.monotonic() > limit:
            sys.exit(str(problem))
        time.sleep(0.1)
"""

T = TypeVar("T")


class ClusterBed:
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
        self._seconds = SPARE + 3 * (asked.duration + asked.omit)
        self._order = Order(
            run=secrets.token_hex(3), prefix=asked.namespace_prefix, image=asked.image,
            seconds=self._seconds,
            networks=asked.network if asked.scheme == SECONDARY.name else "",
        )  # fmt: skip
        self._reaper: subprocess.Popen[bytes] | None = None
        self._pods: dict[str, RunningPod] = {}
        self.without_base = ""  # why there are no pods on the nodes' own network

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self.journal = Journal.open(f"k8s-{self._order.run}")
        try:
            self._open()
        except BaseException:
            with suppress(CniperfError):
                self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except CniperfError:
            if problem is None:
                raise

    @stop.later()
    def close(self) -> None:
        """Delete what this run has made; safe to call twice."""
        watch, self._reaper = self._reaper, None
        try:
            sweep(self._cluster, self._order.run)
        finally:
            if watch and watch.stdin:
                watch.stdin.close()
                watch.wait()
            self.journal.sweep()

    def _open(self) -> None:
        found = [Node.read(each) for each in self._cluster.nodes()]
        self.nodes = choose(found, self._asked.nodes, unlike=self._asked.unlike_nodes)
        self._reaper = reaper.start(self._order.run, self._asked.kubeconfig, self._cluster.name)
        self._start_pods()
        self.hosts: tuple[Host, Host] = self._describe()
        self.cpus: Mapping[str, tuple[int, ...]] = {
            name: self._seen[self._at(name).name].cpus for name in "ab"
        }
        kinds = {} if self.without_base else self.kinds("a")
        self.network = network.identify(self._cluster, self.nodes, kinds)

    def _start_pods(self) -> None:
        """Make the pods of both kinds, and wait until all run where they should."""
        self._cluster.create(self._order.namespace("pods"))
        there = self.nodes[not self.together]
        wanted = {pod.netns: node.name
                  for name, node in (("pod-a", self.nodes[0]), ("pod-b", there))
                  for pod in Pod.several(name, self._asked.pairs)}  # fmt: skip
        for name, node in wanted.items():
            self._cluster.create(self._order.pod(name, node))
        base = self._start_base()
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(self._await, [*wanted.items(), *base.items()]))
        self._made = {each["metadata"]["name"]: each for each in made}

    def _start_base(self) -> dict[str, str]:
        """Make the pods on the nodes' own network, where the cluster allows it."""
        wanted = {"host-a": self.nodes[0].name, "host-b": self.nodes[1].name}
        try:
            self._cluster.create(self._order.namespace("hosts"))
            for name, node in wanted.items():
                self._cluster.create(self._order.pod(name, node, on_host=True))
        except Refused as problem:
            if self._asked.design == "interleaved" or self._asked.scheme == "hostnetwork":
                raise NotAble(
                    f"no pod may have its node's network here ({problem}), so there is no "
                    "baseline: --design separate measures pod-to-pod alone"
                ) from None
            self.without_base = str(problem)
            with suppress(CniperfError):
                self._cluster.delete("Namespace", self._order.namespace_name("hosts"))
            return {}
        return wanted

    def _await(self, wanted: tuple[str, str]) -> Manifest:
        name, node = wanted
        namespace = self._order.namespace_name("hosts" if name.startswith("host-") else "pods")
        made = await_running(self._cluster, namespace, name)
        if (found := made["spec"].get("nodeName")) != node:
            raise NotAble(f"pod {name} runs on node {found}, not on {node}")
        self._pods[name] = RunningPod(self._cluster, namespace, name, self._seconds)
        return made

    # ── what the pods see ─────────────────────────────────────────────────────────────────────

    def _describe(self) -> tuple[Host, Host]:
        """Return the two nodes as hosts, with the ends that the cluster made."""
        with ThreadPoolExecutor(8) as threads:
            seen = list(threads.map(self._look_inside, self._pods.values()))
        self._seen = {each.pod: each for each in seen}
        for each in seen if self._asked.mode == "stream" else ():
            if self._asked.congestion not in each.congestion:
                raise ParameterError(
                    f"congestion={self._asked.congestion!r} is not allowed in pod {each.pod}: its "
                    f"node allows {', '.join(each.congestion)}"
                )
        a, b = (self._host(name, node) for name, node in zip("ab", self.nodes, strict=True))
        return a, b

    def _look_inside(self, pod: RunningPod) -> Inside:
        return Inside.read(pod.name, self._answers(pod, QUESTIONS))

    def _answers(self, pod: RunningPod, questions: Mapping[str, str]) -> dict[str, Answer]:
        return shell.answers(pod.shell(shell.ask(questions)), f"pod {pod.name}", questions)

    def _host(self, name: str, node: Node) -> Host:
        pods = Pod.several(f"pod-{name}", self._asked.pairs)
        on_host = self._seen.get(f"host-{name}")
        device, mtu = "", self._asked.mtu
        if on_host:
            device, mtu = on_host.device(node.address), on_host.mtu(node.address)
        if mtu != self._asked.mtu:
            raise ParameterError(
                f"node {node.name}'s {device} has MTU {mtu}, not {self._asked.mtu}: give mtu={mtu}"
            )
        return Host(name=name, nic=device, address=node.address, mtu=mtu, pods=pods,
                    made=tuple(map(self._end, pods)))  # fmt: skip

    def _end(self, pod: Pod) -> Endpoint:
        """Return the end of the load in a pod."""
        made, seen = self._made[pod.netns], self._seen[pod.netns]
        address = str(made["status"]["podIP"])
        if self._order.networks:
            address, _ = second_address(made, self._order.networks)
            if not address:
                raise NotAble(
                    f"pod {pod.netns} has no second network, Multus reports none for "
                    f"{self._order.networks!r}: kubectl get network-attachment-definitions -A"
                )
        service = ""
        if self._asked.scheme == SERVICE.name and pod.netns.startswith("pod-b"):
            port = find_generator(self._asked.generator).port + pod.number - 1
            asked = self._order.service(pod.netns, [port])
            service = str(self._cluster.create(asked)["spec"]["clusterIP"])
            self._require_service(pod.netns, address, service, port)
        return Endpoint(pod.netns, address, seen.device(address), seen.mtu(address),
                        service=service)  # fmt: skip

    def _require_service(self, pod: str, address: str, service: str, port: int) -> None:
        """Wait until a connection to a service reaches its pod: nodes learn of it a moment later.

        Raises:
            NotAble: none does.
        """
        client, server = self._pods["pod-a"], self._pods[pod]
        listening = server.start(
            ["python3", "-SE", "-c", LISTEN, address, str(port), str(2 * SERVED)],
            Path("service/listen"),
        )
        try:
            client.command(["python3", "-SE", "-c", KNOCK, service, str(port), str(SERVED)])
        except CommandFailed as problem:
            raise NotAble(
                f"the service {service}:{port} does not lead to its pod within {SERVED} s "
                f"({problem.said}): kubectl -n {server.namespace} get endpoints {pod}"
            ) from None
        finally:
            listening.kill()

    def _at(self, place: str) -> RunningPod:
        """Return the pod that stands for a place: a node is seen from the pod on its network."""
        return (
            self._pods.get(f"host-{place}") or self._pods.get(place) or self._pods[f"pod-{place}"]
        )

    def _in(self, host: Host, netns: str | None) -> RunningPod:
        """Return the pod that a network namespace is: None is the node's own."""
        if netns is None and f"host-{host.name}" not in self._pods:
            raise NotAble(f"no pod may have its node's network here: {self.without_base}")
        return self._pods[netns or f"host-{host.name}"]

    def _each(self, work: "Callable[[RunningPod], T]") -> "dict[str, T]":
        """Do the same at both nodes at once; return by host what came of it."""
        stop.look()
        with ThreadPoolExecutor(2) as threads:
            return dict(zip("ab", threads.map(work, map(self._at, "ab")), strict=True))

    # ── wiring: there is none ─────────────────────────────────────────────────────────────────

    def keep(self, folder: Path) -> None:
        """Write down a folder of this machine, for whoever sweeps after this process."""
        self.journal.add_folder(folder)

    def apply(self, plan: "Plan") -> None:
        """Do nothing: the cluster has wired its pods."""

    def undo(self, plan: "Plan") -> None:
        """Do nothing."""

    def bare(self, plan: "Plan") -> tuple[Endpoint, Endpoint] | None:
        """Return the ends of a hostnetwork beside the scheme; None where there is none."""
        if self.without_base:
            return None
        a, b = (Endpoint(None, host.address, host.nic, host.mtu) for host in self.hosts)
        return a, b

    # ── load ──────────────────────────────────────────────────────────────────────────────────

    def start(self, host: Host, netns: str | None, argv: Sequence[str], output: Path) -> PodProcess:
        """Start a command in a pod, detached; see :class:`cniperf.beds.bed.Bed`."""
        return self._in(host, netns).start(argv, output)

    def start_python(
        self, host: Host, program: Path, word: str, output: Path, netns: str | None = None
    ) -> PodProcess:
        """Start a program of ours in a pod; see :class:`cniperf.beds.bed.Bed`."""
        return self._in(host, netns).start_python(program, word, output)

    def collect(self, folder: Path) -> None:
        """Bring here what processes have left in this folder's twins in the pods."""
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda pod: pod.fetch(folder), self._pods.values()))

    def make_gate(self, host: Host, gate: Path) -> None:
        """Refuse: pods have no pipe in common."""
        raise NotAble("several pods cannot begin at one moment in a cluster: give pairs=1")

    def open_gate(self, host: Host, gate: Path) -> None:
        """Do nothing: no gate was made."""

    def remove_gate(self, host: Host, gate: Path) -> None:
        """Do nothing: no gate was made."""

    # ── a look inside ─────────────────────────────────────────────────────────────────────────

    def namespace(self, place: str) -> str:
        """Return the pod that stands for a place."""
        return self._at(place).name

    def command(self, place: str, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command at a place; there is nothing for it to read."""
        return self._at(place).command(argv)

    def commands(self, calls: Sequence[Call]) -> list[str]:
        """Run commands, all at once, and return what each prints."""
        with ThreadPoolExecutor(4) as threads:
            return list(threads.map(lambda call: self.command(call.place, call.argv), calls))

    def rest(self, processes: "Sequence[Child]") -> None:
        """Stop processes of pods until they are told to go on."""
        for process in processes:
            if isinstance(process, PodProcess):
                process.rest()

    def devices(self, places: Collection[str]) -> dict[str, dict[str, str]]:
        """Return by place its devices and their MAC addresses."""
        return {
            place: {str(link["ifname"]): str(link.get("address", ""))
                    for link in self._seen[self._at(place).name].links}
            for place in places
        }  # fmt: skip

    def kinds(self, place: str) -> dict[str, str]:
        """Return the kind of each device at a place; see :meth:`Inside.kinds`."""
        return self._seen[self._at(place).name].kinds()

    def mtu(self, host: Host, netns: str | None, device: str) -> int:
        """Return the MTU, in bytes, that the kernel gives a device of a node or of a pod on it."""
        links = self._seen[self._in(host, netns).name].links
        return next(int(link["mtu"]) for link in links if link["ifname"] == device)

    def datagrams(self, host: Host, netns: str | None) -> Any:  # noqa: ANN401
        """Refuse: a socket would take a stream into a pod that is held."""
        raise NotAble("bed='k8s' sends its datagrams by a program in the pod")

    def sysctl(self, host: Host, key: str) -> str:
        """Return a kernel parameter of a node."""
        return self._at(host.name).command(["cat", f"/proc/sys/{key.replace('.', '/')}"]).strip()

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
        with ThreadPoolExecutor(4) as threads:
            found = threads.map(lambda pod: quota.told(pod.shell(line)), self._pods.values())
            return dict(zip(self._pods, found, strict=True))

    def handover(self) -> float | None:
        """Return None: the CPUs of two nodes share no cache."""
        return None

    # ── facts ─────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, Any]:
        """Return what tells node a and the image's tools from others, and under ``hosts`` both."""
        questions = environment.questions()
        said = self._each(lambda pod: self._answers(pod, questions))
        hosts = {name: environment.answered({key: each.text for key, each in answers.items()})
                 for name, answers in said.items()}  # fmt: skip
        return {**hosts["a"], "hosts": hosts}

    def facts(self) -> dict[str, Any]:
        """Return what a reader must know of this bed to judge a figure from it."""
        return {
            "bed": self.name,
            "cluster": {**self.network, "context": self._cluster.name,
                        "server": self._cluster.version()},
            "nodes": {name: node.facts() for name, node in zip("ab", self.nodes, strict=True)},
            "nics": {host.name: host.nic for host in self.hosts},
            "bare_nic": self.hosts[0].nic if not self.without_base else None,
            "without_base": self.without_base,
            "same_node": self.together,
            "image": self._asked.image,
            "idle_restart": self.sysctl(self.hosts[0], KEEP_WINDOW) == "1",
            "cpus": {name: list(own) for name, own in self.cpus.items()},
            "quota": min(
                (found for each in self.quotas().values()
                 if (found := quota.allowed(each)) is not None), default=None),
        }  # fmt: skip

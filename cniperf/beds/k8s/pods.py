"""The pods of a run: two on the pods' network, and two on their nodes' own.

They are made, waited for, looked into, and described as the two hosts of a bed.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cniperf.beds import shell
from cniperf.beds.answer import Answer
from cniperf.beds.command import CommandFailed
from cniperf.beds.k8s.inside import QUESTIONS, Inside
from cniperf.beds.k8s.manifests import Manifest, Order, second_address
from cniperf.beds.k8s.nodes import Node
from cniperf.beds.k8s.pod import RunningPod
from cniperf.beds.k8s.starting import await_running
from cniperf.beds.k8s.trouble import Refused
from cniperf.errors import CniperfError, NotAble, ParameterError
from cniperf.generators import find as find_generator
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.schemes.cluster import SAME_NODE, SERVICE

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster
    from cniperf.params import Experiment

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


class Pods:
    """The pods of a run.

    Args:
        cluster: which has them.
        order: what they have in common.
        asked: what is measured with them.
        nodes: a and b.

    Attributes:
        running: by name.
        seen: what each sees from inside, by name.
        without_base: why there are none on the nodes' own network; empty where there are.
    """

    def __init__(
        self, cluster: "Cluster", order: Order, asked: "Experiment", nodes: tuple[Node, Node]
    ) -> None:
        self._cluster, self._order, self._asked, self._nodes = cluster, order, asked, nodes
        self._made: dict[str, Manifest] = {}
        self.running: dict[str, RunningPod] = {}
        self.seen: dict[str, Inside] = {}
        self.without_base = ""

    def start(self) -> None:
        """Make the pods of both kinds, and wait until all run where they should."""
        self._cluster.create(self._order.namespace("pods"))
        there = self._nodes[self._asked.scheme != SAME_NODE.name]
        wanted = {pod.netns: node.name
                  for name, node in (("pod-a", self._nodes[0]), ("pod-b", there))
                  for pod in Pod.several(name, self._asked.pairs)}  # fmt: skip
        for name, node in wanted.items():
            self._cluster.create(self._order.pod(name, node))
        base = self._start_base()
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(self._await, [*wanted.items(), *base.items()]))
        self._made = {each["metadata"]["name"]: each for each in made}

    def _start_base(self) -> dict[str, str]:
        """Make the pods on the nodes' own network, where the cluster allows it."""
        wanted = {"host-a": self._nodes[0].name, "host-b": self._nodes[1].name}
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
        self.running[name] = RunningPod(self._cluster, namespace, name, self._order.seconds)
        return made

    def hosts(self) -> tuple[Host, Host]:
        """Return the two nodes as hosts, with the ends that the cluster made."""
        with ThreadPoolExecutor(8) as threads:
            seen = list(threads.map(self._look_inside, self.running.values()))
        self.seen = {each.pod: each for each in seen}
        for each in seen if self._asked.mode == "stream" else ():
            if self._asked.congestion not in each.congestion:
                raise ParameterError(
                    f"congestion={self._asked.congestion!r} is not allowed in pod {each.pod}: its "
                    f"node allows {', '.join(each.congestion)}"
                )
        a, b = (self._host(name, node) for name, node in zip("ab", self._nodes, strict=True))
        return a, b

    def _look_inside(self, pod: RunningPod) -> Inside:
        return Inside.read(pod.name, self.answers(pod, QUESTIONS))

    def answers(self, pod: RunningPod, questions: Mapping[str, str]) -> dict[str, Answer]:
        """Run some shell lines in a pod; return the results by name."""
        return shell.answers(pod.shell(shell.ask(questions)), f"pod {pod.name}", questions)

    def _host(self, name: str, node: Node) -> Host:
        pods = Pod.several(f"pod-{name}", self._asked.pairs)
        on_host = self.seen.get(f"host-{name}")
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
        made, seen = self._made[pod.netns], self.seen[pod.netns]
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
        """Wait until a connection to a service reaches its pod: nodes get it a moment later.

        Raises:
            NotAble: none does.
        """
        client, server = self.running["pod-a"], self.running[pod]
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

    def at(self, place: str) -> RunningPod:
        """Return the pod that stands for a place: a node is seen from the pod on its network."""
        names = (f"host-{place}", place, f"pod-{place}")
        return next(self.running[name] for name in names if name in self.running)

    def inside(self, host: Host, netns: str | None) -> RunningPod:
        """Return the pod that a network namespace is: None is the node's own."""
        if netns is None and f"host-{host.name}" not in self.running:
            raise NotAble(f"no pod may have its node's network here: {self.without_base}")
        return self.running[netns or f"host-{host.name}"]

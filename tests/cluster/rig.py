"""A real Kubernetes of two nodes, which are the two hosts of a lab.

::

    node-a ─ eth0 ──────── br0 ──────── eth0 ─ node-b      pods' traffic: the lab's own wire
           ─ mgmt0 ────── mgmt ─────── mgmt0 ─             the nodes' talk with the API server

Each host has its own CPUs and NIC, as in every lab; so have its pods. The CNI plugins ``bridge``
and ``host-local`` plug a pod in; from node to node lead the steps of flannel's schemes. All is
real: etcd, API server, scheduler, kubelet, containerd, runc.

``python -m cluster.rig`` keeps one until a signal comes.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from cluster import control, image, node
from cluster.binaries import binaries
from cluster.control import ControlPlane
from cluster.node import Node
from cniperf import stop
from cniperf.beds.lab.bed import Lab
from cniperf.beds.opened import Opened
from cniperf.encapsulation import VXLAN
from cniperf.errors import CniperfError, Stopped
from cniperf.hosts import Host
from cniperf.plan import HostPlan, Plan
from cniperf.schemes.parts import FLANNEL_SUBNET, host_routes, vxlan

TRANSPORTS = {"hostgw": 0, "vxlan": VXLAN.overhead}  # bytes that each adds to a packet
PODS = "10.5.0.0/16"  # has both of FLANNEL_SUBNET
MANAGEMENT = "198.18.0"  # RFC 2544: nothing real has such an address
PLACES = {"wire": 1, "a": 2, "b": 3}
PATIENCE = 60.0  # seconds


class Rig(Opened):
    """A cluster of two nodes. Use it as a context manager.

    Args:
        transport: ``hostgw`` (the nodes route to each other) or ``vxlan``.
        nic, mtu: as the lab's.
        rbac: users may only do what roles allow them; see :meth:`ControlPlane.grant`.
        programs: the folder of Kubernetes' programs; they are built if it is not given.

    Attributes:
        lab: the lab.
        folder: settings and logs.
        control: the control plane.
        members: the nodes by host, ``a`` and ``b``.
        nodes: their names.
        image: the name of the image that the load runs in; it is there already.
    """

    def __init__(
        self,
        transport: str = "hostgw",
        *,
        nic: str = "virtio",
        mtu: int = 1500,
        rbac: bool = False,
        programs: Path | None = None,
    ) -> None:
        self.transport, self.image = transport, image.LOAD
        self._programs = programs or binaries()
        self.lab = Lab(nic=nic, mtu=mtu)
        # Not below /run: a node has a /run of its own.
        self.folder = Path(tempfile.gettempdir(), f"cniperf-rig-{self.lab.names.lab}")
        self.control = ControlPlane(
            self.lab, self._programs, self.folder / "control", address("wire"), rbac
        )
        self.members = {
            host.name: Node(self.lab, host, self.folder / host.name) for host in self.lab.hosts
        }
        self.nodes = tuple(member.name for member in self.members.values())

    @property
    def kubeconfig(self) -> Path:
        """The settings with which a client of this machine reaches the API server."""
        return self.control.kubeconfig()

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        control.require()
        node.require()
        self.lab.__enter__()
        return super().__enter__()

    def close(self) -> None:
        """Take back everything; safe to call twice."""
        # Nothing is worth an orderly end. A node's first process takes the node with it: processes,
        # mounts, the pods' namespaces.
        for member in self.members.values():
            member.end()
        self.control.end()
        self.lab.close()

    def _open(self) -> None:
        self.lab.journal.add_folder(self.folder)
        self.folder.mkdir(mode=0o755)
        self._manage()
        self.lab.apply(self._transport())
        self.control.begin()
        archive = self.folder / "images.tar"
        image.write(archive)
        for name, member in self.members.items():
            member.begin(subnet(name), self.lab.hosts[0].mtu - TRANSPORTS[self.transport], archive)
        self.control.wait()
        self.control.begin_controllers()
        for member in self.members.values():
            member.wait()
            member.join(self._programs, self.control.inner, PODS)
        self._wait_for_nodes()

    # ── wiring ────────────────────────────────────────────────────────────────────────────────

    def _transport(self) -> Plan:
        a, b = (
            HostPlan(here, tuple(self._way(here, there)), ())
            for here, there in (self.lab.hosts, self.lab.hosts[::-1])
        )
        return Plan(self.transport, a, b)

    def _way(self, here: Host, there: Host) -> list[Any]:
        if self.transport == "vxlan":
            return vxlan(here, there)
        return host_routes(there, FLANNEL_SUBNET)

    def _manage(self) -> None:
        """Join the nodes and the control plane by devices beside the NICs that are measured."""
        wire = self.lab.names.wire
        for place, words in (
            ("wire", "link add mgmt type bridge"),
            ("wire", f"addr add {address('wire')}/24 dev mgmt"),
            ("wire", "link set mgmt up"),
            ("wire", "link set lo up"),
        ):
            self.lab.command(place, ["ip", *words.split()])
        for host in self.lab.hosts:
            name, far = host.name, f"mgmt-{host.name}"
            for place, words in (
                (name, f"link add mgmt0 type veth peer {far} netns {wire}"),
                (name, f"addr add {address(name)}/24 dev mgmt0"),
                (name, "link set mgmt0 up"),
                ("wire", f"link set {far} master mgmt"),
                ("wire", f"link set {far} up"),
                # The node is known by its NIC's address, and its pods may ask the API server.
                ("wire", f"route add {host.address} via {address(name)}"),
                ("wire", f"route add {subnet(name)} via {address(name)}"),
            ):
                self.lab.command(place, ["ip", *words.split()])

    def _wait_for_nodes(self) -> None:
        """Wait until both nodes are ready, and write down which pods each has."""
        end = time.monotonic() + PATIENCE
        waiting = dict(self.members)
        while waiting:
            for item in self.control.call("GET", "/api/v1/nodes")["items"]:
                name = item["metadata"]["name"][-1]
                if name in waiting and "podCIDR" not in item["spec"]:
                    self._assign(item["metadata"]["name"], subnet(name))
                if name in waiting and _is_ready(item):
                    del waiting[name]
            for member in waiting.values():
                member.look(end)

    def _assign(self, name: str, pods: str) -> None:
        body = {"spec": {"podCIDR": pods, "podCIDRs": [pods]}}
        self.control.call("PATCH", f"/api/v1/nodes/{name}", body)


def address(place: str) -> str:
    """Return the address of a node, or of the control plane, in the network between them."""
    return f"{MANAGEMENT}.{PLACES[place]}"


def subnet(name: str) -> str:
    """Return the network of a node's pods."""
    return f"{FLANNEL_SUBNET[name]}.0/24"


def _is_ready(item: Mapping[str, Any]) -> bool:
    conditions = item["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


@contextmanager
def until_stopped() -> Iterator[None]:
    """Do something as a program: a signal ends it, and what goes wrong is one line."""
    stop.listen()
    try:
        yield
    except Stopped:
        pass
    except CniperfError as problem:
        sys.exit(str(problem))


def main() -> None:
    """Keep a rig up until a signal or a file comes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--transport", choices=TRANSPORTS, default="hostgw")
    parser.add_argument("--rbac", action="store_true")
    parser.add_argument("--programs", type=Path, help="a folder of Kubernetes' programs")
    parser.add_argument("--stop", type=Path, help="end once this file is there")
    chosen = parser.parse_args()
    began = time.monotonic()
    with until_stopped(), Rig(chosen.transport, rbac=chosen.rbac, programs=chosen.programs) as rig:
        print(f"KUBECONFIG={rig.kubeconfig}")
        print(f"image={rig.image} nodes={','.join(rig.nodes)} pid={os.getpid()}")
        print(f"up within {time.monotonic() - began:.1f} s", flush=True)
        while not (chosen.stop and chosen.stop.exists()):
            stop.sleep(0.2)


if __name__ == "__main__":
    main()

"""One node of the cluster: a host of a lab, with a containerd, a kubelet and a kube-proxy of its own."""

import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cluster import cgroups, image
from cniperf.beds.child import LocalChild
from cniperf.beds.lab.bed import Lab
from cniperf.errors import NotAble, cause
from cniperf.hosts import Host

FIRST = Path(__file__).with_name("node.sh")
PLUGINS = Path("/usr/lib/cni")
PATIENCE = 60.0  # seconds
TOOLS = ("containerd", "ctr", "runc", "iptables", "unshare", "nsenter")

CONTAINERD = """\
version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true  # to lower it takes a capability that a sandbox may lack
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}/net.d"
"""


class Node:
    """One node.

    Args:
        lab: the lab.
        host: the host of it that is the node.
        folder: for settings and logs.
    """

    def __init__(self, lab: Lab, host: Host, folder: Path) -> None:
        self.lab, self.host, self.folder = lab, host, folder
        self.name = f"node-{host.name}"
        self.cgroup = f"{lab.names.host(host.name)}"
        self._children: list[LocalChild] = []

    def begin(self, subnet: str, mtu: int, archive: Path) -> None:
        """Start containerd, whose pods get addresses of a subnet, and let it have the images."""
        for group in cgroups.folders(self.cgroup):
            self.lab.journal.add_folder(group)  # to remove one takes no more than its folders
        cgroups.make(self.cgroup, self.lab.cpus[self.host.name])
        self.folder.mkdir()
        (self.folder / "net.d").mkdir()
        network = json.dumps(_network(subnet, mtu))
        (self.folder / "net.d/10-pods.conflist").write_text(network, encoding="utf-8")
        settings = CONTAINERD.format(pause=image.PAUSE, plugins=PLUGINS, folder=self.folder)
        (self.folder / "containerd.toml").write_text(settings, encoding="utf-8")
        words = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc",
                 "sh", str(FIRST), str(self.folder), self.name, str(archive)]  # fmt: skip
        outer = self.lab.start(self.host, None, words, self.folder / "node.log")
        self._children.append(outer)
        end = time.monotonic() + PATIENCE
        while (first := child_of(outer.pid, FIRST.name)) is None:
            self.look(end)
        self.first = first
        self.lab.journal.add_process(first)

    def wait(self) -> None:
        """Wait until containerd has the images.

        Raises:
            NotAble: it has ended, or takes too long.
        """
        end = time.monotonic() + PATIENCE
        while not (self.folder / "ready").exists():
            self.look(end)

    def look(self, end: float) -> None:
        """Wait a moment.

        Raises:
            NotAble: one of its programs has ended, or time is up.
        """
        if any(child.poll() is not None for child in self._children) or time.monotonic() > end:
            said = "".join(
                file.read_text(encoding="utf-8", errors="replace")[-2000:]
                for file in sorted(self.folder.glob("*.log"))
            )
            raise NotAble(f"{self.name} does not come up: {cause(said)}")
        time.sleep(0.02)

    def join(self, programs: Path, kubeconfig: Path, cluster: str) -> None:
        """Start kubelet and kube-proxy.

        Args:
            programs: the folder of both.
            kubeconfig: how they reach the API server.
            cluster: the network of all pods.
        """
        settings = self.folder / "kubelet.json"
        settings.write_text(json.dumps(_kubelet(self.cgroup)), encoding="utf-8")
        self.start("kubelet", [
            programs / "kubelet", f"--config={settings}", f"--kubeconfig={kubeconfig}",
            f"--hostname-override={self.name}", f"--node-ip={self.host.address}",
            "--container-runtime=remote",
            "--container-runtime-endpoint=unix:///run/containerd/containerd.sock",
            f"--pod-infra-container-image={image.PAUSE}",
            "--volume-plugin-dir=/var/lib/kubelet/plugins",
        ])  # fmt: skip
        self.start("kube-proxy", [
            programs / "kube-proxy", f"--kubeconfig={kubeconfig}", "--proxy-mode=iptables",
            f"--hostname-override={self.name}", f"--cluster-cidr={cluster}",
            "--metrics-bind-address=127.0.0.1:10249",
            # The machine's settings of connection tracking stay as they are.
            "--conntrack-max-per-core=0", "--conntrack-min=0",
            "--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0",
        ])  # fmt: skip

    def start(self, name: str, argv: Sequence[str | Path]) -> LocalChild:
        """Start a program on this node; what it prints goes into a log of its name."""
        child = self.lab.start(
            self.host, None, [*self._inside(), *map(str, argv)], self.folder / f"{name}.log"
        )
        self._children.append(child)
        return child

    def command(self, *argv: str) -> str:
        """Run a command on this node and return what it says.

        Raises:
            CommandFailed: it failed or is not installed.
        """
        return self.lab.command(self.host.name, [*self._inside(), *argv])

    def end(self) -> None:
        """Kill the node's first process, and so all that is in its namespaces."""
        if (first := getattr(self, "first", None)) is not None:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
            self._children[0].wait()

    def _inside(self) -> list[str]:
        return ["nsenter", f"--target={self.first}", "--mount", "--pid", "--uts"]


def require() -> None:
    """Check that this machine has what a node consists of.

    Raises:
        NotAble: with what is missing.
    """
    if missing := [name for name in TOOLS if not shutil.which(name)]:
        raise NotAble(f"a node cannot be made: {', '.join(missing)} not installed")
    if not PLUGINS.is_dir():
        raise NotAble("a node cannot be made: apt-get install containernetworking-plugins")


def child_of(parent: int, word: str) -> int | None:
    """Return the child of a process whose command line has a word, once there is one."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                words = (folder / "cmdline").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent and word in words:
                return int(folder.name)
    return None


def _network(subnet: str, mtu: int) -> dict[str, object]:
    """The pods' network, flannel's way: ports of a bridge, which is their gateway."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": subnet}]]}
    bridge = {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "hairpinMode": True,
              "mtu": mtu, "ipam": addresses}  # fmt: skip
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def _kubelet(cgroup: str) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "clusterDNS": ["10.96.0.10"],  # nobody answers there; kubelet warns where it has none
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failSwapOn": False,
        "healthzPort": 0,
        "oomScoreAdj": 0,
        "resolvConf": "",
        # This disk is not the node's to keep free.
        "evictionHard": dict.fromkeys(
            ("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"), "0%"
        ),
        "imageGCHighThresholdPercent": 100,
    }

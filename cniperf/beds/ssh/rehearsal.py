"""Two hosts to rehearse the SSH bed on: those of a lab, each with an SSH server of its own.

Each host has a second device for that, whose other end is in the namespace of the lab's wire: from
there the servers are reached, and from nowhere else. All is real: servers, keys, accounts, TCP.
"""

import json
import time
from pathlib import Path
from typing import Any, Self

from cniperf.beds.journal import NETNS_DIR, state_dir
from cniperf.beds.lab.bed import Lab, ovs_environ
from cniperf.beds.opened import Opened
from cniperf.beds.ssh.sshd import SSHD, make_keys, settings
from cniperf.errors import NotAble, cause
from cniperf.hosts import Host

NAMES = {"a": "alpha", "b": "beta"}
NETWORKS = {"a": "198.18.1", "b": "198.18.2"}  # RFC 2544: nothing real has such an address
LISTENS = 5  # seconds that a server may take
RUN = Path("/run/sshd")  # sshd wants it; Debian's init makes it


class Rehearsal(Opened):
    """A lab whose hosts are reached by SSH. Use it as a context manager.

    Args:
        ovs: start Open vSwitch on both hosts.
        nic, mtu: as the lab's.

    Attributes:
        lab: the lab.
        folder: keys and settings.
        hosts: the hosts file.
    """

    def __init__(self, *, ovs: bool = False, nic: str = "virtio", mtu: int = 1500) -> None:
        self.lab = Lab(nic=nic, mtu=mtu, ovs=ovs)
        self.folder = state_dir() / f"ssh-{self.lab.names.lab}"
        self.hosts = self.folder / "hosts.yaml"

    def __enter__(self) -> Self:
        self.lab.__enter__()
        return super().__enter__()

    def close(self) -> None:
        """Take the servers and their lab back."""
        self.lab.close()

    def _open(self) -> None:
        self.lab.journal.add_folder(self.folder)
        self.folder.mkdir(mode=0o700, parents=True)
        if not RUN.exists():
            self.lab.journal.add_folder(RUN)
            RUN.mkdir(mode=0o755)
        make_keys(self.folder, NAMES.values())
        hosts = {}
        for host in self.lab.hosts:
            name = NAMES[host.name]
            self._give_way_in(host.name)
            (self.folder / f"{name}.conf").write_text(self._settings(host.name), encoding="utf-8")
            hosts[name] = self.entry(host.name)
            self._serve(host)
        self.write(hosts)

    def write(self, hosts: dict[str, Any], **more: Any) -> None:  # noqa: ANN401
        """Write the hosts file (JSON is YAML)."""
        self.hosts.write_text(json.dumps({"hosts": hosts, **more}, indent=1), encoding="utf-8")

    def entry(self, name: str) -> dict[str, Any]:
        """Return the entry of a host in the hosts file."""
        host = self.lab.hosts["ab".index(name)]
        return {
            "ssh": NAMES[name],
            "user": "root",
            "key": str(self.folder / "user"),
            "known_hosts": str(self.folder / "known_hosts"),
            # A group of its own: a Ctrl-C that is meant for the controller must not end it.
            "proxy_command": f"setsid nsenter --net={NETNS_DIR / self.lab.namespace('wire')} "
            f"socat - TCP:{NETWORKS[name]}.2:22",
            "nic": host.nic,
            "address": f"{host.address}/{host.prefixlen}",
            "cpus": ",".join(map(str, self.lab.cpus[name])),
        }

    def _settings(self, name: str) -> str:
        words = ovs_environ(state_dir() / self.lab.names.lab, self.lab.hosts["ab".index(name)])
        listen = f"ListenAddress {NETWORKS[name]}.2:22\n"
        return listen + settings(self.folder / NAMES[name], self.folder / "authorized_keys", words)

    def _give_way_in(self, place: str) -> None:
        """Give a host a device beside the NIC that is measured, with its default route."""
        # IPv6 addresses of devices that are new come a second late, and would look like a change.
        self.lab.command(place, ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
        network, far = NETWORKS[place], f"mgmt-{place}"
        for words in (
            ["route", "del", "default"],
            ["link", "add", "mgmt0", "type", "veth", "peer", far, "netns", self.lab.names.wire],
            ["addr", "add", f"{network}.2/24", "dev", "mgmt0"],
            ["link", "set", "mgmt0", "up"],
            ["route", "add", "default", "via", f"{network}.1"],
        ):
            if words[0] == "route" and words[1] == "add":  # it wants a link that is up
                self.lab.command("wire", ["ip", "addr", "add", f"{network}.1/24", "dev", far])
                self.lab.command("wire", ["ip", "link", "set", far, "up"])
            self.lab.command(place, ["ip", *words])

    def _serve(self, host: Host) -> None:
        """Start a host's server; it ends with the lab."""
        name = NAMES[host.name]
        words = [SSHD, "-D", "-f", str(self.folder / f"{name}.conf")]
        server = self.lab.start(host, None, words, self.folder / f"{name}.log")
        end = time.monotonic() + LISTENS
        while not server.listens(f"{NETWORKS[host.name]}.2", 22):
            if server.poll() is not None or time.monotonic() > end:
                said = (self.folder / f"{name}.log").read_text(encoding="utf-8")
                raise NotAble(f"sshd does not listen in a host of the lab: {cause(said)}")
            time.sleep(0.01)

"""Two hosts to rehearse the SSH bed on: those of a lab, each with an SSH server of its own.

No port is opened anywhere: a connection is a process of ``sshd`` inside the host's namespace, which
speaks through its standard input and output. Everything else is real: server, keys, accounts.
"""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cniperf.beds.journal import NETNS_DIR, state_dir
from cniperf.beds.lab import Lab, ovs_environ
from cniperf.beds.sshd import SSHD, make_keys, settings

NAMES = {"a": "alpha", "b": "beta"}
RUN = Path("/run/sshd")  # sshd wants it; Debian's init makes it


class Rehearsal:
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
        try:
            self._prepare()
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lab.close()

    def _prepare(self) -> None:
        self.lab.journal.add_folder(self.folder)
        self.folder.mkdir(mode=0o700, parents=True)
        if not RUN.exists():
            self.lab.journal.add_folder(RUN)
            RUN.mkdir(mode=0o755)
        make_keys(self.folder, NAMES.values())
        hosts = {}
        for host in self.lab.hosts:
            name = NAMES[host.name]
            self._give_default_route(host.name)
            (self.folder / f"{name}.conf").write_text(self._settings(host.name), encoding="utf-8")
            hosts[name] = self.entry(host.name)
        self.write(hosts)

    def write(self, hosts: dict[str, Any], **more: Any) -> None:  # noqa: ANN401
        """Write the hosts file (JSON is YAML)."""
        self.hosts.write_text(json.dumps({"hosts": hosts, **more}, indent=1), encoding="utf-8")

    def entry(self, name: str) -> dict[str, Any]:
        """Return what the hosts file says of a host."""
        host = self.lab.hosts["ab".index(name)]
        conf = self.folder / f"{NAMES[name]}.conf"
        return {
            "ssh": NAMES[name],
            "user": "root",
            "key": str(self.folder / "user"),
            "known_hosts": str(self.folder / "known_hosts"),
            # A group of its own: a Ctrl-C that is meant for the controller must not end it.
            # And no `ip netns exec`: in its private mounts a new namespace has no name outside.
            "proxy_command": f"setsid nsenter --net={NETNS_DIR / self.lab.namespace(name)} "
            f"{SSHD} -i -f {conf}",
            "nic": host.nic,
            "address": f"{host.address}/{host.prefixlen}",
            "cpus": ",".join(map(str, self.lab.cpus[name])),
        }

    def _settings(self, name: str) -> str:
        words = ovs_environ(state_dir() / self.lab.names.lab, self.lab.hosts["ab".index(name)])
        return settings(self.folder / NAMES[name], self.folder / "authorized_keys", words)

    def _give_default_route(self, place: str) -> None:
        """Let the default route leave by another device than the NIC that is measured."""
        # IPv6 addresses of devices that are new come a second late, and would look like a change.
        self.lab.command(place, ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
        for words in (
            ["route", "del", "default"],
            ["link", "add", "mgmt0", "type", "bridge"],
            ["link", "set", "mgmt0", "up"],
            ["route", "add", "default", "dev", "mgmt0"],
        ):
            self.lab.command(place, ["ip", *words])

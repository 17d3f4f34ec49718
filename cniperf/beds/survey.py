"""What a remote host is and has, asked in one go before anything is done there."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cniperf import environment
from cniperf.beds import shell
from cniperf.beds.remote import Remote

# What a host needs for any run, with the Debian package of each.
TOOLS = {
    "ip": "iproute2", "bridge": "iproute2", "ethtool": "ethtool", "sysctl": "procps",
    "nft": "nftables", "nsenter": "util-linux", "taskset": "util-linux", "setsid": "util-linux",
    "python3": "python3-minimal", "timeout": "coreutils", "ping": "iputils-ping",
}  # fmt: skip

OFFLOADS = ("tcp-segmentation-offload", "generic-segmentation-offload",
            "generic-receive-offload", "tx-checksumming",
            "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")  # fmt: skip

# Not /sys/class/net: it may show another network namespace.
DEVICES = "ip -o link | cut -d: -f2 | cut -d@ -f1"

PATHS = 'for d in $(echo "$PATH" | tr : " "); do ls "$d"; done'

QUESTIONS = {
    "commands": PATHS,
    "addr": "ip -j addr",
    "default": "ip -j route show default",
    "ssh": 'echo "$SSH_CONNECTION"',
    "back": 'ip -j route get "${SSH_CONNECTION%% *}"',
    "congestion": "cat /proc/sys/net/ipv4/tcp_available_congestion_control",
    "awake": "[ -w /dev/cpu_dma_latency ] && echo yes",
    "ovs module": "[ -e /sys/module/openvswitch ] || modprobe --dry-run --quiet openvswitch "
    "&& echo yes",
    "ovs": "timeout 5 ovs-vsctl --timeout=4 show && echo yes",
    "offloads": f'for d in $({DEVICES}); do echo "# $d"; ethtool -k "$d"; done',
    "clock": "date +%s.%N",
    "systemd": "[ -d /run/systemd/system ] && echo yes",
}


@dataclass(frozen=True)
class Survey:
    """What one host is and has.

    Attributes:
        commands: names of what can be run there.
        devices: MTU, in bytes, of each device.
        addresses: IPv4 addresses, with prefix lengths, of each device.
        default: devices that a default route leaves by.
        connection: devices that carry the SSH connection.
        congestion: TCP congestion controls.
        awake: True where CPUs can be kept from sleeping.
        ovs_runs: True where Open vSwitch answers.
        ovs_datapath: ``system`` or ``netdev``.
        offloads: which are on, by device.
        clock_off: seconds that its clock is ahead of this machine's, half the time of asking
            either way.
        systemd: True where systemd is the init.
        said: answers to :func:`cniperf.environment.questions`.
    """

    commands: frozenset[str]
    devices: Mapping[str, int]
    addresses: Mapping[str, list[str]]
    default: frozenset[str]
    connection: frozenset[str]
    congestion: tuple[str, ...]
    awake: bool
    ovs_runs: bool
    ovs_datapath: str
    offloads: Mapping[str, dict[str, bool]]
    clock_off: float
    systemd: bool
    said: Mapping[str, str]

    @property
    def cpus(self) -> int:
        """How many CPUs it has."""
        return int(self.said["cpus"] or 1)

    def missing(self, more: Mapping[str, str], *, ovs: bool) -> dict[str, str]:
        """Return the commands that it lacks, with their packages."""
        switch = dict.fromkeys(("ovs-vsctl", "ovs-ofctl"), "openvswitch-switch") if ovs else {}
        needed = {**TOOLS, **more, **switch}
        gone = {name: needed[name] for name in needed if name not in self.commands}
        if ovs and not gone and not self.ovs_runs:
            return {"a running Open vSwitch": "openvswitch-switch"}
        return gone

    def shared(self, nic: str) -> str:
        """Return what else a device carries, for people; empty where that is nothing."""
        carries = {"the SSH connection": nic in self.connection,
                   "the default route": nic in self.default}  # fmt: skip
        return " and ".join(what for what, true in carries.items() if true)

    def environment(self) -> dict[str, Any]:
        """Return its fingerprint, as :func:`cniperf.environment.fingerprint` has this machine's."""
        return environment.answered(self.said)


def survey(host: Remote) -> Survey:
    """Ask a host what it is and has; changes nothing there."""
    before = time.time()
    said = shell.answers(host.run(shell.ask({**QUESTIONS, **environment.questions()})))
    middle = (before + time.time()) / 2
    addr = _json(said["addr"])
    addresses = {entry["ifname"]: _ipv4(entry) for entry in addr}
    return Survey(
        commands=frozenset(said["commands"].split()),
        devices={entry["ifname"]: entry["mtu"] for entry in addr},
        addresses=addresses,
        default=frozenset(route["dev"] for route in _json(said["default"]) if "dev" in route),
        connection=_carriers(said, addresses),
        congestion=tuple(said["congestion"].split()),
        awake="yes" in said["awake"],
        ovs_runs=said["ovs"].rstrip().endswith("yes"),
        ovs_datapath="system" if "yes" in said["ovs module"] else "netdev",
        offloads=_offloads(said["offloads"]),
        clock_off=float(said["clock"] or middle) - middle,
        systemd="yes" in said["systemd"],
        said=said,
    )


def _carriers(said: Mapping[str, str], addresses: Mapping[str, list[str]]) -> frozenset[str]:
    """Return the devices that carry the connection: it comes in by one and leaves by one."""
    words = said["ssh"].split()
    local = words[2] if len(words) > 2 else ""
    inwards = {name for name, own in addresses.items()
               if local in (address.split("/")[0] for address in own)}  # fmt: skip
    outwards = {route["dev"] for route in _json(said["back"]) if "dev" in route}
    return frozenset(inwards | outwards)


def _ipv4(entry: Mapping[str, Any]) -> list[str]:
    return [f"{info['local']}/{info['prefixlen']}" for info in entry.get("addr_info", [])
            if info.get("family") == "inet"]  # fmt: skip


def _offloads(text: str) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    device = ""
    for line in text.splitlines():
        if line.startswith("# "):
            device = line[2:]
            found[device] = {}
        name, _, state = line.strip().partition(": ")
        if name in OFFLOADS:
            found[device][name] = state.startswith("on")
    return found


def _json(text: str) -> list[dict[str, Any]]:
    return list(json.loads(text)) if text.strip() else []

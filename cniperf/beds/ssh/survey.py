"""What a remote host is and has, asked in one go before anything is done there."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cniperf import environment
from cniperf.beds import awake, cpus, quota, shell
from cniperf.beds.answer import Answer
from cniperf.beds.ssh import carrier
from cniperf.beds.ssh.carrier import Carried
from cniperf.beds.ssh.remote import Remote
from cniperf.errors import cause

# What a host needs for any run, with the Debian package of each.
TOOLS = {
    "ip": "iproute2", "bridge": "iproute2", "ethtool": "ethtool", "sysctl": "procps",
    "nft": "nftables", "nsenter": "util-linux", "taskset": "util-linux", "setsid": "util-linux",
    "unshare": "util-linux", "python3": "python3-minimal", "timeout": "coreutils",
    "ping": "iputils-ping",
}  # fmt: skip

START_OVS = "systemctl start openvswitch-switch, or where there is no systemd: ovs-ctl start"

OFFLOADS = ("tcp-segmentation-offload", "generic-segmentation-offload",
            "generic-receive-offload", "tx-checksumming",
            "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")  # fmt: skip

CANNOT_RUN = 126  # exit codes from here on are a shell's: no permission, no library, a signal

# Not /sys/class/net: it may show another network namespace.
DEVICES = "ip -o link | cut -d: -f2 | cut -d@ -f1"

# Commands by name, and CNI plugins, which are in no path, by file.
PATHS = 'for d in $(echo "$PATH" | tr : " "); do ls "$d"; done; ls -d /usr/lib/cni/* || true'

# A kernel without IPv6 has no such routes.
IPV6_ROUTES = "[ ! -e /proc/net/if_inet6 ] || ip -j -6 route show table all"

# What must have an answer: an empty one would read as if there were nothing to be careful of.
NEEDED = {
    "addr": "ip -j addr",
    "link": "ip -j -d link",
    "route": "ip -j -4 route show table all",
    "route6": IPV6_ROUTES,
    "sockets": carrier.SOCKETS,
    "cpus there": "cat /proc/stat",
    "cpus allowed": "cat /proc/self/status",
}

QUESTIONS = {
    **NEEDED,
    "commands": PATHS,
    "congestion": "cat /proc/sys/net/ipv4/tcp_available_congestion_control",
    "power": "[ -w /dev/cpu_dma_latency ] && echo yes",
    "awake": "head -c 4 /dev/cpu_dma_latency 2>/dev/null | od -An -tx1",
    "ovs module": "[ -e /sys/module/openvswitch ] || modprobe --dry-run --quiet openvswitch",
    "ovs": "timeout 5 ovs-vsctl --timeout=4 show",
    "offloads": f'for d in $({DEVICES}); do echo "# $d"; ethtool -k "$d"; done',
    "clock": "date +%s.%N",
    "quota": shell.line(["python3", "-c", Path(quota.__file__).read_text(encoding="utf-8")]),
    "systemd": "[ -d /run/systemd/system ] && echo yes",
}


@dataclass(frozen=True)
class Survey:
    """What one host is and has.

    Attributes:
        commands: names of what can be run there.
        devices: MTU, in bytes, of each device.
        addresses: IPv4 addresses, with prefix lengths, of each device.
        default: what a default route leaves by.
        connection: what carries the SSH connection.
        congestion: TCP congestion controls.
        power: True where CPUs can be kept awake.
        awake: something keeps CPUs from falling asleep; False where it cannot be seen.
        ovs_problem: why Open vSwitch does not answer; empty where it does.
        ovs_datapath: ``system`` or ``netdev``.
        offloads: which are on, by device.
        clock_off: seconds that its clock is ahead of this machine's, half the time of asking
            either way; None where it is unknown.
        systemd: True where systemd is the init.
        quota: the CPU quotas of a command's control groups; None where unknown.
        cpus: numbers of the CPUs that it has and that a command may run on.
        broken: why commands that are there do not run, by name.
        said: answers to :func:`cniperf.environment.questions`.
    """

    commands: frozenset[str]
    devices: Mapping[str, int]
    addresses: Mapping[str, list[str]]
    default: Carried
    connection: Carried
    congestion: tuple[str, ...]
    power: bool
    awake: bool
    ovs_problem: str
    ovs_datapath: str
    offloads: Mapping[str, dict[str, bool]]
    clock_off: float | None
    systemd: bool
    quota: quota.Reading | None
    cpus: tuple[int, ...]
    broken: Mapping[str, str]
    said: Mapping[str, str]

    def missing(self, more: Mapping[str, str], *, ovs: bool) -> dict[str, str]:
        """Return the commands that it lacks, with their packages."""
        switch = dict.fromkeys(("ovs-vsctl", "ovs-ofctl"), "openvswitch-switch") if ovs else {}
        needed = {**TOOLS, **more, **switch}
        return {name: needed[name] for name in needed if name not in self.commands}

    def shared(self, nic: str) -> str:
        """Return what else a device carries, for people; empty where that is nothing.

        What is invisible counts as carried.
        """
        carries = {"the SSH connection": self.connection, "the default route": self.default}
        words = []
        for what, carried in carries.items():
            if (true := carried.by(nic)) is not False:
                words.append(what if true else f"perhaps {what} ({carried.unknown})")
        return " and ".join(words)

    def environment(self) -> dict[str, Any]:
        """Return its fingerprint, as :func:`cniperf.environment.fingerprint` has this machine's."""
        return environment.answered(self.said)


def survey(host: Remote) -> Survey:
    """Ask a host what it is and has; changes nothing there.

    Raises:
        OddAnswer: a command that must have an answer has none, or another than it was asked for.
    """
    before = time.time()
    said = host.ask({**QUESTIONS, **environment.questions()})
    middle = (before + time.time()) / 2
    for name in NEEDED:
        said[name].given()
    addr, links = said["addr"].entries("ifname", "mtu"), said["link"].entries("ifname")
    ends = carrier.peers(said["sockets"])
    back = host.ask(carrier.way_back(ends)) if ends else {}
    routes = [*said["route"].entries("dst"), *said["route6"].entries("dst")]
    texts = {name: answer.text for name, answer in said.items()}
    commands = frozenset(texts["commands"].split())
    return Survey(
        commands=commands,
        devices={entry["ifname"]: entry["mtu"] for entry in addr},
        addresses={entry["ifname"]: _ipv4(entry) for entry in addr},
        default=carrier.default(routes, links),
        connection=carrier.connection(ends, addr, links, back.values()),
        congestion=tuple(texts["congestion"].split()),
        power="yes" in texts["power"],
        awake=awake.asks(bytes.fromhex(texts["awake"])),
        ovs_problem=_ovs_problem(said["ovs"]),
        ovs_datapath="netdev" if said["ovs module"].code else "system",
        offloads=_offloads(texts["offloads"]),
        clock_off=_ahead(texts["clock"], middle),
        systemd="yes" in texts["systemd"],
        quota=quota.told(texts["quota"]),
        cpus=cpus.usable(texts["cpus there"], texts["cpus allowed"]),
        broken=_broken(said, commands),
        said=texts,
    )


def _broken(said: Mapping[str, Answer], commands: Collection[str]) -> dict[str, str]:
    """Return the installed commands that cannot even print their version, and why."""
    asked = {answer.command.split()[0]: answer
             for name, answer in said.items() if name.startswith("version ")}  # fmt: skip
    return {
        command: cause(answer.text) or f"exit code {answer.code}"
        for command, answer in asked.items()
        if command in commands and answer.code >= CANNOT_RUN
    }


def _ahead(text: str, now: float) -> float | None:
    try:
        return float(text) - now
    except ValueError:  # a `date` without nanoseconds
        return None


def _ovs_problem(asked: Answer) -> str:
    return cause(asked.error) or f"exit code {asked.code}" if asked.code else ""


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
        if name in OFFLOADS and device:
            found[device][name] = state.startswith("on")
    return found

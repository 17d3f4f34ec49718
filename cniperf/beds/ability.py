"""What a host must be able to do for a run, tried in a short-lived network namespace.

An installed command proves little: a kernel may lack a feature, a container may forbid it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cniperf.beds import shell
from cniperf.beds.answer import Answer
from cniperf.errors import cause

Ask = Callable[[Mapping[str, str]], dict[str, Answer]]

# How `ip link` makes a device of each kind, where its name alone will not do.
WORDS = {
    "veth": "type veth peer name try1",
    "macvlan": "link low0 type macvlan mode bridge",
    "ipvlan": "link low0 type ipvlan mode l2",
    "vxlan": "type vxlan id 1 dstport 8472",
    "geneve": "type geneve id 1 remote 192.0.2.1",
    "ipip": "type ipip local 192.0.2.1",
}
NO_LINK = {"openvswitch"}  # no `ip link` makes one: its datapath does

COUNTING = """table netdev t { counter c { }
set s { type ether_addr . ipv4_addr; size 64; flags dynamic; }
chain i { type filter hook ingress device "lo" priority -450;
ip saddr 192.0.2.1 udp dport 5202 @th,128,32 0x1 counter name c;
udp dport 5202 add @s { ether saddr . ip saddr }; }
}
table inet t { counter c { }
chain f { type filter hook forward priority -450; ip saddr 192.0.2.1 counter name c; }
}
"""
EGRESS = """table netdev t { counter c { }
chain e { type filter hook egress device "lo" priority -450; counter name c; }
}
"""
SOCKET = "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)'"


@dataclass(frozen=True)
class Ability:
    """Something that a host must be able to do.

    Attributes:
        name: for people.
        line: a line of shell that fails where it cannot.
        fixes: commands or deeds, each of which brings it.
    """

    name: str
    line: str
    fixes: tuple[str, ...]


@dataclass(frozen=True)
class Lacks:
    """An ability that a host lacks, and the output of the trial."""

    ability: Ability
    reason: str

    def __str__(self) -> str:
        return f"{self.ability.name} ({self.reason})"


def needed(cpus: Iterable[int]) -> list[Ability]:
    """Return what any run needs of a host, whose load is to run on some CPUs."""
    numbers = ",".join(map(str, cpus))
    return [
        Ability("network namespaces", _apart(
            "ip netns add try && nsenter --net=/run/netns/try -- true && ip netns del try"),
            ("root with CAP_SYS_ADMIN: in a container, a privileged one",)),
        Ability("nft's counters", _apart(
            f"{_nft(COUNTING)} && nft -j list ruleset | grep -q nftables"),
            ("a kernel with nf_tables (modprobe nf_tables), and nft with JSON",)),
        Ability("counting at devices", f"{_apart(_nft(EGRESS))} || {_apart(SOCKET)}",
            ("a kernel with CONFIG_PACKET (modprobe af_packet)",
             "--bed vm, which has its own kernel")),
        Ability("pinning to CPUs", f"taskset -c {numbers} true",
            ("give its control group (cpuset) these CPUs", "name other cpus")),
        Ability("python3", "python3 -c 'import json, socket'",
            ("apt-get install python3-minimal",)),
    ]  # fmt: skip


def rules_count() -> Ability:
    """Return the ability of nft to count at devices; packet sockets do without it."""
    return Ability("nft's egress hook", _apart(_nft(EGRESS)), ())


def here() -> list[Ability]:
    """Return what a lab needs of this machine besides."""
    return [Ability("ending with its parent", "setpriv --pdeathsig KILL true",
                    ("install setpriv of util-linux 2.33 or later",))]  # fmt: skip


def devices(kinds: Iterable[str]) -> dict[str, Ability]:
    """Return what it takes to make devices of some kinds, by kind."""
    return {
        kind: Ability(f"{kind} devices", _apart(
            "ip link add low0 type bridge && "
            f"ip link add try0 {WORDS.get(kind, f'type {kind}')} && ip link del try0"),
            (f"modprobe {kind}", "--bed vm, which has its own kernel"))
        for kind in kinds if kind not in NO_LINK
    }  # fmt: skip


def lacking(abilities: Iterable[Ability], ask: Ask) -> list[Lacks]:
    """Try some abilities at once; return those that a host lacks.

    Args:
        abilities: what to try.
        ask: runs lines of shell on the host, see :func:`cniperf.beds.shell.ask`.
    """
    tried = {ability.name: ability for ability in abilities}
    answers = ask({name: ability.line for name, ability in tried.items()})
    return [
        Lacks(tried[name], _reason(answer))
        for name, answer in answers.items() if answer.code
    ]  # fmt: skip


def _reason(answer: Answer) -> str:
    said = cause(answer.error or answer.text)
    return said.removeprefix("Error: ").rstrip(".") or f"exit code {answer.code}"


def _apart(line: str) -> str:
    """Return a line that runs another where nothing of it is seen, or stays."""
    inside = f"mount -t tmpfs tmpfs /run && {line}"
    return shell.line(["timeout", "10", "unshare", "--net", "--mount", "sh", "-c", inside])


def _nft(script: str) -> str:
    return f"{shell.line(['printf', '%s', script])} | nft -f -"

"""eBPF programs at a device: ``tc``."""

from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_network

from cniperf.bpf import SECTION, How, elf
from cniperf.steps.step import Step

# The index of the device that packets go to is written into the object here, where it is known.
ATTACH = (
    'o=$(mktemp) || exit; i=$(ip -o link show dev "$1") && i=${i%%:*} && '
    'echo "$4" | base64 -d >"$o" && '
    "printf \"$(printf '\\\\%03o' $((i&255)) $((i>>8&255)) $((i>>16&255)) $((i>>24&255)))\" | "
    'dd of="$o" bs=1 seek="$3" conv=notrunc status=none && '
    'tc filter add dev "$0" ingress prio "$2" bpf direct-action object-file "$o" section "$5"; '
    'c=$?; rm -f "$o"; exit $c'
)


# No error where the device or its clsact is gone already.
DETACH = (
    'tc qdisc del dev "$0" clsact 2>/dev/null || ! tc qdisc show dev "$0" 2>/dev/null | '
    "grep -q clsact"
)


@dataclass(frozen=True)
class AddClsact(Step):
    """Let programs be attached to what a device receives; fails where others have done so."""

    device: str

    def argv(self) -> list[str]:
        return self._inside("tc", "qdisc", "add", "dev", self.device, "clsact")

    def undo(self) -> Step:
        return DelClsact(self.device, netns=self.netns)


@dataclass(frozen=True)
class DelClsact(Step):
    """Take the programs of a device away."""

    device: str

    def argv(self) -> list[str]:
        return self._inside("sh", "-c", DETACH, self.device)


@dataclass(frozen=True)
class Redirect(Step):
    """Pass what a device receives for a network on to another device, past the host's stack.

    See :mod:`cniperf.bpf`. The program is removed with the device's clsact.

    Attributes:
        device: receives the packets; has a clsact.
        network: as ``172.28.1.0/24``; in IPv6 at least a /96.
        to: the device that they leave by (``neigh``), or the veth whose peer gets them (``peer``).
        how: which of the two.
        priority: of this program among those of the device.
    """

    device: str
    network: str
    to: str
    how: How
    priority: int

    def argv(self) -> list[str]:
        program, place = elf(ip_network(self.network), self.how)
        return self._inside("sh", "-c", ATTACH, self.device, self.to, str(self.priority),
                            str(place), b64encode(program).decode(), SECTION)  # fmt: skip

    @property
    def brief(self) -> str:
        return f"tc filter: {self.network} from {self.device} to {self.to} ({self.how})"

"""What a pod sees from inside: its devices, its addresses, the CPUs that it may use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cniperf.beds import cpus
from cniperf.beds.answer import Answer
from cniperf.errors import NotAble

# What is asked of a pod, by name.
QUESTIONS = {
    "addresses": "ip -j -d addr",
    "cpus there": "cat /proc/stat",
    "cpus allowed": "cat /proc/self/status",
    "congestion": "cd /proc/sys/net/ipv4; cat tcp_allowed_congestion_control "
    "tcp_congestion_control",
}


@dataclass(frozen=True)
class Inside:
    """What a pod sees.

    Attributes:
        pod: its name.
        links: its devices, as ``ip -j -d addr`` has them; those of its node where it has its
            node's network.
        cpus: the CPUs that it may use.
        congestion: the TCP congestion controls that it may use without a privilege.
    """

    pod: str
    links: Sequence[dict[str, Any]]
    cpus: tuple[int, ...]
    congestion: tuple[str, ...]

    @classmethod
    def read(cls, pod: str, answers: "dict[str, Answer]") -> "Inside":
        """Read the answers to :data:`QUESTIONS`."""
        links = answers["addresses"].entries("ifname", "mtu")
        own = cpus.usable(answers["cpus there"].given(), answers["cpus allowed"].given())
        return cls(pod, links, own, tuple(dict.fromkeys(answers["congestion"].given().split())))

    def link(self, address: str) -> dict[str, Any]:
        """Return the device that has an address.

        Raises:
            NotAble: none has.
        """
        for link in self.links:
            if any(each.get("local") == address for each in link.get("addr_info", ())):
                return link
        raise NotAble(f"pod {self.pod} has no device with its address {address}")

    def device(self, address: str) -> str:
        """Return the name of the device that has an address."""
        return str(self.link(address)["ifname"])

    def mtu(self, address: str) -> int:
        """Return the MTU, in bytes, of the device that has an address."""
        return int(self.link(address)["mtu"])

    def kinds(self) -> dict[str, str]:
        """Return the kind of each device, as ``vxlan`` or ``veth``; empty for a physical one."""
        return {str(link["ifname"]): str(link.get("linkinfo", {}).get("info_kind", ""))
                for link in self.links}  # fmt: skip

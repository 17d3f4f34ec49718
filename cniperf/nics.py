"""The NICs of a lab's hosts: what each kind cannot do, and how large its segments may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

NO_TUNNEL_SEGMENTATION = ("tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")
NO_SEGMENTATION = ("tso", "gso", "gro")


@dataclass(frozen=True)
class Nic:
    """One kind of NIC; the lab's is a veth, which can do everything.

    Attributes:
        lacks: offloads that it does not have, by ethtool's words.
        segment: bytes that TCP may hand to it, and it to TCP, at once (BIG TCP); 0 for what
            kernels have without being asked, 64 KiB.
    """

    lacks: tuple[str, ...] = ()
    segment: int = 0


NICS: Mapping[str, Nic] = MappingProxyType(
    {
        "virtio": Nic(NO_TUNNEL_SEGMENTATION),
        "offload": Nic(),
        "plain": Nic(NO_SEGMENTATION),
        "big-128k": Nic(segment=128 << 10),
        "big-192k": Nic(segment=192 << 10),
    }
)

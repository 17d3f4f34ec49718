"""Encapsulations: what a tunnel puts around a pod's packet, and how to recognise it on the wire.

An overhead is what a pod's MTU must leave room for. The outer Ethernet header is no part of an MTU;
an inner one is.
"""

from dataclasses import dataclass

from cniperf.ip import HEADER, Version


@dataclass(frozen=True)
class Encapsulation:
    """One way to carry a pod's packet inside another.

    Attributes:
        name: for people.
        overhead: bytes that it adds to a packet between hosts with IPv4.
        outer: words of nftables that match the outer packet.
        inner: bits from the outer packet's transport header to the inner IP header; None where that
            is encrypted, so that only the hosts' addresses identify it.
    """

    name: str
    overhead: int
    outer: str
    inner: int | None = None

    def over(self, ip: Version) -> int:
        """Return the bytes that it adds between hosts with this version of IP."""
        return self.overhead + HEADER[ip] - HEADER[4]


def vxlan(port: int) -> Encapsulation:
    """VXLAN to a UDP port: IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14 (RFC 7348, section 5)."""
    return Encapsulation("VXLAN", 50, f"udp dport {port}", inner=8 * (8 + 8 + 14))


FLANNEL_VXLAN = vxlan(8472)  # the kernel's old default, as flannel has it
VXLAN = vxlan(4789)  # IANA's

# IPv4 20, UDP 8, Geneve 8 without options, inner Ethernet 14 (RFC 8926, section 3).
GENEVE = Encapsulation("Geneve", 50, "udp dport 6081", inner=8 * (8 + 8 + 14))

# IPv4 20 (RFC 2003, section 3).
IPIP = Encapsulation("IP in IP", 20, "ip protocol 4", inner=0)

# IPv4 20, UDP 8, type 4, receiver 4, counter 8, authentication tag 16 (WireGuard's whitepaper,
# section 5.4.6). A smaller packet than the MTU is padded to a multiple of 16 bytes besides.
# Type 4 is data, and one of 40 bytes of UDP has none: a keepalive. Handshakes are types 1 to 3.
WIREGUARD = Encapsulation("WireGuard", 60, "udp dport 51820 udp length != 40 @th,64,8 4")

LARGEST = max(FLANNEL_VXLAN, VXLAN, GENEVE, IPIP, WIREGUARD, key=lambda each: each.overhead)

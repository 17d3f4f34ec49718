"""The two versions of IP: the form that an address has in each, and the words of each.

Schemes write down IPv4 addresses, the article's. In IPv6 each is an address of :data:`NETWORK`
whose last four bytes are those of the IPv4 one, so that each pair is comparable.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

Version = Literal[4, 6]
Network = IPv4Network | IPv6Network

NETWORK = IPv6Network("fd5c:2e91:7ab4::/96")  # unique local addresses (RFC 4193), drawn at random
SMALLEST_MTU = 1280  # bytes that an IPv6 link carries at least (RFC 8200, section 5)

HEADER: dict[Version, int] = {4: 20, 6: 40}  # bytes (RFC 791, RFC 8200)
HOST: dict[Version, int] = {4: 32, 6: 128}  # bits of the prefix that is one address
UDP_HEADER = 8  # bytes (RFC 768)

# nftables' words: the family of a table, which also begins the name of a header's field, and the
# type of an address.
FAMILY: dict[Version, str] = {4: "ip", 6: "ip6"}
ADDRESS_TYPE: dict[Version, str] = {4: "ipv4_addr", 6: "ipv6_addr"}

EVERYWHERE: dict[Version, str] = {4: "default", 6: "::/0"}  # what a default route leads to


def form(text: str, ip: Version) -> str:
    """Return the form of an IPv4 address in a version of IP, with its prefix length if it has one.

    ``172.28.0.3/24`` is ``fd5c:2e91:7ab4::ac1c:3/120`` in IPv6.
    """
    if ip == 4:
        return text
    address, slash, length = text.partition("/")
    own = NETWORK.network_address + int(ip_address(address))
    return f"{own}{slash}{NETWORK.prefixlen + int(length) if slash else ''}"


def version(address: str) -> Version:
    """Return the version of IP that an address is of."""
    return 6 if ":" in address else 4


def with_port(address: str, port: int) -> str:
    """Return an address and a port as a URL has them (RFC 3986, section 3.2.2)."""
    return f"[{address}]:{port}" if version(address) == 6 else f"{address}:{port}"


def udp_headers(ip: Version) -> int:
    """Return the bytes of a datagram's headers."""
    return HEADER[ip] + UDP_HEADER

"""A small eBPF program that passes packets on before a host's stack, as the object that tc loads.

It runs for each packet that a device receives (tc, direct action). In the kernel's assembler, for
packets to a network::

    w2 = *(u32 *)(r1 + 16)       ; skb->protocol
    if w2 != ETHERTYPE goto out  ; one version of IP: ARP stays with the stack
    w2 = *(u32 *)(r1 + 76)       ; skb->data
    w3 = *(u32 *)(r1 + 80)       ; skb->data_end
    r4 = r2
    r4 += HEADERS                ; Ethernet 14, IPv4 20 or IPv6 40
    if r4 > r3 goto out
    w2 = *(u32 *)(r2 + LAST)     ; the last four bytes of the destination
    w2 &= MASK
    if w2 != NETWORK goto out
    w1 = IFINDEX
    w2 = 0
    w3 = 0
    w4 = 0
    call HELPER                  ; 152 bpf_redirect_neigh, 155 bpf_redirect_peer
    exit
    out: w0 = -1                 ; TC_ACT_UNSPEC: the next program, then the stack
    exit

The first twelve bytes of an IPv6 destination are not compared: those of all pods are the same.
Neighbour discovery goes to ff02::1:ff00:0/104, whose last bytes no pod has: the stack gets it.

Opcodes are those of Documentation/bpf/standardization/instruction-set.rst, helpers and the fields
of ``struct __sk_buff`` those of include/uapi/linux/bpf.h.
"""

import struct
from collections.abc import Sequence
from typing import Literal

from cniperf.ip import Network, Version, version

How = Literal["neigh", "peer"]

# bpf_redirect_neigh sends through a device to the next hop of the host's routes;
# bpf_redirect_peer hands a packet to the other end of a veth, in the pod's namespace.
HELPER: dict[How, int] = {"neigh": 152, "peer": 155}
SECTION = "tc"

LOAD, MOV, MOV_FROM, ADD = 0x61, 0xB4, 0xBF, 0x07
AND, UNLESS, IF_GREATER, CALL, EXIT = 0x54, 0x55, 0x2D, 0x85, 0x95

# ETH_P_IP and ETH_P_IPV6 in the byte order of the network, read on a little-endian machine; the
# bytes of Ethernet's and IP's header, which the destination's last ones also end in IPv6.
ETHERTYPE: dict[Version, int] = {4: 0x0008, 6: 0xDD86}
HEADERS: dict[Version, int] = {4: 14 + 20, 6: 14 + 40}
IFINDEX = 10  # the instruction that has it
OUT = 16  # the instruction where a packet is left alone

ELF_HEADER, MACHINE = 64, 247  # bytes; EM_BPF


def instructions(network: Network, how: How) -> bytes:
    """Return the program, 8 bytes an instruction, with 0 as the device's index."""
    mask, address = (_host_order(each) for each in (network.netmask, network.network_address))
    ip = version(str(network))
    return b"".join([
        _one(LOAD, 2, 1, 16),
        _one(UNLESS, 2, jump=OUT - 2, value=ETHERTYPE[ip]),
        _one(LOAD, 2, 1, 76),
        _one(LOAD, 3, 1, 80),
        _one(MOV_FROM, 4, 2),
        _one(ADD, 4, value=HEADERS[ip]),
        _one(IF_GREATER, 4, 3, OUT - 7),
        _one(LOAD, 2, 2, HEADERS[ip] - 4),
        _one(AND, 2, value=mask),
        _one(UNLESS, 2, jump=OUT - 10, value=address),
        _one(MOV, 1),
        _one(MOV, 2),
        _one(MOV, 3),
        _one(MOV, 4),
        _one(CALL, value=HELPER[how]),
        _one(EXIT),
        _one(MOV, 0, value=-1),
        _one(EXIT),
    ])  # fmt: skip


def _host_order(address: object) -> int:
    """Return an address's last four bytes as a little-endian machine reads them, signed."""
    return int(struct.unpack("<i", address.packed[-4:])[0])  # type: ignore[attr-defined]


def _one(code: int, target: int = 0, source: int = 0, jump: int = 0, value: int = 0) -> bytes:
    return struct.pack("<BBhi", code, source << 4 | target, jump, value)


def elf(network: Network, how: How) -> tuple[bytes, int]:
    """Return an object that ``tc`` loads, and where in it the device's index belongs (4 bytes).

    The layout is that of elf(5): the program, its license, a table of symbols and their names.
    """
    code = instructions(network, how)
    names = b"\0".join(
        [b"", SECTION.encode(), b"license", b".symtab", b".strtab", b"redirect", b""]
    )
    symbols = bytes(24) + struct.pack(
        "<IBBHQQ", names.index(b"redirect"), 0x12, 0, 1, 0, len(code)
    )  # a global function in section 1
    sections = [  # name, type, flags, content, linked section, first global, size of an entry
        (SECTION.encode(), 1, 6, code, 0, 0, 0),
        (b"license", 1, 3, b"GPL\0", 0, 0, 0),
        (b".symtab", 2, 0, symbols, 4, 1, 24),
        (b".strtab", 3, 0, names, 0, 0, 0),
    ]
    body, headers = b"", [bytes(64)]
    for name, kind, flags, content, link, info, size in sections:
        where = (ELF_HEADER + len(body), len(content), link, info, 8, size)
        headers.append(
            struct.pack("<IIQQQQIIQQ", names.index(name + b"\0"), kind, flags, 0, *where)
        )
        body += content + bytes(-len(content) % 8)
    return _header(ELF_HEADER + len(body), headers) + body + b"".join(headers), (
        ELF_HEADER + 8 * IFINDEX + 4
    )


def _header(place: int, headers: Sequence[bytes]) -> bytes:
    """Return the head of a relocatable 64-bit little-endian object."""
    return (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack(
            "<HHIQQQIHHHHHH", 1, MACHINE, 1, 0, 0, place, 0, ELF_HEADER, 0, 0, 64, len(headers), 4
        )
    )

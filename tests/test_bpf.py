"""The eBPF program: its bytes are the assembler text that stands in the module."""

import re
import struct
from ipaddress import IPv4Network, ip_network

import pytest

from cniperf import bpf
from cniperf.ip import form

NETWORK = IPv4Network("172.28.1.0/24")
SIX = ip_network(form(str(NETWORK), 6))


def one(code, target, source, jump, value):
    """An instruction as the kernel's verifier prints it."""
    wide, right = f"r{target}", f"r{source}"
    return {
        bpf.LOAD: f"w{target} = *(u32 *)({right} + {jump})",
        bpf.MOV: f"w{target} = {value}",
        bpf.MOV_FROM: f"{wide} = {right}",
        bpf.ADD: f"{wide} += {value}",
        bpf.AND: f"w{target} &= {value:#x}",
        bpf.UNLESS: f"if w{target} != {value:#06x} goto +{jump}",
        bpf.IF_GREATER: f"if {wide} > {right} goto +{jump}",
        bpf.CALL: f"call {value}",
        bpf.EXIT: "exit",
    }[code]


def disassembled(code):
    """The instructions as text, jumps by the label that the last two have."""
    every = [struct.unpack("<BBhi", code[at : at + 8]) for at in range(0, len(code), 8)]
    lines = []
    for number, (opcode, registers, jump, value) in enumerate(every):
        if opcode in (bpf.UNLESS, bpf.IF_GREATER):
            assert number + 1 + jump == bpf.OUT
        text = one(opcode, registers & 15, registers >> 4, jump, value)
        lines.append(re.sub(r"goto \+\d+", "goto out", text))
    lines[bpf.OUT] = f"out: {lines[bpf.OUT]}"
    return lines


@pytest.mark.parametrize(("network", "ethertype", "headers"), [
    (NETWORK, 0x0008, 34), (SIX, 0xDD86, 54),
], ids=["IPv4", "IPv6"])  # fmt: skip
@pytest.mark.parametrize(("how", "helper"), [("neigh", 152), ("peer", 155)])
def test_the_program_is_its_assembler_text(how, helper, network, ethertype, headers):
    mask, address = 0x00FFFFFF, 0x0001_1CAC  # as a little-endian machine reads them
    text = bpf.__doc__.partition("::\n\n")[2].partition("\n\nThe first")[0]
    wanted = [line.partition(";")[0].strip() for line in text.splitlines()]
    names = {"MASK": f"{mask:#x}", "NETWORK": f"{address:#06x}", "IFINDEX": "0",
             "HELPER": str(helper), "ETHERTYPE": f"{ethertype:#06x}",
             "HEADERS": str(headers), "LAST": str(headers - 4)}  # fmt: skip
    filled = [re.sub(r"\b[A-Z]{4,}\b", lambda found: names[found[0]], line) for line in wanted]
    assert disassembled(bpf.instructions(network, how)) == filled


def test_the_devices_index_belongs_into_the_object_where_it_is_said():
    program, place = bpf.elf(NETWORK, "peer")
    code = bpf.instructions(NETWORK, "peer")
    start = program.index(code)
    assert (place - start) % 8 == 4 and program[place : place + 4] == bytes(4)
    with_index = disassembled(
        (program[:place] + struct.pack("<I", 7) + program[place + 4 :])[start : start + len(code)]
    )
    assert with_index[bpf.IFINDEX] == "w1 = 7"

"""What a packet socket counts: nft's words, read from the bytes of a packet."""

import json
import socket
import struct

import pytest

from cniperf.beds.answer import OddAnswer
from cniperf.beds.counters import BACK, THERE, Flow, read, senders, taps
from cniperf.beds.taps import asked_by, fits, sender
from cniperf.encapsulation import FLANNEL_VXLAN, GENEVE, IPIP, WIREGUARD
from cniperf.hops import Point


def ip6(source, target, protocol, payload):
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    return (
        head
        + b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (source, target))
        + payload
    )


HOSTS = ("192.168.20.42", "192.168.20.43")
FLOW = Flow("10.5.58.3", "10.5.47.3", hosts=HOSTS)


def ip(source, target, protocol, payload, *, options=b""):
    head = bytes([0x45 + len(options) // 4, 0]) + struct.pack(
        "!H", 20 + len(options) + len(payload)
    )
    head += bytes([0, 0, 0, 0, 64, protocol, 0, 0])
    return head + socket.inet_aton(source) + socket.inet_aton(target) + options + payload


def udp(port, payload):
    return struct.pack("!HHHH", 40_000, port, 8 + len(payload), 0) + payload


INNER = ip(FLOW.source, FLOW.target, 17, udp(5202, bytes(100)))
FRAME = bytes(14) + INNER
PACKETS = {
    None: INNER,
    FLANNEL_VXLAN: ip(*HOSTS, 17, udp(8472, bytes(8) + FRAME)),
    GENEVE: ip(*HOSTS, 17, udp(6081, bytes(8) + FRAME)),
    IPIP: ip(*HOSTS, 4, INNER),
    WIREGUARD: ip(*HOSTS, 17, udp(51820, b"\4\0\0\0" + bytes(60))),
}


@pytest.mark.parametrize("inside", PACKETS, ids=lambda each: each.name if each else "plain")
def test_a_packet_is_known_in_its_own_form_and_of_its_own_way_alone(inside):
    packet = PACKETS[inside]
    assert fits(packet, "ip", asked_by(FLOW.match(inside)))
    assert not fits(packet, "ip", asked_by(FLOW.answered().match(inside)))
    for other in PACKETS:
        if other is not inside:
            assert not fits(packet, "ip", asked_by(FLOW.match(other)))


SIX = Flow("fd00::3", "fd00::1:3", hosts=("fd00::42", "fd00::43"))
INNER6 = ip6(SIX.source, SIX.target, 17, udp(5202, bytes(100)))
PACKETS6 = {
    None: INNER6,
    FLANNEL_VXLAN: ip6(*SIX.hosts, 17, udp(8472, bytes(8) + bytes(14) + INNER6)),
    GENEVE: ip6(*SIX.hosts, 17, udp(6081, bytes(8) + bytes(14) + INNER6)),
    WIREGUARD: ip6(*SIX.hosts, 17, udp(51820, b"\4\0\0\0" + bytes(60))),
}


@pytest.mark.parametrize("inside", PACKETS6, ids=lambda each: each.name if each else "plain")
def test_the_same_is_true_in_ipv6(inside):
    packet = PACKETS6[inside]
    assert fits(packet, "ip6", asked_by(SIX.match(inside)))
    assert not fits(packet, "ip6", asked_by(SIX.answered().match(inside)))
    assert not fits(packet, "ip6", asked_by(FLOW.match(inside)))
    assert sender(packet, "ip6") == (SIX.hosts[0] if inside else SIX.source)
    for other in PACKETS6:
        if other is not inside:
            assert not fits(packet, "ip6", asked_by(SIX.match(other)))


def test_options_of_ip_move_what_follows():
    packet = ip(FLOW.source, FLOW.target, 17, udp(5202, bytes(9)), options=bytes(8))
    assert fits(packet, "ip", asked_by(FLOW.match()))


@pytest.mark.parametrize("packet", [
    ip(FLOW.source, FLOW.target, 17, udp(5203, bytes(9))),
    ip(FLOW.source, FLOW.target, 6, udp(5202, bytes(9))),
    ip(FLOW.source, FLOW.target, 17, b""),  # cut short
])  # fmt: skip
def test_another_port_or_protocol_or_too_little_is_another_packet(packet):
    assert not fits(packet, "ip", asked_by(FLOW.match()))


def test_a_keepalive_or_a_handshake_of_wireguard_is_no_data():
    for payload in (b"\4\0\0\0" + bytes(28), b"\1\0\0\0" + bytes(144)):
        assert not fits(ip(*HOSTS, 17, udp(51820, payload)), "ip", asked_by(FLOW.match(WIREGUARD)))


def said(**more):
    counters = {"p0_there": [100, 102_800], "p0_back": [99, 101_772]}
    return json.dumps({"counters": counters, "senders": [["aa:bb:cc:dd:ee:ff", "10.0.0.1"]],
                       "lost": 0, **more})  # fmt: skip


NO_RULES = json.dumps({"nftables": []})


def test_what_it_prints_is_read_point_by_point():
    point = Point("a", "eth0", "device")
    (tally,) = read(NO_RULES, [point], said()).values()
    assert (tally.there, tally.back, tally.size) == (100, 99, 1028)
    assert senders(NO_RULES, said()) == {("aa:bb:cc:dd:ee:ff", "10.0.0.1")}


@pytest.mark.parametrize("answer", [said(lost=1), "[]", "{}", "no", '{"lost": 0, "counters": 1'])
def test_lost_packets_or_no_counts_are_no_evidence(answer):
    with pytest.raises(OddAnswer, match="packet sockets"):
        read(NO_RULES, [Point("a", "eth0", "device")], answer)


def test_only_devices_are_its_work_and_translated_packets_have_their_words():
    flow = Flow("172.17.0.3", "172.17.1.3", seen=("192.168.20.42", "172.17.1.3"))
    points = [Point("a", "forward", "hook"), Point("a", "eth0", "device", translated="both")]
    job = taps(points, flow, flow.answered(), nic="eth0")
    assert set(job["rules"]) == {"p1_there", "p1_back"} and "both" in THERE and "back" in BACK
    assert job["rules"]["p1_there"][0] == "eth0" and "192.168.20.42" in job["rules"]["p1_there"][1]
    assert job["forms"] == ["udp dport 5202"]

import json

import pytest

from cniperf.beds import counters
from cniperf.beds.counters import Flow, Tally, dropped, read, script, senders
from cniperf.encapsulation import FLANNEL_VXLAN, GENEVE, IPIP, WIREGUARD
from cniperf.hops import Point

THERE, BACK = Flow("10.5.58.3", "10.5.47.3"), Flow("10.5.47.3", "10.5.58.3")


@pytest.mark.parametrize(
    ("inside", "words"),
    [(FLANNEL_VXLAN, "udp dport 8472 @th,336,32 0xa053a03 @th,368,32 0xa052f03"),
     (GENEVE, "udp dport 6081 @th,336,32 0xa053a03 @th,368,32 0xa052f03"),
     (IPIP, "ip protocol 4 @th,96,32 0xa053a03 @th,128,32 0xa052f03"),
     (None, "ip saddr 10.5.58.3 ip daddr 10.5.47.3 udp dport 5202")],
)  # fmt: skip
def test_packets_in_a_tunnel_are_known_by_their_inner_addresses(inside, words):
    assert THERE.match(inside) == words


def test_encrypted_packets_are_known_by_their_hosts_and_by_carrying_data():
    flow = Flow("10.5.58.3", "10.5.47.3", hosts=("192.168.20.42", "192.168.20.43"))
    assert flow.answered().match(WIREGUARD) == (
        "ip saddr 192.168.20.43 ip daddr 192.168.20.42 udp dport 51820 udp length != 40 @th,64,8 4"
    )


def test_in_ipv6_addresses_have_128_bits_and_headers_other_places():
    six = Flow("fd00::3", "fd00::1:3", hosts=("fd00::42", "fd00::43"))
    assert six.match() == "ip6 saddr fd00::3 ip6 daddr fd00::1:3 udp dport 5202"
    begin = 8 * (8 + 8 + 14)  # UDP, VXLAN, Ethernet
    assert six.match(FLANNEL_VXLAN) == (
        f"udp dport 8472 @th,{begin + 64},128 0xfd000000000000000000000000000003 "
        f"@th,{begin + 192},128 0xfd000000000000000000000000010003"
    )
    text = script([Point("b", "eth0", "device")], six, six.answered(), nic="eth0")
    assert "type ether_addr . ipv6_addr" in text and "ether saddr . ip6 saddr" in text


def test_a_translated_packet_is_known_by_the_address_that_its_host_lent_it():
    flow = Flow("172.17.0.3", "172.17.1.3", seen=("192.168.20.42", "172.17.1.3"))
    at = Point("a", "prerouting", "hook", translated="back")
    text = script([at], flow, flow.answered())
    assert "ip saddr 172.17.0.3 ip daddr 172.17.1.3 udp dport 5202 counter name p0_there" in text
    assert "ip saddr 172.17.1.3 ip daddr 192.168.20.42 udp dport 5202 counter name p0_back" in text


def test_who_sends_to_a_nic_is_written_down_in_whatever_form():
    points = [Point("b", "eth0", "device", inside=IPIP), Point("b", "eth0", "device", "none")]
    text = script(points, THERE, BACK, nic="eth0")
    assert "udp dport 5202 add @senders" in text and "ip protocol 4 add @senders" in text


def test_a_device_is_counted_on_its_way_in_and_out():
    text = script([Point("a", "flannel.1", "device")], THERE, BACK, nic="eth0")
    assert 'type filter hook ingress device "flannel.1"' in text
    assert 'type filter hook egress device "flannel.1"' in text
    assert "set senders" in text


@pytest.mark.parametrize(("hook", "chains"), [("forward", 1), ("local", 2)])
def test_what_is_local_is_counted_where_it_enters_and_leaves(hook, chains):
    assert script([Point("a", hook, "hook")], THERE, BACK).count("type filter hook") == chains


def said(*entries):
    for entry in entries:
        next(iter(entry.values())).setdefault("table", "cniperf")
    return json.dumps({"nftables": [{"metainfo": {}}, *entries]})


def test_what_nft_says_is_read_point_by_point():
    point = Point("a", "eth0", "device")
    counters = [{"counter": {"name": f"p0_{way}", "packets": n, "bytes": 1028 * n}}
                for way, n in (("there", 100), ("back", 99))]  # fmt: skip
    other = {"counter": {"name": "p0_there", "packets": 7, "bytes": 7, "table": "someone-else"}}
    assert read(said(*counters, other), [point]) == {point: Tally(100, 99, 1028)}
    assert dropped(said({"counter": {"name": "dropped", "packets": 20, "bytes": 1}})) == 20


def test_senders_are_read_as_pairs():
    elements = [{"concat": ["aa:bb:cc:dd:ee:ff", "10.0.0.1"]},
                {"elem": {"val": {"concat": ["aa:bb:cc:dd:ee:00", "10.0.0.2"]}}}]  # fmt: skip
    assert senders(said({"set": {"name": "senders", "elem": elements}})) == {
        ("aa:bb:cc:dd:ee:ff", "10.0.0.1"), ("aa:bb:cc:dd:ee:00", "10.0.0.2"),
    }  # fmt: skip
    assert senders(said({"set": {"name": "senders"}})) == set()


def chain(table, name, **more):
    return {"chain": {"family": "ip", "table": table, "name": name, "type": "filter",
                      "hook": "forward", "prio": 0, "policy": "accept", **more}}  # fmt: skip


RULE = {"rule": {"family": "ip", "table": "filter", "chain": "FORWARD", "expr": [{"drop": None}]}}


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ([], []),
        ([chain("filter", "FORWARD", policy="drop")], ["ip filter FORWARD, policy drop"]),
        ([chain("filter", "FORWARD"), RULE], ["ip filter FORWARD, policy accept"]),
        ([chain("filter", "FORWARD")], []),  # an iptables that was asked for its rules leaves it
        ([chain("filter", "INPUT", hook="input", policy="drop")], []),
        ([chain(counters.TABLE, "dropped", policy="drop")], []),
        ([chain("cniperf_policy", "forward", policy="drop")], []),  # a scheme's own
        ([chain("filter", "FORWARD", type="nat", policy="drop")], []),
    ],
)
def test_chains_of_others_that_filter_what_a_host_forwards(rules, named):
    said = json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *rules]})
    assert counters.filters(said) == named

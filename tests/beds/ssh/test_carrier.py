"""Which devices carry the connection and the default route; what is unknown is never safe."""

from ipaddress import ip_address

import pytest

from cniperf.beds.answer import Answer, OddAnswer
from cniperf.beds.ssh import carrier

OWN, PEER = "10.0.0.5", "10.9.9.9"


def link(name, kind=None, **more):
    return {"ifname": name, **({"linkinfo": {"info_kind": kind}} if kind else {}), **more}


def address(name, *own):
    return {"ifname": name, "addr_info": [{"local": each} for each in own]}


def carried(links, *, own=OWN, peer=PEER, on="eth0", out=None, code=0):
    route = Answer("gamma", "ip -j route get", f'[{{"dev": "{out or on}"}}]', code)
    ends = [(ip_address(own), ip_address(peer))]
    return carrier.connection(ends, [address(on, OWN), address("lo", "127.0.0.1")], links, [route])


def test_a_device_of_its_own_carries_it_alone():
    found = carried([link("eth0"), link("eth1")])
    assert (found.by("eth0"), found.by("eth1")) == (True, False)


def test_it_may_leave_by_another_device_than_it_came_in_by():
    assert carried([link("eth0"), link("eth1")], out="eth1").by("eth1") is True


@pytest.mark.parametrize(
    ("links", "on"),
    [
        ([link("br0", "bridge"), link("eth1", master="br0")], "br0"),
        ([link("bond0", "bond"), link("eth1", master="bond0")], "bond0"),
        ([link("eth1.7", "vlan", link="eth1"), link("eth1")], "eth1.7"),
        ([link("br-ex", "openvswitch"), link("ovs-system", "openvswitch"),
          link("eth1", master="ovs-system")], "br-ex"),
        ([link("v7", "vlan", link="bond0"), link("bond0", "bond"), link("br0", "bridge"),
          link("eth1", master="bond0")], "v7"),
        ([link("blue", "vrf"), link("eth1", master="blue")], "blue"),
    ],
)  # fmt: skip
def test_what_is_below_a_stacked_device_carries_it_too(links, on):
    assert carried([*links, link("eth2")], on=on).by("eth1") is True
    assert carried([*links, link("eth2")], on=on).by("eth2") is False


@pytest.mark.parametrize("kind", ["wireguard", "tun", "vxlan", "gre", "sit", "of next year"])
def test_the_way_of_a_tunnel_is_unknown(kind):
    found = carried([link("wg0", kind), link("eth1")], on="wg0")
    assert found.by("eth1") is None and "wg0 is a tunnel" in found.unknown


@pytest.mark.parametrize(
    "found",
    [
        carrier.connection([], [], [], []),
        carried([link("eth0")], peer="127.0.0.1"),  # stunnel, a port that ssh forwards
        carried([link("eth0")], peer=OWN),
        carried([link("eth0")], own="10.0.0.77"),
        carried([link("eth0")], code=2),
        carried([link("lo")]),
    ],
)
def test_what_cannot_be_seen_is_unknown(found):
    assert found.unknown and found.by("eth1") is None


SOCKETS = """\
sshd 7 0: 0500000A:0016 0909090A:C350 01 00000000:00000000 00:00000000 00000000 0 0 7 1 0
sshd 8 1: 0500000A:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 8 1 0
sshd 9 2: 0500000A:0016 0909090A:C351 01 00000000:00000000 00:00000000 00000000 9 0 12 1 0
sshd-session 5 3: 0000000000000000FFFF00000500000A:0016 0000000000000000FFFF00000909090A:C350 01 0:0 0:0 0 0 0 5 1
supervisor 6 4: 0100007F:0016 0100007F:C350 01 00000000:00000000 00:00000000 00000000 0 0 6 1 0
"""  # fmt: skip


def test_sockets_are_read_as_the_kernel_prints_them():
    found = carrier.peers(Answer("", "", SOCKETS))
    assert found == [(ip_address(OWN), ip_address(PEER))] * 2  # not what started the server


def test_the_sockets_of_another_server_tell_nothing():
    assert carrier.peers(Answer("", "", SOCKETS.replace("sshd", "tailscaled"))) == []


# ── default routes ────────────────────────────────────────────────────────────────────────────

LINKS = [link("eth0"), link("eth1"), link("br0", "bridge"), link("eth2", master="br0")]


@pytest.mark.parametrize(
    ("route", "by"),
    [
        ({"dev": "eth1"}, "eth1"),
        ({"dev": "eth1", "table": "100"}, "eth1"),
        ({"nexthops": [{"dev": "eth0"}, {"dev": "eth1"}]}, "eth1"),
        ({"dev": "br0"}, "eth2"),
    ],
)
def test_every_default_route_counts(route, by):
    assert carrier.default([{"dst": "default", **route}], LINKS).by(by) is True


def test_one_that_leads_nowhere_carries_nothing_and_one_without_a_device_is_unknown():
    nowhere = {"dst": "default", "type": "unreachable", "dev": "lo"}
    assert carrier.default([nowhere], LINKS).by("eth1") is False
    assert carrier.default([{"dst": "default", "nhid": 3}], LINKS).by("eth1") is None
    assert carrier.default([{"dst": "10.0.0.0/8", "dev": "eth1"}], LINKS).by("eth1") is False


# ── answers ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (("", 255, 'Option "-j" is unknown, try "ip -help".'), 'failed: Option "-j" is unknown'),
        (("1: lo: <LOOPBACK,UP>", 0, ""), "gave no JSON, but '1: lo: <LOOPBACK,UP>'"),
        (("[" * 100_000, 0, ""), "gave no JSON, but '["),
        (('{"a": 1}', 0, ""), "gave no list of objects"),
        (("[1, 2]", 0, ""), "gave no list of objects"),
        (('[{"ifname": "lo"}]', 0, ""), "gave an entry without mtu"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_is_one_line(answer, says):
    with pytest.raises(OddAnswer) as told:
        Answer("gamma", "ip -j addr", *answer).entries("ifname", "mtu")
    assert str(told.value).startswith(f"host gamma: `ip -j addr` {says}")
    assert "\n" not in str(told.value) and len(str(told.value)) < 300


def test_empty_objects_and_no_output_are_nothing():
    assert Answer("", "", '[{}, {"ifname": "lo"}]').entries("ifname") == [{"ifname": "lo"}]
    assert Answer("", "", "\n").entries("ifname") == []

from dataclasses import replace

import pytest

from cniperf.errors import NotAble
from cniperf.hosts import ARTICLE_HOSTS, Pod
from cniperf.plan import make_plan
from cniperf.schemes import all_schemes
from cniperf.steps import SetFeatures, created_devices


def test_hosts_are_wired_towards_each_other():
    plan = make_plan("calico")
    assert "ip route add 172.28.1.0/24 via 192.168.20.43" in plan.a.script()
    assert "ip route add 172.28.0.0/24 via 192.168.20.42" in plan.b.script()


def test_each_vtep_knows_the_other_hosts_mac_not_its_own():
    plan = make_plan("flannel-vxlan")
    made = {
        side.host.name: next(s for s in side.steps if str(s).find("type vxlan") > 0)
        for side in plan
    }
    assert made["a"].address != made["b"].address
    for here, there in ("ab", "ba"):
        fdb = f"bridge fdb add {made[there].address} dst"
        assert fdb in {"a": plan.a, "b": plan.b}[here].script()


def test_undo_takes_changes_back_last_first():
    plan = make_plan("calico").a
    undo = [str(step) for step in plan.undo()]
    assert undo[0] == "ip route del 172.28.1.0/24 via 192.168.20.43"
    assert undo[-1] == "ip netns del pod-a"
    assert "ip link del calico-h" in undo


def test_a_device_handed_to_a_pod_is_taken_back_there():
    undo = [str(step) for step in make_plan("macvlan").a.undo()]
    assert undo == [
        "ip link set eth0 promisc off",
        "ip -n pod-a link del macvlan0",
        "ip netns del pod-a",
    ]


def test_on_a_plain_host_no_new_device_carries_packets_over_the_mtu():
    a, b = (replace(host, plain=True) for host in ARTICLE_HOSTS)
    plan = make_plan("canal", a, b).a
    told = {step.device for step in plan.steps if isinstance(step, SetFeatures)}
    assert told == {"canal-c", "canal-h", "flannel.1"}


def test_a_tunnels_pods_leave_room_for_the_outer_headers():
    jumbo = [replace(host, mtu=9000) for host in ARTICLE_HOSTS]
    assert make_plan("canal", *jumbo).a.endpoint.mtu == 8950
    assert make_plan("calico", *jumbo).a.endpoint.mtu == 9000


def test_a_userspace_datapath_gets_checksums_from_the_pod():
    netdev = [replace(host, ovs_datapath="netdev") for host in ARTICLE_HOSTS]
    assert "ethtool -K veth-c tx off" in make_plan("ovs", *netdev).a.script()
    assert "datapath_type=netdev" in make_plan("ovs", *netdev).a.script()
    assert "ethtool" not in make_plan("ovs").a.script()


def pods(count):
    """The article's hosts with so many pods each."""
    return [
        replace(host, pods=tuple(Pod(f"pod-{host.name}{n}", n) for n in range(1, count + 1)))
        for host in ARTICLE_HOSTS
    ]


@pytest.mark.parametrize("scheme", [name for name in all_schemes() if name != "hostnetwork"])
def test_no_two_pods_share_an_address_a_device_or_a_namespace(scheme):
    plan = make_plan(scheme, *pods(256))
    ends = [end for side in plan for end in side.endpoints]
    assert len({end.address for end in ends}) == len({end.netns for end in ends}) == 512
    for side in plan:
        made = [(step.netns, name) for step in side.steps for name in created_devices(step)]
        assert len(set(made)) == len(made) and max(len(name) for _, name in made) <= 15


@pytest.mark.parametrize("scheme", all_schemes())
def test_the_first_of_many_pods_is_wired_as_the_only_one(scheme):
    one, many = make_plan(scheme, *pods(1)), make_plan(scheme, *pods(3))
    for alone, first in zip(one, many, strict=True):
        assert alone.endpoint == first.endpoint
        assert set(map(str, alone.steps)) <= set(map(str, first.steps))


def test_after_sixty_four_pods_another_subnet_begins_and_has_its_route():
    plan = make_plan("calico", *pods(65)).a
    assert [plan.endpoints[n].address for n in (0, 63, 64)] == [
        "172.28.0.3", "172.28.0.66", "172.28.2.3",
    ]  # fmt: skip
    routes = [line for line in plan.script().splitlines() if "via 192.168.20.43" in line]
    assert [route.split()[3] for route in routes] == ["172.28.1.0/24", "172.28.3.0/24"]


@pytest.mark.parametrize("scheme", ["ovs-vxlan", "ovs-geneve"])
def test_a_tunnel_of_open_vswitch_is_refused_on_its_userspace_datapath(scheme):
    netdev = [replace(host, ovs_datapath="netdev") for host in ARTICLE_HOSTS]
    with pytest.raises(NotAble, match=f"{scheme} needs Open vSwitch's kernel datapath"):
        make_plan(scheme, *netdev)

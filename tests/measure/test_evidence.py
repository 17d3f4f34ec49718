"""Proof of path in real labs: the eight as they are, and each wire crossed that could fool us."""

import json
import os
import sys
from dataclasses import replace
from shutil import which

import pytest

from cniperf import cli
from cniperf.analysis.paths import hop, overhead, policy, underlay
from cniperf.beds.lab.bed import Lab
from cniperf.errors import CniperfError
from cniperf.hosts import Endpoint
from cniperf.ip import form
from cniperf.measure import evidence as module
from cniperf.measure.run import prove_path, run
from cniperf.params import Experiment
from cniperf.runs import load_runs
from cniperf.schemes import all_schemes, scheme_names

pytestmark = pytest.mark.lab

HOOKS = ("prerouting", "forward", "postrouting", "local")


@pytest.fixture(scope="module")
def proven():
    """The evidence of each scheme, counted once."""
    found = {}

    def of(scheme, ip=4):
        if (scheme, ip) not in found:
            found[scheme, ip] = prove_path(Experiment.of(scheme=scheme, ip=ip)).as_dict()
        return found[scheme, ip]

    return of


def command_line(monkeypatch, capsys, *argv):
    """Run cniperf as a person does; return its exit code and what it said."""
    monkeypatch.setattr(sys, "argv", ["cniperf", *argv])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out = capsys.readouterr()
    return end.value.code, out.out + out.err


@pytest.mark.parametrize("scheme", scheme_names())
def test_every_scheme_goes_the_way_it_declares(proven, scheme):
    said = proven(scheme)
    assert said["problem"] == "" and said["arrived"] == {"there": 100, "back": 100}
    for each in said["hops"]:
        if each["wants"] == "all" and each["kind"] != "flow":
            assert (each["there"], each["back"]) == (100, 100), each


SIX = [name for name, scheme in all_schemes().items() if 6 in scheme.ips and name != "cluster"]


@pytest.mark.parametrize("scheme", SIX)
def test_every_scheme_goes_the_same_way_in_ipv6(proven, scheme):
    """Hop by hop, with 20 bytes more in a tunnel: the outer header's."""
    four, six = proven(scheme), proven(scheme, ip=6)
    assert six["problem"] == "" and six["ip"] == 6 and ":" in six["pods"].get("a", ":")
    ways = [[(each["place"], each["name"], each["wants"], each["wrapped"])
             for each in said["hops"]] for said in (four, six)]  # fmt: skip
    assert ways[0] == ways[1]
    assert overhead(six) - overhead(four) == (20 if overhead(four) else 0)
    assert (underlay(six), policy(six)) == (underlay(four), policy(four))


WORDS = {  # of each further scheme: its overhead, what the underlay sees, whether a drop rule takes effect
    "ipvlan-l2": (0, "pods' IPs", "no"),
    "ipvlan-l3": (0, "pods' IPs", "no"),
    "calico-ipip": (20, "hosts only", "takes effect"),  # RFC 2003
    "calico-vxlan": (50, "hosts only", "takes effect"),
    # WireGuard's 60, and 12 that fill 1028 bytes up to a multiple of 16.
    "calico-wireguard": (72, "hosts only", "takes effect"),
    "ovs-vxlan": (50, "hosts only", "no"),
    "ovs-geneve": (50, "hosts only", "no"),  # RFC 8926, no options
    "docker-nat": (0, "pods' IPs", "takes effect"),  # host b's pods' alone
    "policy-1000": (0, "pods' IPs", "takes effect"),
    "policy-set-1000": (0, "pods' IPs", "takes effect"),
    "policy-established-1000": (0, "pods' IPs", "takes effect"),
    "policy-iptables-1000": (0, "pods' IPs", "takes effect"),
    "calico-ebpf": (0, "pods' IPs", "no"),
    "service-chain-10000": (0, "pods' IPs", "takes effect"),
    "service-map-10000": (0, "pods' IPs", "takes effect"),
}


@pytest.mark.parametrize("scheme", WORDS)
def test_what_follows_from_the_path_of_each_further_scheme(proven, scheme):
    said = proven(scheme)
    assert (overhead(said), underlay(said), policy(said)) == WORDS[scheme]


def test_no_packet_crosses_the_wire_with_the_address_of_a_pod_that_is_translated(proven):
    said = proven("docker-nat")
    assert {address for _, address in said["senders"]} == {"192.168.20.42", said["pods"]["b"]}


@pytest.mark.parametrize("scheme", ["macvlan", "ovs"])
def test_a_bypassed_stack_counts_nothing_while_eth0_carries_all(proven, scheme):
    said = proven(scheme)
    for host in "ab":
        assert [hop(said, host, hook)["there"] for hook in HOOKS] == [0, 0, 0, 0]
        assert hop(said, host, "eth0")["there"] == 100 == hop(said, host, "eth0")["back"]
    assert underlay(said) == "pods' MACs" and policy(said) == "no"


@pytest.mark.parametrize("scheme", ["calico", "flannel-hostgw"])
def test_a_routed_pod_passes_the_forward_hook_packet_by_packet(proven, scheme):
    said = proven(scheme)
    assert hop(said, "a", "forward")["there"] == 100 == hop(said, "b", "forward")["back"]
    assert underlay(said) == "pods' IPs" and overhead(said) == 0
    assert policy(said) == "takes effect" and said["policy"] == {
        "sent": 20,
        "dropped": 20,
        "arrived": 0,
    }


@pytest.mark.parametrize("scheme", ["flannel-vxlan", "canal"])
def test_a_tunnel_wraps_each_packet_that_it_is_given(proven, scheme):
    said = proven(scheme)
    given = hop(said, "a", "flannel.1")
    wire = next(h for h in said["hops"] if h["name"] == "port-a" and h["wrapped"])
    assert (given["there"], given["back"]) == (wire["there"], wire["back"]) == (100, 100)
    assert overhead(said) == 50  # RFC 7348
    assert underlay(said) == "hosts only" and policy(said) == "takes effect"


# nft of a kernel before 5.16.
NO_EGRESS = """#!/bin/sh
for last; do :; done
[ "$last" = - ] || exec {real} "$@"
text=$(cat)
case $text in *"hook egress"*) echo "Operation not supported" >&2; exit 1;; esac
printf '%s\\n' "$text" | exec {real} "$@"
"""


RULES = [(name, 4) for name in scheme_names() if name != "calico-ebpf"]
RULES += [(name, 6) for name in ("hostnetwork", "flannel-vxlan", "calico-wireguard", "docker-nat")]


@pytest.mark.parametrize(("scheme", "ip"), RULES)
def test_packet_sockets_count_what_rules_of_nft_do(proven, scheme, ip, tmp_path, monkeypatch):
    """To the packet, its bytes and its sender, inside tunnels, too."""
    by_rules = proven(scheme, ip)
    nft = tmp_path / "nft"
    nft.write_text(NO_EGRESS.replace("{real}", which("nft")))
    nft.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    by_sockets = prove_path(Experiment.of(scheme=scheme, ip=ip)).as_dict()
    assert (by_rules["counted_by"], by_sockets["counted_by"]) == ("rules", "sockets")
    exact = [[each for each in said["hops"] if each["kind"] != "flow"]
             for said in (by_rules, by_sockets)]  # fmt: skip
    assert exact[0] == exact[1] and by_rules["policy"] == by_sockets["policy"]
    assert [{address for _, address in said["senders"]} for said in (by_rules, by_sockets)] == [
        {address for _, address in by_rules["senders"]}
    ] * 2
    assert len(by_sockets["senders"]) == len(by_rules["senders"]) and by_sockets["problem"] == ""


def in_lab(monkeypatch, sabotage):
    """Do something to the lab after it is wired."""
    wire = Lab.apply

    def apply(self, plan, **by):
        wire(self, plan, **by)
        sabotage(self)

    monkeypatch.setattr(Lab, "apply", apply)


def do(place, *argv):
    return lambda lab: lab.command(place, argv)


def normal_instead_of_flows(lab):
    lab.command("a", ["ovs-ofctl", "del-flows", "br-int"])
    lab.command("a", ["ovs-ofctl", "add-flow", "br-int", "actions=NORMAL"])


CROSSED = {
    "the translation is missing": (
        "docker-nat", do("a", "nft", "flush chain ip cniperf_nat postrouting"),
        "a:eth0 saw 0 of the 100 packets that a:postrouting saw",
    ),
    "the program at the pod is gone": (
        "calico-ebpf", do("a", "tc", "qdisc", "del", "dev", "calico-h", "clsact"),
        "a:prerouting saw packets that must not pass there",
    ),
    "the program at the NIC is gone": (
        "calico-ebpf", do("b", "tc", "qdisc", "del", "dev", "eth0", "clsact"),
        "b:calico-h saw packets that must not pass there",
    ),
    "the service leads to no pod": (
        "service-map-10", do("a", "nft", "flush chain ip cniperf_services service1"),
        "a:forward saw 0 of the 100 packets that a:prerouting saw",
    ),
    "the service leads to another pod": (
        "service-chain-10",
        do("a", "nft", "flush chain ip cniperf_services service1; add rule ip cniperf_services "
           "service1 dnat to 172.28.1.99"),
        "a:forward saw 0 of the 100 packets that a:prerouting saw",
    ),
    "the FDB entry is missing": (
        "flannel-vxlan", do("a", "bridge", "fdb", "del", "8e:09:f3:4f:94:34", "dev", "flannel.1"),
        "a:eth0 (in VXLAN) saw 0",
    ),
    "the peer's FDB entry is missing": (
        "canal", do("b", "bridge", "fdb", "del", "2a:33:36:9b:2f:28", "dev", "flannel.1"),
        "b:eth0 (in VXLAN) saw 0",
    ),
    "the route leads past the tunnel": (
        "flannel-vxlan", do("a", "ip", "route", "replace", "10.5.47.0/24", "via", "192.168.20.43"),
        "a:flannel.1 saw 0 of the 100 packets that a:postrouting saw; "
        "they were seen at a:eth0, wire:port-a",
    ),
    "the route leads past encryption": (
        "calico-wireguard",
        do("a", "ip", "route", "replace", "172.28.1.0/24", "via", "192.168.20.43"),
        "a:wireguard.cali saw 0 of the 100 packets that a:postrouting saw; "
        "they were seen at a:eth0, wire:port-a",
    ),
    "the route leads back to the pod": (
        "calico", do("a", "ip", "route", "replace", "172.28.1.0/24", "dev", "calico-h"),
        "a:eth0 saw 0",
    ),
    "Open vSwitch forwards without the flows": (
        "ovs", normal_instead_of_flows, "a:br-int saw 0 of the 100 packets that a:veth-ovs saw",
    ),
    "the translation is missing in IPv6": (
        "docker-nat --ip 6", do("a", "nft", "flush chain ip6 cniperf_nat postrouting"),
        "a:eth0 saw 0 of the 100 packets that a:postrouting saw",
    ),
    "the route leads past the tunnel in IPv6": (
        "flannel-vxlan --ip 6",
        do("a", "ip", "route", "replace", form("10.5.47.0/24", 6),
           "via", form("192.168.20.43", 6)),
        "a:flannel.1 saw 0 of the 100 packets that a:postrouting saw; "
        "they were seen at a:eth0, wire:port-a",
    ),
    "the pod has no gateway in IPv6": (
        "calico --ip 6", do("a", "ip", "addr", "del", "fe80::1/64", "dev", "calico-h"),
        "pod-a:calico-c saw 0 of the 100 packets that pod a sent",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("scheme", "sabotage", "named"), CROSSED.values(), ids=CROSSED)
def test_a_crossed_wire_is_named(monkeypatch, capsys, scheme, sabotage, named):
    in_lab(monkeypatch, sabotage)
    code, said = command_line(monkeypatch, capsys, "prove", *scheme.split())
    assert code == 1 and named in said and "NOT proven" in said
    assert "Traceback" not in said


def test_a_pod_on_hostnetwork_is_named(monkeypatch, capsys):
    def on_the_host(plan):
        a, b = (
            replace(side, endpoints=(Endpoint(None, side.host.address, "eth0", 1500),))
            for side in plan
        )
        return replace(plan, a=a, b=b)

    look = module.prove
    monkeypatch.setattr("cniperf.measure.run.prove", lambda bed, plan: look(bed, on_the_host(plan)))
    code, said = command_line(monkeypatch, capsys, "prove", "calico")
    assert code == 1
    assert "pod-a:calico-c saw 0 of the 100 packets that pod a sent" in said


def test_a_run_on_another_path_has_no_figure(monkeypatch, tmp_path):
    in_lab(monkeypatch, CROSSED["the route leads past the tunnel"][1])
    with pytest.raises(CniperfError, match=r"flannel\.1 saw 0"):
        run(Experiment.of(scheme="flannel-vxlan", duration=1, omit=0, data_dir=tmp_path))
    (row,) = load_runs(tmp_path).to_dict("records")
    assert row["status"] == "failed" and "flannel.1 saw 0" in row["error"]
    assert row["gbps"] != row["gbps"]
    (file,) = tmp_path.glob("*/evidence.json")
    assert json.loads(file.read_text())["problem"] == row["error"]


def test_nothing_that_counts_is_left_for_the_load(monkeypatch):
    left = []
    look = module.prove

    def and_after(bed, plan):
        found = look(bed, plan)
        left.extend(bed.command(place, ["nft", "list", "ruleset"])
                    for place in ("pod-a", "a", "wire", "b", "pod-b"))  # fmt: skip
        return found

    monkeypatch.setattr("cniperf.measure.run.prove", and_after)
    assert prove_path(Experiment.of(scheme="canal")).problem == ""
    assert left == [""] * 5


@pytest.mark.parametrize("scheme", ["canal", "ovs"])
@pytest.mark.parametrize("mtu", [576, 9000])
def test_the_probe_fits_every_mtu(scheme, mtu):
    assert prove_path(Experiment.of(scheme=scheme, mtu=mtu)).problem == ""

"""The lab in the kernel itself: what plans become there, and that nothing of it stays."""

import json
import re
import secrets
import subprocess

import pytest
from conftest import cannot_here

from cniperf.beds.lab import steering
from cniperf.beds.lab.bed import Lab
from cniperf.beds.lab.blueprint import Names
from cniperf.beds.lab.device_kinds import device_kinds
from cniperf.beds.privilege import is_rootless
from cniperf.cli.verbs import app
from cniperf.errors import Busy, StepFailed
from cniperf.plan import make_plan
from cniperf.schemes import all_schemes
from cniperf.steps import KEEP_WINDOW, AddVxlan

pytestmark = pytest.mark.lab
every_scheme = pytest.mark.parametrize("scheme", list(all_schemes().values()), ids=lambda s: s.name)

# What differs between two labs without the wiring being different.
TICKING = re.compile(
    r"index|timer|bridge_id|root_id|designated|netnsid|operstate|max_elected|link$"
)


def inside(lab, host, *argv, netns=None):
    applier = lab._appliers[host]
    return subprocess.check_output(applier.enter(argv, netns), text=True, env=applier.environ)


def state(lab, scheme, ip=4):
    """What the kernel and Open vSwitch say of both hosts and their pods, names and MACs evened."""
    vteps = {
        step.address
        for side in make_plan(scheme)
        for step in side.steps
        if isinstance(step, AddVxlan)
    }
    found = {}
    for host in "ab":
        for netns in (None, lab.names.pod(host) if scheme.name != "hostnetwork" else None):
            place = found.setdefault(f"{host} {'pod' if netns else 'host'}", {})
            for words in ("-d link", "addr", "route show table all", "neigh show nud permanent"):
                said = inside(lab, host, "ip", f"-{ip}" if words != "-d link" else "-0", "-j",
                              *words.split(), netns=netns)  # fmt: skip
                own = without_the_kernels(without_fallback(json.loads(said or "[]")))
                place[words] = even(own, lab, vteps)
            fdb = json.loads(inside(lab, host, "bridge", "-j", "-d", "fdb", netns=netns) or "[]")
            place["fdb"] = even([e for e in fdb if e["mac"] in vteps], lab, vteps)
            proxies = inside(lab, host, "sysctl", "-a", "-r", "proxy_(arp|delay)$", netns=netns)
            place["proxy_arp"] = even(proxies.splitlines(), lab, ())
        if "wg" in scheme.tools:
            found[f"{host} wg"] = inside(lab, host, "wg", "showconf", "wireguard.cali")
        found[f"{host} rules"] = inside(lab, host, "nft", "list", "ruleset")
        if scheme.ovs:
            flows = inside(lab, host, "ovs-ofctl", "--no-stats", "dump-flows", "br-int")
            ports = inside(
                lab, host, "ovs-vsctl", "--columns=name,ofport,type,options", "list", "Interface"
            )
            bridge = inside(lab, host, "ovs-vsctl", "--columns=name,fail_mode,datapath_type", "list", "Bridge")  # fmt: skip
            found[f"{host} ovs"] = (sorted(flows.splitlines()), sorted(ports.splitlines()), bridge)
    return found


def without_fallback(found):
    """The module of IP in IP gives every namespace a device of its own as soon as it is loaded."""
    return [entry for entry in found if entry.get("ifname") != "tunl0"]


def without_the_kernels(found):
    """The kernel makes link-local addresses of MAC addresses, which are drawn at random."""
    for entry in found:
        if "addr_info" in entry:
            entry["addr_info"] = [each for each in entry["addr_info"] if not drawn(each["local"])]
    return [entry for entry in found if not drawn(entry.get("dst", ""))]


def drawn(address):
    return address.startswith("fe80:") and address not in ("fe80::1", "fe80::/64")


def even(value, lab, kept):
    if isinstance(value, list):
        return sorted((even(entry, lab, kept) for entry in value), key=str)
    if isinstance(value, dict):
        return {k: even(v, lab, kept) for k, v in value.items() if not TICKING.search(k)}
    if isinstance(value, str):
        value = re.sub(r"\bveth[0-9a-f]{8}\b", "VETH", value.replace(lab.names.lab, "LAB"))
        if re.fullmatch(r"(\w\w:){5}\w\w", value) and value not in {*kept, "ff:ff:ff:ff:ff:ff"}:
            return "MAC"
    return value


@pytest.mark.parametrize("ip", [4, 6])
@pytest.mark.parametrize("udpcsum", [False, True])
@every_scheme
def test_netlink_and_commands_wire_the_same(scheme, udpcsum, ip):
    if (udpcsum and not {"vxlan", "geneve"} & set(scheme.devices)) or ip not in scheme.ips:
        return  # the knob is theirs
    states = []
    for by in ("netlink", "argv"):
        with Lab(ovs=scheme.ovs, udpcsum=udpcsum, ip=ip) as lab:
            plan = make_plan(scheme, *lab.hosts)
            lab.apply(plan, by=by)
            states.append(state(lab, scheme, ip))
    assert states[0] == states[1]
    if scheme.name != "hostnetwork":
        assert len(states[0]["a pod"]["-d link"]) == 2  # lo and the pod's own


@every_scheme
@pytest.mark.parametrize("by", ["netlink", "argv"])
def test_undo_leaves_the_hosts_as_they_were(scheme, by):
    def hosts():
        return [
            even(
                without_fallback(json.loads(inside(lab, host, "ip", "-j", "-d", *words) or "[]")),
                lab,
                (),
            )
            for host in "ab"
            for words in (["link"], ["-4", "addr"], ["-4", "route", "show", "table", "all"])
        ]

    with Lab(ovs=scheme.ovs) as lab:
        before = list(hosts())
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan, by=by)
        lab.undo(plan, by=by)
        after = hosts()
        assert without_ovs_system(after) == without_ovs_system(before)
        assert not any(inside(lab, host, "nft", "list", "ruleset") for host in "ab")
        if by == "netlink":
            lab.undo(plan)  # taking back what is gone already is no error


def without_ovs_system(found):
    """Open vSwitch keeps its datapath's own device until its daemon ends."""
    return [
        [e for e in part if e.get("ifname") not in ("ovs-system", "ovs-netdev")] for part in found
    ]


@every_scheme
def test_the_printed_plan_runs_as_printed_and_its_pods_reach_each_other(scheme, capsys):
    """`cniperf plan SCHEME`, pasted into shells of two namespaces prepared like the lab's hosts."""
    with Lab(ovs=scheme.ovs) as lab:
        words = ["plan", scheme.name, "--ovs-datapath", lab.hosts[0].ovs_datapath]

        def paste(host, *undo):
            app([*words, "--host", host, *undo], standalone_mode=False)
            applier = lab._appliers[host]
            shell = applier.enter(["sh", "-e"])
            script = capsys.readouterr().out
            assert script
            subprocess.run(shell, input=script, text=True, check=True, env=applier.environ)

        plan = make_plan(scheme)
        try:
            for host in "ab":
                paste(host)
            a, b = plan.a.endpoint, plan.b.endpoint
            server = subprocess.Popen(
                lab._appliers["b"].enter(["iperf3", "-s", "-1"], b.netns), stdout=subprocess.DEVNULL
            )
            try:
                load = ["sh", "-c", 'until iperf3 -c "$0" -n 1M; do sleep 0.1; done', b.address]
                subprocess.run(
                    lab._appliers["a"].enter(load, a.netns),
                    check=True,
                    timeout=20,
                    capture_output=True,
                )
                assert server.wait(10) == 0
            finally:
                server.kill()
                server.wait()
        finally:
            for host in "ab":
                paste(host, "--undo")


@pytest.mark.parametrize(
    ("nic", "segmentation", "tunnel"),
    [("virtio", "on", "off"), ("offload", "on", "on"), ("plain", "off", "off")],
)
def test_the_nic_is_what_it_is_said_to_be(nic, segmentation, tunnel):
    with Lab(nic=nic) as lab:
        said = inside(lab, "a", "ethtool", "-k", "eth0")
        assert f"tcp-segmentation-offload: {segmentation}" in said
        assert f"tx-udp_tnl-segmentation: {tunnel if nic != 'plain' else 'on'}" in said
        assert f"generic-receive-offload: {'off'}" in said or nic != "plain"
        assert lab.facts()["offloads"]["a"]["tcp-segmentation-offload"] == (segmentation == "on")


def test_each_host_keeps_to_its_own_cpus():
    with Lab() as lab:
        for host in lab.hosts:
            output = lab._rundir.with_suffix(f".{host.name}")
            lab.start(
                host, None, ["sh", "-c", "grep Cpus_allowed_list /proc/self/status"], output
            ).wait()
            (owned,) = lab.cpus[host.name]
            assert output.read_text().split() == ["Cpus_allowed_list:", str(owned)]
            output.unlink()
            file = "/sys/class/net/eth0/queues/rx-0/rps_cpus"
            mask = subprocess.check_output(
                ["ip", "netns", "exec", lab.names.host(host.name), "cat", file]
            )
            assert int(mask, 16) == 1 << owned


def test_an_older_kernel_is_steered_by_the_devices_own_files(monkeypatch, tmp_path):
    monkeypatch.setattr(steering, "FILE", tmp_path / "none")
    if not steering.steered():
        cannot_here("only root may write a device's rps_cpus", kernel=True)
    with Lab(bare=True) as lab:
        for place, device, owner in [("a", "eth0", "a"), ("wire", "port-a", "a"), ("b", "eth1", "b"),
                                     ("wire", "bare-b", "b")]:  # fmt: skip
            argv = ["ip", "netns", "exec", lab.namespace(place), "cat",
                    f"/sys/class/net/{device}/queues/rx-0/rps_cpus"]  # fmt: skip
            mask = subprocess.check_output(argv, text=True).strip()
            assert int(mask.replace(",", ""), 16) == sum(1 << cpu for cpu in lab.cpus[owner])


def test_over_a_rest_tcp_keeps_its_window_wherever_a_turn_is_taken():
    with Lab(bare=True) as lab:
        plan = make_plan("calico", *lab.hosts)
        lab.apply(plan)
        assert lab.bare(plan)
        ends = [(host, netns) for host in "ab" for netns in (None, lab.names.pod(host))]
        kept = [inside(lab, host, "sysctl", "-n", KEEP_WINDOW, netns=netns).strip()
                for host, netns in ends]  # fmt: skip
    assert kept == ["0"] * 4


def test_the_wires_mtu_is_the_one_asked_for():
    with Lab(mtu=9000) as lab:
        (link,) = json.loads(inside(lab, "a", "ip", "-j", "link", "show", "eth0"))
        assert link["mtu"] == 9000


def test_no_packet_has_a_way_out_of_the_lab():
    """The wire's namespace has the two ports and the bridge, no more; hosts see only the wire."""
    with Lab() as lab:
        wire = subprocess.check_output(["ip", "-n", lab.names.wire, "-j", "link"])
        links = without_fallback(json.loads(wire))
        assert {link["ifname"] for link in links} == {"lo", "br0", "port-a", "port-b"}
        hosts = without_fallback(json.loads(inside(lab, "a", "ip", "-j", "link")))
        assert {link["ifname"] for link in hosts} == {"lo", "eth0"}


def test_a_refused_step_names_host_command_and_the_kernels_reason():
    with Lab() as lab:
        plan = make_plan("calico", *lab.hosts)
        lab.apply(plan)
        with pytest.raises(StepFailed) as problem:
            lab.apply(plan)
        assert problem.value.host == "a"
        assert problem.value.command.startswith("ip netns add")
        assert "File exists" in problem.value.reason
        assert "\n" not in str(problem.value)


def test_what_stands_in_the_way_is_named_and_left_alone(monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda size: "test")
    name = Names("test").pod("a")
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        with pytest.raises(Busy, match=f"{name} already exists"), Lab():
            pass
        assert name in subprocess.check_output(["ip", "netns"], text=True)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def test_a_kind_of_device_that_the_kernel_lacks_is_found():
    assert device_kinds({"veth", "bridge", "macvlan", "vxlan", "nosuchkind"}).keys() == {
        "nosuchkind"
    }


@pytest.mark.parametrize("gro", ["on", "off"])
def test_gro_is_what_was_asked_for(gro):
    with Lab(gro=gro) as lab:
        for host in lab.facts()["offloads"].values():
            assert host["generic-receive-offload"] == (gro == "on")


def test_the_outer_checksum_is_what_was_asked_for():
    for udpcsum in (False, True):
        with Lab(udpcsum=udpcsum) as lab:
            lab.apply(make_plan("canal", *lab.hosts))
            link = json.loads(inside(lab, "a", "ip", "-j", "-d", "link", "show", "flannel.1"))
            assert link[0]["linkinfo"]["info_data"]["udp_csum"] is udpcsum


def test_the_outer_checksum_is_what_was_asked_for_in_ipv6():
    for udpcsum in (False, True):
        with Lab(udpcsum=udpcsum, ip=6) as lab:
            lab.apply(make_plan("canal", *lab.hosts))
            link = json.loads(inside(lab, "a", "ip", "-j", "-d", "link", "show", "flannel.1"))
            data = link[0]["linkinfo"]["info_data"]
            assert [data[f"udp_zero_csum6_{way}"] for way in ("tx", "rx")] == [not udpcsum] * 2


@pytest.mark.parametrize("by", ["netlink", "argv"])
def test_devices_carry_segments_as_large_as_the_nic_and_tunnels_do_not(by):
    with Lab(nic="big-128k", ip=6) as lab:
        lab.apply(make_plan("flannel-vxlan", *lab.hosts), by=by)
        links = [(host, netns) for host in "ab" for netns in (None, lab.names.pod(host))]
        sizes = {
            link["ifname"]: {link["gso_max_size"], link["gro_max_size"]}
            for host, netns in links
            for link in json.loads(inside(lab, host, "ip", "-j", "-d", "link", netns=netns))
        }
    assert [sizes[name] for name in ("eth0", "docker0", "flannel-h", "flannel-c")] == [
        {128 << 10}
    ] * 4
    assert sizes["flannel.1"] == {1 << 16}


@pytest.mark.parametrize(("nic", "largest"), [("offload", 1 << 16), ("big-192k", 192 << 10)])
def test_the_wire_carries_segments_as_large_as_the_nic_allows(nic, largest):
    """Seen by tcpdump, in a pod whose packets no host routes."""
    with Lab(nic=nic, ip=6) as lab:
        plan = make_plan("calico-ebpf" if not is_rootless() else "macvlan", *lab.hosts)
        lab.apply(plan)
        a, b = plan.a.endpoint, plan.b.endpoint
        server = subprocess.Popen(
            lab._appliers["b"].enter(["iperf3", "-s", "-1"], b.netns), stdout=subprocess.DEVNULL
        )
        watch = subprocess.Popen(
            lab._appliers["a"].enter(["timeout", "20", "tcpdump", "-nqtl", "-i", "eth0",
                                      "src", "host", a.address]),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert "listening" in watch.stderr.readline() + watch.stderr.readline()
            load = ["sh", "-c", 'until iperf3 -c "$0" -n 500M; do sleep 0.1; done', b.address]
            subprocess.run(lab._appliers["a"].enter(load, a.netns), check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        finally:
            watch.terminate()
            seen = watch.communicate()[0]
            server.terminate()
            server.wait()
    lengths = [int(found) for found in re.findall(r"tcp (\d+)$", seen, re.MULTILINE)]
    assert 0.5 * largest < max(lengths) <= largest


@pytest.mark.parametrize("ip", [4, 6])
def test_policies_have_their_thousand_rules_each_in_its_own_way(ip):
    found = {}
    for name in ("policy-1000", "policy-set-1000", "policy-established-1000"):
        with Lab(ip=ip) as lab:
            lab.apply(make_plan(name, *lab.hosts))
            said = json.loads(inside(lab, "b", "nft", "-j", "list", "ruleset"))["nftables"]
        rules = [json.dumps(entry["rule"]["expr"]) for entry in said if "rule" in entry]
        sets = [len(entry["set"]["elem"]) for entry in said if "set" in entry]
        drops = [rule for rule in rules if '"drop": null' in rule]
        found[name] = len(rules), len(set(drops)), sets
        if "established" in name:
            assert '"established"' in rules[0] and '"accept": null' in rules[0]
        if "set" in name:
            assert "@unasked" in drops[0]
    assert found == {
        "policy-1000": (1000, 1000, []),
        "policy-set-1000": (1, 1, [1000]),
        "policy-established-1000": (1001, 1000, []),
    }


@pytest.mark.parametrize("ip", [4, 6])
def test_a_policy_of_iptables_has_its_thousand_rules_and_takes_its_table_back(ip):
    family, save = ("ip", "iptables-save") if ip == 4 else ("ip6", "ip6tables-save")
    with Lab(ip=ip) as lab:
        plan = make_plan("policy-iptables-1000", *lab.hosts)
        lab.apply(plan)
        rules = re.findall(
            r"^-A cniperf-policy -s \S+ -j DROP$", inside(lab, "b", save), re.MULTILINE
        )
        assert len(set(rules)) == len(rules) == 1000
        lab.undo(plan)
        assert f"table {family} filter" not in inside(lab, "b", "nft", "list", "tables")
        for command in ("-N theirs", "-P FORWARD DROP"):  # somebody else's by now: it stays
            lab.apply(plan)
            inside(lab, "b", save.removesuffix("-save"), *command.split())
            lab.undo(plan)
            left = inside(lab, "b", save)
            assert "cniperf" not in left and f"{command[-4:]}" in left
            inside(lab, "b", "nft", "delete", "table", family, "filter")


def test_the_wire_filters_nothing_whatever_the_machine_does_with_bridged_packets():
    with Lab() as lab:
        key = "net.bridge.bridge-nf-call-iptables"
        in_wire = ["ip", "netns", "exec", lab.names.wire, "sysctl", "-en", key]
        assert subprocess.check_output(in_wire, text=True).strip() in ("0", "")
        assert set(lab.facts()["bridge_netfilter"]) == {"a", "b"}

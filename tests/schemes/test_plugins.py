"""The CNI plugins themselves: what they wire beside what we wire by hand, and any network."""

import json
import re

import pytest

from cniperf.analysis.loss import loss_table
from cniperf.beds.command import run
from cniperf.beds.lab.bed import Lab
from cniperf.conflist import read
from cniperf.errors import NotAble, StepFailed
from cniperf.measure.evidence import greet_others, prove
from cniperf.measure.run import check, prove_path
from cniperf.measure.run import run as measure
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.runs import load_runs

pytestmark = pytest.mark.lab

# What differs between any two labs, or is a name.
ANY = {"ifindex", "ifname", "address", "link", "link_index", "link_netnsid", "link_netns",
       "broadcast", "master", "bridge_id", "root_id", "stats", "stats64", "addr_info"}  # fmt: skip
TIMERS = re.compile(r"timer$|^(ageing|topology_change|root_port|root_path)")
TWINS = (("macvlan", "cni-macvlan"), ("flannel-hostgw", "cni-bridge"), ("calico", "cni-ptp"))

# What docs/schemes.md says of each: a device, what is said of it, ours and theirs.
DIFFERENT = {
    "cni-macvlan": {
        ("pod", "txqlen", "1000", "None"),
        ("eth0", "promiscuity", "2", "1"),
        ("eth0", "flags", "BROADCAST LOWER_UP MULTICAST PROMISC UP", "BROADCAST LOWER_UP MULTICAST UP"),
    },
    "cni-bridge": {("pod", "txqlen", "1000", "None"), ("veth", "txqlen", "1000", "None")},
    "cni-ptp": {
        ("pod", "txqlen", "1000", "None"),
        ("veth", "txqlen", "1000", "None"),
        ("veth", "addresses", "0", "1"),
    },
}  # fmt: skip


def words(value):
    return " ".join(sorted(map(str, value))) if isinstance(value, list) else str(value)


def flat(facts, prefix=""):
    for key, value in facts.items():
        if key in ANY or TIMERS.search(key):
            continue
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", words(value)


def devices(netns, pod):
    """What the kernel says of each device, by its part: the pod's, the veth's other end, others."""
    found = {}
    for link in json.loads(run(["ip", "-n", netns, "-j", "-d", "addr"])):
        kind = link.get("linkinfo", {}).get("info_kind", "")
        if link["ifname"] in ("lo", "eth1"):  # the latter is hostnetwork's own NIC
            continue
        part = "pod" if pod else link["ifname"] if link["ifname"] == "eth0" else kind
        facts = dict(flat(link))
        if kind == "bridge":  # it goes from unknown to up with its first port's traffic
            facts.pop("operstate")
        own = [one for one in link["addr_info"] if one["family"] == "inet"]
        found[part] = {**facts, "addresses": str(len(own))}
    return found


def wired(scheme):
    with Lab() as lab:
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan)
        assert prove(lab, plan).problem == ""
        host = plan.a.host
        return devices(lab.names.host("a"), False) | devices(host.pods[0].netns, True)


@pytest.mark.parametrize(("ours", "theirs"), TWINS)
def test_the_plugins_wire_what_we_wire_by_hand(ours, theirs):
    mine, other = wired(ours), wired(theirs)
    assert mine.keys() == other.keys()
    found = {
        (part, key, mine[part].get(key, "None"), other[part].get(key, "None"))
        for part in mine
        for key in mine[part].keys() | other[part].keys()
        if mine[part].get(key) != other[part].get(key)
    }
    assert found == DIFFERENT[theirs]


CHAIN = {
    "cniVersion": "1.0.0", "name": "mynet",
    "plugins": [
        {"type": "bridge", "bridge": "mynet0", "isGateway": True, "hairpinMode": True,
         "ipam": {"type": "host-local", "subnet": "10.1.0.0/16", "routes": [{"dst": "0.0.0.0/0"}]}},
        {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}  # fmt: skip
# The examples of the CNI specification 1.0 (section 1), with a type that is here.
SPEC = """{"cniVersion": "1.0.0", "name": "dbnet", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "keyA": ["some more", "plugin specific"],
   "ipam": {"type": "host-local", "subnet": "10.1.0.0/16", "gateway": "10.1.0.1",
            "routes": [{"dst": "0.0.0.0/0"}]},
   "dns": {"nameservers": ["10.1.0.1"]}},
  {"type": "tuning", "capabilities": {"mac": true}, "sysctl": {"net.core.somaxconn": "500"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}"""
MASQUERADES = {"cniVersion": "0.4.0", "name": "masq", "type": "ptp", "ipMasq": True, "mtu": 1400,
               "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]]}}  # fmt: skip


@pytest.mark.parametrize("text", [json.dumps(CHAIN), SPEC, json.dumps(MASQUERADES)])
def test_a_users_own_network_is_measured_and_proven(text, tmp_path):
    file = tmp_path / "10-mynet.conflist"
    file.write_text(text)
    asked = Experiment.of(scheme="cni", config=str(file), duration=1, data_dir=tmp_path / "data")
    measure(asked)
    runs = load_runs(tmp_path / "data")
    assert runs["status"].tolist() == ["ok"]
    assert runs["config"][0].startswith(read(text).name + " (")
    assert runs["pod_mtu"][0] == read(text).mtu(1500)
    assert "cni" in loss_table(runs).index


def test_several_pods_of_a_network():
    with Lab(pairs=3, cni=read(json.dumps(CHAIN))) as lab:
        plan = make_plan("cni", *lab.hosts)
        lab.apply(plan)
        assert prove(lab, plan).problem == ""
        greet_others(lab, plan)


def test_a_network_that_is_taken_back_leaves_nothing():
    with Lab(cni=read(SPEC)) as lab:
        before = run(["ip", "-n", lab.names.host("a"), "-br", "link"])
        plan = make_plan("cni", *lab.hosts)
        lab.apply(plan)
        lab.undo(plan)
        assert run(["ip", "-n", lab.names.host("a"), "-br", "link"]) == before


def test_a_bridge_without_a_gateway_is_caught():
    plugins = [{**CHAIN["plugins"][0], "isGateway": False}]  # nothing routes for the pods
    text = json.dumps({**CHAIN, "plugins": plugins})
    found = prove_path(Experiment.of(scheme="cni", config=text), lambda line: None)
    assert found.problem and found.as_dict()["arrived"] == {"there": 0, "back": 0}


@pytest.mark.parametrize("scheme", ["cni-bridge", "cni-ptp"])
def test_a_plugin_that_translates_behind_its_configuration_is_caught(scheme):
    with Lab() as lab:
        plan = make_plan(scheme, *lab.hosts)
        lab.apply(plan)
        rules = "add table ip x; add chain ip x p { type nat hook postrouting priority 100; }; "
        run(["nsenter", f"--net=/run/netns/{lab.names.host('a')}", "nft",
             rules + "add rule ip x p oifname eth0 masquerade"])  # fmt: skip
        assert "eth0" in prove(lab, plan).problem


def test_a_plugins_own_error_reaches_the_user():
    plugins = [*CHAIN["plugins"], {"type": "tuning", "sysctl": {"net.no.such": "1"}}]
    with Lab(cni=read(json.dumps({**CHAIN, "plugins": plugins}))) as lab:
        plan = make_plan("cni", *lab.hosts)
        with pytest.raises(StepFailed) as problem:
            lab.apply(plan)
    said = str(problem.value)
    assert "CNI plugin tuning, ADD: {" in said and "no such file or directory" in said
    assert "\n" not in said and len(said) < 400


def test_a_plugin_that_is_not_there_is_named_before_anything_runs(tmp_path):
    asked = Experiment.of(scheme="cni", config=SPEC, cni_bin_dir=str(tmp_path))
    with pytest.raises(NotAble) as problem:
        check(asked)
    assert f"{tmp_path}/bridge, {tmp_path}/tuning, {tmp_path}/portmap" in str(problem.value)
    assert "--cni-bin-dir" in str(problem.value)

"""The SSH bed on real servers: one ``sshd`` in each of a lab's two hosts, reached by fabric."""

import json
import math
import os
import subprocess
import sys

import pytest

from cniperf.analysis.loss import conditions, loss_table
from cniperf.beds.ssh.bed import SshBed
from cniperf.beds.ssh.rehearsal import Rehearsal
from cniperf.errors import NotAble
from cniperf.hosts import Host
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.plan import Plan, make_plan
from cniperf.runs import load_evidence, load_runs
from cniperf.schemes import find, scheme_names

pytestmark = [pytest.mark.lab, pytest.mark.alone]

# ── all eight ─────────────────────────────────────────────────────────────────────────────────


# Those that differ from another one only by a number, or by which plugin is called.
ALIKE = {"policy-0", "policy-100", "policy-established-1000", "service-chain-10",
         "service-chain-10000", "service-map-10", "cni-ptp", "cni-macvlan"}  # fmt: skip


@pytest.mark.parametrize("scheme", [name for name in scheme_names() if name not in ALIKE])
def test_every_scheme_is_wired_proven_and_loaded(scheme, rehearsal, looks, tmp_path):
    asked = Experiment.of(scheme=scheme, bed="ssh", hosts=rehearsal.hosts, duration=1, omit=0,
                          data_dir=tmp_path)  # fmt: skip
    (folder,) = run(asked, lambda moment: None)
    row = load_runs(tmp_path).iloc[0]
    assert (row["bed"], row["nic"], row["status"]) == ("ssh", "own", "ok")
    assert row["gbps"] > 0.05
    assert row["cpu_a"] > 0 and row["cpu_per_gb_b"] > 0
    assert row["design"] == ("separate" if find(scheme).ovs else "interleaved")
    assert load_evidence(folder)["problem"] == ""
    record = json.loads((folder / "run.json").read_text())
    assert record["bed"]["machines"] == {"a": "alpha", "b": "beta"}
    assert record["environment"]["kernel"] == os.uname().release
    assert {"machines", "nics", "grace"} <= set(record["bed"])
    assert {"between", "allow_shared_nic", "grace"} <= set(record["params"])
    assert set(record["environment"]["hosts"]) == {"a", "b"}
    assert str(rehearsal.folder) not in (folder / "run.json").read_text()


@pytest.mark.parametrize(
    "more",
    [{"mode": "rr"}, {"mode": "crr"}, {"pairs": 3}, {"pairs": 8}, {"pairs": 8, "design": "separate"},
     {"direction": "reverse"}, {"generator": "iperf"}],
)  # fmt: skip
def test_other_loads_and_several_pods(more, rehearsal, looks, tmp_path):
    asked = Experiment.of(scheme="calico", bed="ssh", hosts=rehearsal.hosts, duration=1, omit=0,
                          data_dir=tmp_path, **more)  # fmt: skip
    run(asked, lambda moment: None)
    assert load_runs(tmp_path).iloc[0]["figure"] > 0


def segmentation(lab, state):
    """Let the hosts' NICs take packets larger than the MTU, or not."""
    for host in lab.hosts:
        lab.command(host.name, ["ethtool", "-K", host.nic, "tso", state, "gso", state])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_turns_know_the_loss_and_the_cpus_of_both_hosts(direction, rehearsal, looks, tmp_path):
    """Over a wire of 500 Mbit/s, which VXLAN's headers take 3.4 % of.

    Each packet is as large as the MTU: the wire counts too few headers of one of 64 KiB (62 bytes a
    segment, which has 66), and hostnetwork would get more than its share. The window is smaller than
    the wire's queue, so that nothing is dropped.
    """
    lab = rehearsal.lab
    wire = lab.namespace("wire")
    ports = [("tc", "-n", wire, "qdisc", verb, "dev", port, "root")
             for verb in ("add", "del") for port in lab.wire]  # fmt: skip
    rate = ("tbf", "rate", "500mbit", "burst", "32k", "latency", "10ms")
    asked = Experiment.of(scheme="flannel-vxlan", bed="ssh", hosts=rehearsal.hosts, slice=0.05,
                          window="128K", direction=direction, duration=5, rounds=3,
                          data_dir=tmp_path)  # fmt: skip
    for words in ports[:2]:
        subprocess.run([*words, *rate], check=True)
    try:
        segmentation(lab, "off")
        folders = run(asked, lambda moment: None)
    finally:
        segmentation(lab, "on")
        for words in ports[2:]:
            subprocess.run(words, check=True)
    found = [json.loads((each / "run.json").read_text())["summary"] for each in folders]
    # What counts device bytes in place of goodput reads 0 here.
    mean = sum(each["log_ratio"] for each in found) / len(found)
    assert 100 * (1 - math.exp(mean)) == pytest.approx(3.4, abs=1)
    for host in "ab":
        for each in found:
            assert 0 < each[f"base_cpu_per_gb_{host}"] < each[f"cpu_per_gb_{host}"] * 1.5


def test_a_second_interface_lets_open_vswitch_take_turns(rehearsal, looks, tmp_path):
    """In place of one: another address of the data interface would not do, as the bridge has it."""
    lab = rehearsal.lab
    entries = {name: rehearsal.entry(host) for host, name in (("a", "alpha"), ("b", "beta"))}
    with_second = {
        name: {**entry, "bare_nic": "eth9", "bare_address": f"192.168.29.{number}/24"}
        for number, (name, entry) in enumerate(entries.items(), 1)
    }
    rehearsal.write(with_second)
    a, b = (lab.namespace(name) for name in "ab")
    subprocess.run(["ip", "-n", a, "link", "add", "eth9", "type", "veth", "peer", "name", "eth9",
                    "netns", b], check=True)  # fmt: skip
    try:
        for netns, entry in zip((a, b), with_second.values(), strict=True):
            for words in (["addr", "add", entry["bare_address"], "dev", "eth9"],
                          ["link", "set", "eth9", "up"]):  # fmt: skip
                subprocess.run(["ip", "-n", netns, *words], check=True)
        asked = Experiment.of(scheme="ovs", bed="ssh", hosts=rehearsal.hosts, duration=2,
                              data_dir=tmp_path)  # fmt: skip
        (folder,) = run(asked, lambda moment: None)
    finally:
        subprocess.run(["ip", "-n", a, "link", "del", "eth9"], check=True)
    row = load_runs(tmp_path).iloc[0]
    assert (row["design"], row["status"]) == ("interleaved", "ok")
    facts = json.loads((folder / "run.json").read_text())["bed"]
    assert facts["bare_nic"] == "eth9" and facts["idle_restart"] is False


def test_an_address_that_is_in_use_on_a_host_is_not_taken(rehearsal, looks, tmp_path):
    """As Docker's bridges have them: the host's own packets would have gone to the pod."""
    rehearsal.write({"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")})
    enter = ["ip", "-n", rehearsal.lab.namespace("b")]
    subprocess.run([*enter, "link", "add", "own0", "type", "bridge"], check=True)
    subprocess.run([*enter, "addr", "add", "172.28.0.1/16", "dev", "own0"], check=True)
    asked = Experiment.of(scheme="calico", bed="ssh", hosts=rehearsal.hosts, data_dir=tmp_path)
    try:
        with pytest.raises(NotAble, match=r"host beta: own0 has 172\.28\.0\.1/16, which is in"):
            run(asked, lambda moment: None)
    finally:
        subprocess.run([*enter, "link", "del", "own0"], check=True)


def test_a_suite_names_the_schemes_that_take_no_turns(rehearsal, looks, tmp_path):
    rehearsal.write({"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")})
    command = [sys.executable, "-m", "cniperf", "suite", "calico", "ovs", "--bed", "ssh",
               "--hosts", rehearsal.hosts, "--rounds", "2", "--target", "0", "--duration", "1",
               "--data-dir", tmp_path / "data", "--out-dir", tmp_path / "out"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    assert "ovs and hostnetwork have separate runs, not turns" in done.stdout
    runs = load_runs(tmp_path / "data")
    assert runs.groupby(["design", "scheme"]).size().to_dict() == {
        ("interleaved", "calico"): 2, ("interleaved", "hostnetwork"): 2,
        ("separate", "hostnetwork"): 4, ("separate", "ovs"): 2,
    }  # fmt: skip
    losses = {scheme: loss for _, group in conditions(runs)
              for scheme, loss in loss_table(group)["loss"].items()}  # fmt: skip
    assert losses["ovs"] > losses["calico"] > 0


def test_the_same_devices_as_the_lab_makes(rehearsal, machines, looks):
    """Both beds on the same two hosts: addresses, links, routes, neighbours."""
    for scheme in ("macvlan", "calico", "flannel-vxlan", "canal"):
        lab = rehearsal.lab
        with SshBed(machines) as bed:
            plan = make_plan(scheme, *bed.hosts)
            bed.apply(plan)
            by_ssh = looks_like(rehearsal, plan)
        plan = make_plan(scheme, *[_as(host, plan) for host in lab.hosts])
        lab.apply(plan)
        by_netlink = looks_like(rehearsal, plan)
        lab.undo(plan)
        assert by_ssh == by_netlink, scheme


def _as(host: Host, plan: Plan) -> Host:
    pods = {side.host.name: side.host.pods for side in plan}
    return Host(**{**vars(host), "pods": pods[host.name], "ovs_datapath": "system"})


def looks_like(rehearsal, plan) -> list[object]:
    """What ``ip -j -d`` says of both hosts and their pods, less what is drawn anew each time."""
    found: list[object] = []
    for side in plan:
        for netns in (rehearsal.lab.namespace(side.host.name), side.endpoint.netns):
            for words in (["link"], ["addr"], ["route"], ["neigh", "show", "nud", "permanent"]):
                text = subprocess.check_output(["ip", "-n", netns, "-j", "-d", *words], text=True)
                found.append(_plain(json.loads(text or "[]"), "vxlan" in text))
    return found


DRAWN = {"ifindex", "link_index", "address", "link_netnsid", "ifi_index", "local6", "operstate",
         "valid_life_time", "preferred_life_time", "tentative", "bridge_id", "root_id",
         "gc_timer", "hello_timer", "tcn_timer", "topology_change_timer",
         "topology_change", "ageing_time", "designated_root", "designated_bridge",
         "hold_timer", "message_age_timer", "forward_delay_timer", "promiscuity"}  # fmt: skip


def _plain(entry, keep_macs):
    if isinstance(entry, dict):
        return {name: _plain(value, keep_macs) for name, value in entry.items() if name not in DRAWN
                and not (name == "local" and str(value).startswith("fe80"))}  # fmt: skip
    if isinstance(entry, list):
        return [_plain(value, keep_macs) for value in entry if not _ipv6(value)]
    return entry


def _ipv6(value) -> bool:
    return isinstance(value, dict) and value.get("family") == "inet6"


# ── suites, hosts check ───────────────────────────────────────────────────────────────────────


def test_a_suite_measures_every_pair_and_its_report_has_a_map_of_hosts(rehearsal, looks, tmp_path):
    entries = {"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")}
    rehearsal.write(entries, pairs=[["alpha", "beta"], ["beta", "alpha"]])
    command = [sys.executable, "-m", "cniperf", "suite", "calico", "--bed", "ssh",
               "--hosts", rehearsal.hosts, "--rounds", "1", "--target", "0", "--duration", "1",
               "--data-dir", tmp_path / "data", "--out-dir", tmp_path / "out"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    runs = load_runs(tmp_path / "data")
    assert runs.groupby(["between", "scheme"]).size().to_dict() == {
        ("alpha,beta", "calico"): 1, ("alpha,beta", "hostnetwork"): 1,
        ("beta,alpha", "calico"): 1, ("beta,alpha", "hostnetwork"): 1,
    }  # fmt: skip
    (page,) = (tmp_path / "out").glob("*.html")
    text = page.read_text()
    assert "Host by host" in text and "The hosts' own NICs, alpha to beta" in text.replace(
        "&#x27;", "'"
    )


def moved(rehearsal, host: str, number: int):
    """Give a host another address of its network, and return its entry of the hosts file."""
    entry = rehearsal.entry(host)
    old, _, prefixlen = entry["address"].partition("/")
    network, _, _ = old.rpartition(".")
    new = f"{network}.{number}/{prefixlen}"
    for words in (["del", entry["address"]], ["add", new]):
        rehearsal.lab.command(host, ["ip", "addr", *words, "dev", entry["nic"]])
    return {**entry, "address": new}


def test_two_pairs_that_share_no_host_are_loaded_at_once(rehearsal, looks, tmp_path):
    entries = {"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")}
    with Rehearsal() as other:
        # Its servers call themselves alpha and beta, too: each file of known keys is its own.
        entries |= {"gamma": moved(other, "a", 52), "delta": moved(other, "b", 53)}
        rehearsal.write(entries, pairs=[["alpha", "beta"], ["gamma", "delta"]])
        command = [sys.executable, "-m", "cniperf", "suite", "calico", "--bed", "ssh",
                   "--hosts", rehearsal.hosts, "--rounds", "1", "--target", "0", "--omit", "0",
                   "--duration", "3", "--at-once", "2",
                   "--data-dir", tmp_path / "data", "--out-dir", tmp_path / "out"]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    runs = load_runs(tmp_path / "data")
    assert runs["status"].eq("ok").all()
    assert runs.groupby(["between", "scheme"]).size().to_dict() == {
        ("alpha,beta", "calico"): 1, ("alpha,beta", "hostnetwork"): 1,
        ("gamma,delta", "calico"): 1, ("gamma,delta", "hostnetwork"): 1,
    }  # fmt: skip
    apart = runs["started"].sort_values().diff().dt.total_seconds()
    assert (apart < 3).sum() >= 2  # shorter than a load: they were under way together
    assert (tmp_path / "out/report.html").exists()


def test_a_notebook_measures_by_ssh(rehearsal, machines, looks, tmp_path):
    command = [sys.executable, "-m", "papermill", "notebooks/run_scheme.ipynb", tmp_path / "out.ipynb",
               "-p", "scheme", "calico", "-p", "bed", "ssh", "-p", "hosts", rehearsal.hosts,
               "-p", "duration", "1", "-p", "rounds", "1", "-p", "data_dir", tmp_path / "data"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-800:]
    assert load_runs(tmp_path / "data")["bed"].tolist() == ["ssh"]

import json

import pytest

from cniperf.analysis.paths import (
    Ways,
    control_table,
    evidence_text,
    hop,
    last_evidence,
    overhead,
    policy,
    tunnel,
    underlay,
)
from cniperf.runs import load_evidence, load_runs

HOST, POD = "02:00:00:00:00:01", "02:00:00:00:00:99"


def evidence(scheme="calico", senders=((HOST, "172.28.0.3"),), dropped=20, arrived=0, size=1028):
    def at(place, name, **changes):
        return {"place": place, "name": name, "kind": "device", "wants": "all", "wrapped": False,
                "there": 100, "back": 100, "size": size, **changes}  # fmt: skip

    return {
        "scheme": scheme, "packets": 100, "payload": 1000, "arrived": {"there": 100, "back": 100},
        "hops": [
            at("pod-a", "calico-c"), at("a", "calico-h"), at("a", "forward", kind="hook"),
            at("a", "eth0", wrapped=True, wants="none", there=0, back=0), at("a", "eth0"),
            at("wire", "port-a"), at("b", "eth0"), at("b", "calico-h"), at("pod-b", "calico-c"),
        ],
        "senders": [list(pair) for pair in senders],
        "macs": {"a": HOST, "b": "02:00:00:00:00:02"},
        "pods": {"a": "172.28.0.3", "b": "172.28.1.3"},
        "policy": {"sent": 20, "dropped": dropped, "arrived": arrived}, "problem": "",
    }  # fmt: skip


@pytest.fixture
def with_evidence(shelf):
    def add(said, scheme="calico", **changes):
        folder = shelf.add(scheme, 10.0, **changes)
        (folder / "evidence.json").write_text(json.dumps(said))
        return folder

    return add


@pytest.mark.parametrize(
    ("senders", "seen"),
    [([(HOST, "172.28.0.3")], "pods' IPs"), ([(POD, "172.28.0.3")], "pods' MACs"),
     ([(HOST, "192.168.20.42")], "hosts only")],
)  # fmt: skip
def test_the_underlay_sees_what_arrives_at_the_nics(senders, seen):
    assert underlay(evidence(senders=senders)) == seen


@pytest.mark.parametrize(
    ("dropped", "arrived", "word"), [(20, 0, "takes effect"), (0, 20, "no"), (7, 13, "partly")]
)
def test_a_policy_takes_effect_where_it_stops_everything(dropped, arrived, word):
    assert policy(evidence(dropped=dropped, arrived=arrived)) == word


def test_a_hop_is_told_in_the_form_that_was_declared():
    assert hop(evidence(), "a", "eth0")["there"] == 100
    assert hop(evidence(), "a", "nonsense") == {}


def test_a_tunnel_adds_to_each_packet():
    assert overhead(evidence()) == 0 and overhead(evidence(size=1078)) == 50


def within(name, said):
    """The same evidence, of packets inside a tunnel; without its name, as older runs have it."""
    named = {"encapsulation": name} if name else {}
    hops = [h | {"wrapped": True} | named if h["place"] == "wire" else h for h in said["hops"]]
    return {**said, "hops": hops}


@pytest.mark.parametrize(("name", "told"), [("WireGuard", "WireGuard"), (None, "VXLAN")])
def test_a_tunnel_is_told_by_its_name_and_was_vxlan_before_it_had_one(name, told):
    said = within(name, evidence(size=1100))
    assert tunnel(said) == told and tunnel(evidence()) == ""
    assert f"port-a ({told})" in evidence_text(said)


def test_a_hop_of_one_way_and_a_translated_one_are_told_so():
    said = evidence()
    said["hops"][2] |= {"wants": "there", "back": 0}
    said["hops"][5] |= {"translated": "both"}
    text = evidence_text(said)
    assert "100      0  host a's stack, one way only" in text
    assert text.count("translated") == 1


def test_the_table_has_the_schemes_with_evidence(shelf, with_evidence):
    shelf.add("hostnetwork", 20.0)
    with_evidence(evidence())
    with_evidence(evidence(dropped=0, arrived=20))
    runs = load_runs(shelf.folder)
    (row,) = control_table(runs).to_dict("records")
    assert row["policy"] == "takes effect, no" and row["runs"] == 2
    assert (row["forward"], row["packets"], row["underlay"]) == (100, 100, "pods' IPs")
    assert list(last_evidence(runs)) == ["calico"]
    assert load_evidence(runs["path"].iloc[0]) == {}


def test_a_way_is_shown_once_and_again_where_anything_about_it_is_new(shelf, with_evidence):
    ways, first = Ways(), evidence()
    more = {**first, "hops": [{**hop, "there": hop["there"] and 120} for hop in first["hops"]]}
    bypassed = {**first, "hops": [{**hop, "there": 0, "back": 0} if hop["kind"] == "hook" else hop
                                  for hop in first["hops"]]}  # fmt: skip

    def fresh(said, scheme="calico", **changes):
        with_evidence(said, scheme, **changes)
        runs = load_runs(shelf.folder).iloc[[-1]]
        return list(ways.fresh(runs)["scheme"])

    assert fresh(first) == ["calico"] and fresh(more) == []
    assert fresh(first, "canal") == ["canal"]  # another scheme, the same devices
    for other in (
        bypassed,
        evidence(dropped=7),
        evidence(size=1078),
        evidence(senders=((POD, "172.28.0.3"),)),
        {**first, "problem": "none came"},
    ):
        assert (fresh(other), fresh(other)) == (["calico"], [])
    assert fresh(first, pod_mtu=1450) == ["calico"]
    assert fresh(first, ovs_datapath="netdev") == ["calico"]  # the table stars it
    shelf.add("macvlan", 10.0)
    assert ways.fresh(load_runs(shelf.folder).iloc[[-1]]).empty  # it has no evidence


def test_runs_that_disagree_are_shown_though_the_last_one_went_as_before(shelf, with_evidence):
    ways = Ways()
    with_evidence(evidence())
    assert len(ways.fresh(load_runs(shelf.folder))) == 1
    with_evidence(evidence(dropped=0, arrived=20))
    with_evidence(evidence())
    assert len(ways.fresh(load_runs(shelf.folder))) == 3


def test_lines_for_people_say_what_was_wrong():
    assert "takes effect (20 of 20 packets dropped, 0 arrived)" in evidence_text(evidence())
    wrong = {**evidence(), "problem": "a:eth0 saw 0", "policy": None}
    assert evidence_text(wrong).endswith("NOT proven: a:eth0 saw 0")

import numpy as np
import pandas as pd
import pytest
from conftest import COUNTED, Shelf

from cniperf.analysis.compare import Unlike, compare, heading, pair_up, sentence
from cniperf.errors import CniperfError
from cniperf.modes import INSTRUCTIONS, MODES
from cniperf.runs import load_runs

WOBBLE = [0.99, 1.01, 1.0, 1.005, 0.995, 1.0, 1.01, 0.99]


def made(folder, machine=1.0, calico=16.0, **changes):
    shelf = Shelf(folder)
    for number, wobble in enumerate(WOBBLE, 1):
        base = 20.0 * machine
        more = {"suite": "s", "round": number, **changes}
        shelf.add("hostnetwork", base * wobble, **more)
        shelf.add("hostnetwork", base * WOBBLE[-number], **more)
        shelf.add("calico", calico * machine * WOBBLE[number // 2], **more)
    return load_runs(folder)


@pytest.mark.parametrize(
    ("calico", "verdict"), [(16.0, "same"), (16.05, "same"), (14.0, "worse"), (18.0, "better")]
)
def test_a_scheme_is_judged_by_its_share_of_the_host(tmp_path, calico, verdict):
    table = compare(made(tmp_path / "a"), made(tmp_path / "b", calico=calico))
    assert table.loc["calico", "verdict"] == verdict
    assert table.loc["hostnetwork", "verdict"] == "same"
    assert sentence(table.loc["calico"]).startswith(verdict)


def test_hostnetwork_is_told_in_the_unit_of_its_mode(tmp_path):
    row = compare(made(tmp_path / "a"), made(tmp_path / "b")).loc["hostnetwork"]
    assert "same: 20.00 Gbit/s → 20.00 Gbit/s" in sentence(row)
    assert "same: 20 transactions/s → 20 transactions/s" in sentence(row, MODES["rr"])


def test_a_condition_is_headed_by_what_tells_it_from_the_others(tmp_path):
    one, *_ = (each for each, _, _ in pair_up(*[made(tmp_path / "a")] * 2))
    assert heading(one) == "NIC virtio, MTU 1500"
    assert heading(one | {"mode": "rr"}) == "NIC virtio, MTU 1500, mode rr"
    assert heading(one, [one, one | {"pairs": 4}]) == "NIC virtio, MTU 1500, pairs 1"
    assert heading(one, [one | {"awake": True}]) == "NIC virtio, MTU 1500, CPUs may sleep"
    assert heading(one | {"erms": True}) == "NIC virtio, MTU 1500, ERMS"


def test_two_sets_may_be_told_apart_by_their_labels_alone(tmp_path):
    a, b = made(tmp_path / "a", label="before"), made(tmp_path / "b", label="after")
    ((condition, one, other),) = pair_up(a, b)
    assert len(one) == len(a) and len(other) == len(b)
    assert heading(condition) == "NIC virtio, MTU 1500, before → after"


def test_labels_that_both_sets_have_are_compared_each_with_its_own(tmp_path):
    sets = []
    for name in ("monday", "tuesday"):
        for label in ("cluster-a", "cluster-b"):
            made(tmp_path / name / label, label=label)
        sets.append(load_runs(tmp_path / name / "cluster-a"))
        sets[-1] = pd.concat([sets[-1], load_runs(tmp_path / name / "cluster-b")])
    found = pair_up(*sets)
    assert [condition["label"] for condition, _, _ in found] == ["cluster-a", "cluster-b"]
    for condition, one, other in found:
        assert set(one["label"]) == set(other["label"]) == {condition["label"]}


def test_a_faster_machine_makes_no_scheme_better(tmp_path):
    table = compare(made(tmp_path / "a"), made(tmp_path / "b", machine=1.5))
    assert table.loc["calico", "verdict"] == "same"
    assert table.loc["hostnetwork", "verdict"] == "better"


def test_one_round_is_undecided_and_a_scheme_of_one_set_is_missing(tmp_path):
    few = Shelf(tmp_path / "a")
    few.add_rounds(hostnetwork=[20.0], calico=[15.0], canal=[4.0])
    table = compare(load_runs(few.folder), made(tmp_path / "b"))
    assert table["verdict"].to_dict() == {
        "hostnetwork": "undecided", "calico": "undecided", "canal": "missing",
    }  # fmt: skip
    assert "an interval takes 2 rounds in each set" in sentence(table.loc["calico"])


def test_the_same_is_a_test_and_not_the_lack_of_one(tmp_path):
    """Rounds a fifth apart tell neither a change of 5 % nor that there is none."""
    loud = [0.9, 1.1, 0.85, 1.15, 1.0, 0.95, 1.05, 1.0]

    def noisy(folder, calico):
        shelf = Shelf(folder)
        shelf.add_rounds(hostnetwork=[20.0] * 8, calico=[calico * w for w in loud])
        return load_runs(shelf.folder)

    one, other = noisy(tmp_path / "a", 16.0), noisy(tmp_path / "b", 15.5)
    row = compare(one, other).loc["calico"]
    assert row["verdict"] == "undecided" and row["change_low"] < 0 < row["change_high"]
    assert sentence(row).startswith("undecided: ") and "95 % interval" in sentence(row)
    assert compare(one, other, within=0.5).loc["calico", "verdict"] == "same"


def test_before_after_and_change_agree(tmp_path):
    table = compare(made(tmp_path / "a"), made(tmp_path / "b", calico=14.3, machine=1.2))
    for _, row in table.iterrows():
        assert row["after"] / row["before"] - 1 == pytest.approx(row["change"])
    guest = compare(guests(tmp_path / "c"), guests(tmp_path / "d", base=1.2)).loc["hostnetwork"]
    assert guest["before"] / guest["after"] - 1 == pytest.approx(guest["change"])


def test_interleaved_sets_are_compared_lab_by_lab(tmp_path):
    def labs(folder, calico):
        shelf = Shelf(folder)
        shelf.add_labs(calico=[calico * w for w in WOBBLE], hostnetwork=WOBBLE)
        return load_runs(shelf.folder)

    table = compare(labs(tmp_path / "a", 0.76), labs(tmp_path / "b", 0.70))
    assert table["verdict"].to_dict() == {"hostnetwork": "same", "calico": "worse"}
    assert table.loc["calico", "change"] == pytest.approx(0.70 / 0.76 - 1)


def test_the_more_schemes_the_more_a_change_of_one_has_to_show(tmp_path):
    """A guard that asks eight questions at 5 % each cries wolf one time in three."""
    dice, alarms = np.random.default_rng(2), 0
    names = ("macvlan", "calico", "flannel_hostgw", "flannel_vxlan", "canal", "ovs", "ovs_bridge")
    for number in range(12):
        sets = []
        for which in "ab":
            shelf = Shelf(tmp_path / f"{number}{which}")
            shelf.add_labs(**{name: 0.7 * dice.lognormal(0, 0.01, 5) for name in names})
            sets.append(load_runs(shelf.folder))
        alarms += compare(*sets)["verdict"].isin(["better", "worse"]).any()
    assert alarms <= 2


def test_the_userspace_datapath_is_compared_with_itself_only(tmp_path):
    one, other = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    one.add("hostnetwork", 20.0)
    one.add("ovs", 1.0, ovs_datapath="netdev")
    other.add("hostnetwork", 20.0)
    other.add("ovs", 15.0, ovs_datapath="system")
    table = compare(load_runs(one.folder), load_runs(other.folder))
    assert table.loc["ovs", "verdict"] == "not comparable"


def test_unlike_conditions_are_refused_by_the_facts_that_differ(tmp_path):
    one, other = made(tmp_path / "a"), made(tmp_path / "b", nic="offload", mtu=9000)
    with pytest.raises(Unlike, match="nic virtio and offload; mtu 1500 and 9000"):
        pair_up(one, other)
    assert len(pair_up(one, other, anyway=True)) == 1


def test_a_count_and_a_clock_are_never_compared(tmp_path):
    counted = Shelf(tmp_path / "b")
    counted.count("hostnetwork", 1.0)
    for anyway in (False, True):
        with pytest.raises(Unlike, match="compare sets of one kind"):
            pair_up(made(tmp_path / f"a{anyway}"), load_runs(counted.folder), anyway=anyway)


def guests(folder, base=1.1, calico=1.3):
    shelf = Shelf(folder)
    for number, wobble in enumerate(WOBBLE, 1):
        here = {**COUNTED, "bed": "vm", "suite": "s", "round": number}
        for scheme, insn in (("hostnetwork", base), ("hostnetwork", base), ("calico", calico)):
            shelf.add(scheme, 1.0, **here, insn_per_byte=insn * wobble)
    return load_runs(folder)


def test_more_instructions_are_worse(tmp_path):
    table = compare(guests(tmp_path / "a"), guests(tmp_path / "b", base=1.2, calico=1.6))
    assert set(table["verdict"]) == {"worse"}
    words = sentence(table.loc["hostnetwork"], INSTRUCTIONS)
    assert "1.100 instructions/B → 1.200 instructions/B (-8.3 % bytes for the same" in words
    assert "84.6 % of hostnetwork → 75.0 % of hostnetwork" in sentence(
        table.loc["calico"], INSTRUCTIONS
    )


def test_like_conditions_find_each_other(tmp_path):
    both = Shelf(tmp_path / "a")
    both.add("hostnetwork", 20.0)
    both.add("hostnetwork", 10.0, nic="plain")
    runs = load_runs(both.folder)
    assert [set(one["nic"]) == set(other["nic"]) for _, one, other in pair_up(runs, runs)] == [
        True, True,
    ]  # fmt: skip


def test_sets_are_compared_where_their_cpus_lay_alike(tmp_path):
    near, far = {"handover": [1.5, 1.5]}, {"handover": [4.7, 4.7]}
    one = made(tmp_path / "a", **near)
    with pytest.raises(Unlike, match="share a cache"):
        pair_up(one, made(tmp_path / "b", **far))
    made(tmp_path / "c", calico=12.0, **far)
    for folder in (tmp_path / "a").iterdir():  # rounds of both kinds in one set
        folder.rename(tmp_path / "c" / f"{folder.name}-near")
    both = load_runs(tmp_path / "c")
    _, _, other = pair_up(one, both)[0]
    assert compare(one, other).loc["calico", "verdict"] == "same"
    pairs = pair_up(both, both)  # neither kind ranks before the other
    assert [heading(condition) for condition, _, _ in pairs] == [
        "NIC virtio, MTU 1500, CPUs' caches shared", "NIC virtio, MTU 1500, CPUs' caches apart",
    ]  # fmt: skip
    shares = [compare(a, b).loc["calico", "before"] for _, a, b in pairs]
    assert shares == pytest.approx([0.8, 0.6], abs=0.01)


def test_an_empty_set_is_told(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(CniperfError, match="second"):
        pair_up(made(tmp_path / "a"), load_runs(tmp_path / "b"))

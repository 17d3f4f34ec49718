import itertools

import pytest
from conftest import Shelf
from three_beds import COUNTS, PODS, add_counted, add_emulated, add_lab, add_three_beds

from cniperf.analysis.beds import agreement, beds_table, moves, set_up, several
from cniperf.analysis.loss import conditions, loss_table
from cniperf.runs import load_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return load_runs(add_three_beds(Shelf(tmp_path_factory.mktemp("beds") / "data")).folder)


def names(beds):
    return [str(bed) for bed in beds]


def test_a_column_is_a_bed_a_nic_and_a_copy_model_and_no_emulated_clock(runs):
    assert names(set_up(runs)) == [
        "lab virtio", "lab offload", "vm tcg virtio", "counted virtio", "counted virtio, ERMS",
        "counted offload", "counted offload, ERMS", "counted plain",
    ]  # fmt: skip
    assert several(runs) and not several(runs[runs["bed"].eq("lab")])
    assert not several(runs[runs["bed"].eq("lab") | runs["suite"].eq("slow")])


def test_runs_of_two_labels_stand_side_by_side(shelf):
    for label, calico in (("cluster-a", 16.0), ("cluster-b", 12.0)):
        for number in (1, 2):
            more = {"suite": label, "label": label, "round": number}
            shelf.add("hostnetwork", 20.0, **more)
            shelf.add("calico", calico, **more)
    runs = load_runs(shelf.folder)
    assert several(runs) and not several(runs[runs["label"].eq("cluster-a")])
    assert names(set_up(runs)) == ["cluster-a (lab) virtio", "cluster-b (lab) virtio"]
    losses = beds_table(runs).set_index(["label", "scheme"])["loss"]
    assert losses["cluster-a", "calico"] == pytest.approx(0.2)
    assert losses["cluster-b", "calico"] == pytest.approx(0.4)


def test_each_loss_is_of_its_own_beds_hostnetwork_in_its_own_unit(runs):
    table = beds_table(runs).set_index(["bed", "nic", "erms", "scheme"]).sort_index()
    for (nic, erms), (base, losses) in COUNTS.items():
        own = table.loc["counted", nic, erms]
        assert own.loc["hostnetwork", "figure"] == pytest.approx(base)
        assert (own["unit"] == "instructions/B").all()
        found = [own.loc[scheme, "loss"] for scheme in PODS]
        assert found == pytest.approx([loss / 100 for loss in losses], abs=1e-6)
    assert table.loc[("lab", "virtio", False, "calico"), "loss"] == pytest.approx(0.22)
    assert table.loc[("lab", "virtio", False, "calico"), "unit"] == "Gbit/s"


def test_of_several_conditions_of_a_bed_the_one_with_most_runs_is_the_column(shelf):
    for mtu, many in ((9000, 2), (1500, 1)):
        for seed in range(1, 1 + many):
            shelf.count("hostnetwork", 1.0, seed, mtu=mtu)
    (group,) = set_up(load_runs(shelf.folder)).values()
    assert set(group["mtu"]) == {9000}


def test_a_run_that_failed_before_its_meter_was_known_makes_no_column(shelf):
    shelf.count("hostnetwork", 1.0)
    shelf.add("calico", bed="counted")
    assert names(set_up(load_runs(shelf.folder))) == ["counted virtio"]


def test_the_order_is_told_with_the_beds_that_have_another(runs):
    found = agreement(runs)
    assert list(itertools.chain(*found.order)) == [
        "macvlan", "ovs", "calico", "ovs-bridge", "flannel-hostgw", "canal", "flannel-vxlan",
    ]  # fmt: skip
    said = {(*schemes, others): names(beds) for schemes, others, beds in found.against}
    assert said == {
        ("flannel-vxlan", "canal", ("calico", "flannel-hostgw", "ovs", "ovs-bridge")):
            ["counted plain"],
        ("ovs-bridge", ("calico",)): ["counted offload"],
    }  # fmt: skip
    assert [(scheme, names(beds)) for scheme, beds in found.gains] == [
        ("macvlan", ["counted virtio", "counted virtio, ERMS"])
    ]


def test_beds_that_have_one_order_are_said_to_agree(runs):
    alike = runs[runs["suite"].isin(["lab-offload", "counted-offload-True"])]
    found = agreement(alike)
    assert not found.against and not found.gains
    assert found.order[0] == ("macvlan",) and found.order[-1] == ("flannel-vxlan",)


def test_schemes_that_no_bed_tells_apart_stand_in_one_group(shelf):
    for seed, wobble in ((1, 1.0), (2, 1.01)):
        shelf.count("hostnetwork", 1.0, seed)
        shelf.count("calico", 1.5 * wobble, seed)
        shelf.count("canal", 1.5 / wobble, seed)
        shelf.count("macvlan", 1.2, seed)
    assert agreement(load_runs(shelf.folder)).order == (("macvlan",), ("calico", "canal"))


def test_a_bed_with_too_few_rounds_says_nothing_of_the_order(shelf):
    shelf.count("hostnetwork", 1.0)
    shelf.count("calico", 1.5)
    found = agreement(load_runs(shelf.folder))
    assert (found.order, found.against, found.gains) == ((), (), ())


def test_what_one_knob_alone_moves_is_found(runs):
    found = {move.knob: move for move in moves(runs)}
    copied = found["The copy model (ERMS)"]
    assert copied.scheme == "flannel-vxlan"
    assert names([copied.least[0], copied.most[0]]) == ["counted offload, ERMS", "counted offload"]
    assert [copied.least[1], copied.most[1]] == pytest.approx([0.212, 0.527], abs=1e-6)
    assert found["The NIC"].most[0].bed == found["The NIC"].least[0].bed == "lab"
    assert found["The bed"].least[0].knobs == found["The bed"].most[0].knobs == "virtio"


def test_no_two_beds_ever_meet_in_one_ratio(shelf):
    add_lab(shelf)
    add_counted(shelf)
    runs = load_runs(shelf.folder)
    no_host = runs[runs["bed"].ne("lab") | runs["scheme"].ne("hostnetwork")]
    for condition, group in conditions(no_host):
        assert group["bed"].nunique() == group["meter"].nunique() == 1
        assert loss_table(group)["loss"].isna().all() == (condition["bed"] == "lab")


def test_what_an_emulated_cpu_was_clocked_at_comes_last(shelf):
    for number in range(1, 20):
        shelf.add("hostnetwork", 1.6, bed="vm", accelerator="tcg", suite="slow", round=number)
    shelf.count("hostnetwork", 1.0)
    add_emulated(shelf)
    assert [each["bed"] for each, _ in conditions(load_runs(shelf.folder))] == ["counted", "vm"]


def test_a_bed_whose_hostnetwork_is_in_the_schemes_own_labs_has_a_column(shelf):
    for ratio in (0.70, 0.71, 0.72):
        shelf.lab("calico", ratio)
    table = beds_table(load_runs(shelf.folder)).set_index("scheme")
    assert list(table.index) == ["hostnetwork", "calico"]
    assert table.loc["hostnetwork", "figure"] == pytest.approx(20.0)
    assert table.loc["calico", "loss"] == pytest.approx(0.29, abs=1e-3)

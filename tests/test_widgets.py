"""The widgets without a browser: what they offer, what they pick, what they say in code."""

import pytest

from cniperf import widgets
from cniperf.analysis.loss import sittings
from cniperf.runs import load_runs


@pytest.fixture
def runs(shelf):
    shelf.add_rounds(hostnetwork=[20.0, 20.0], calico=[15.0, 15.0], macvlan=[19.0, 19.0])
    for mtu in (1500, 9000):
        shelf.add("hostnetwork", 30.0, nic="offload", mtu=mtu, suite="t")
    shelf.add("calico", 25.0, nic="offload", mtu=9000, suite="t")
    return load_runs(shelf.folder)


def box(picker, name):
    return picker._chosen[name]


def test_it_starts_with_the_condition_that_has_the_most_runs(runs):
    picker = widgets.Picker(runs)
    assert len(picker.runs) == 6 and set(picker.runs["nic"]) == {"virtio"}


def test_a_suite_is_never_pooled_with_another(runs, shelf):
    """A report has a section for each, so what is explored is one of them."""
    shelf.add_rounds(hostnetwork=[20.0], calico=[15.0])
    for number in (1, 2, 3, 4):
        shelf.add("calico", 12.0, suite="u", round=number)
    shelf.add("calico", 1.0)
    found = load_runs(shelf.folder)
    picker = widgets.Picker(found)
    assert set(picker.runs["suite"]) == {"s"} and "suite == 's'" in picker.code
    options = dict(box(picker, "suite").options)
    assert options == {"s": "s", "u": "u", "single runs": ""}
    for suite, many in (("u", 4), ("", 1)):
        box(picker, "suite").value = suite
        assert len(picker.runs) == many
        assert len(eval(picker.code, {"runs": found})) == many
    reported = {
        one["suite"]: len(group) for one, group in sittings(found) if one["nic"] == "virtio"
    }
    assert reported == {"s": 8, "u": 4, "": 1}


def test_a_choice_leaves_only_what_there_is(runs):
    picker = widgets.Picker(runs)
    assert [value for _, value in box(picker, "mtu").options] == [1500]
    box(picker, "nic").value = "offload"
    assert [value for _, value in box(picker, "mtu").options] == [1500, 9000]
    box(picker, "mtu").value = 9000
    assert picker.runs["figure"].tolist() == [30.0, 25.0]
    box(picker, "nic").value = "virtio"
    assert len(picker.runs) == 6


def test_a_bed_without_guests_leaves_no_accelerator_to_choose(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.count("hostnetwork", 1.0)
    picker = widgets.Picker(load_runs(shelf.folder))
    for bed, figure in (("lab", 20.0), ("counted", 1.0)):
        box(picker, "bed").value = bed
        assert picker.runs["figure"].tolist() == [figure]
        assert ("accelerator" in picker.code) == (bed == "counted")


def test_its_code_picks_the_same(runs):
    picker = widgets.Picker(runs)
    box(picker, "nic").value = "offload"
    picker._schemes["calico"].value = False
    found = eval(picker.code, {"runs": runs})
    assert found["run"].tolist() == picker.runs["run"].tolist()
    assert "nic == 'offload'" in picker.code and "scheme not in ['calico']" in picker.code


def test_hostnetwork_cannot_be_left_out(runs):
    assert widgets.Picker(runs)._schemes["hostnetwork"].disabled


def test_what_it_shows_follows_each_choice_once(runs):
    picker, seen = widgets.Picker(runs), []
    place = picker.live(lambda picked: seen.append(len(picked)) or f"{len(picked)} runs")
    box(picker, "nic").value = "offload"
    assert seen == [6, 1]
    assert place.outputs[0]["data"]["text/plain"] == "'1 runs'"


def test_the_run_chooser_offers_what_is_picked(runs):
    picker = widgets.Picker(runs)
    chooser = widgets.run_chooser(picker)
    assert len(chooser.options) == 6 and chooser.value in set(picker.runs["path"])
    box(picker, "nic").value = "offload"
    assert [value for _, value in chooser.options] == list(picker.runs["path"])


def test_runs_of_one_condition_have_nothing_to_choose_but_schemes(shelf):
    shelf.add("hostnetwork", 20.0)
    picker = widgets.Picker(load_runs(shelf.folder))
    assert picker.code == "runs" and len(picker.runs) == 1

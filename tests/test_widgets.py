"""The widgets without a browser: what they offer, what they pick, what they say in code."""

import asyncio
import io
import re

import matplotlib.image as mpimg
import pytest
from conftest import Shelf

from cniperf import charts, widgets
from cniperf.analysis.loss import sittings
from cniperf.analysis.memo import once
from cniperf.charts import style
from cniperf.live import FADED, output
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


def test_the_same_choice_is_the_same_table_so_nothing_is_computed_twice(runs):
    picker, asked = widgets.Picker(runs), []
    count = once(lambda picked: asked.append(len(picked)) or len(picked))
    for _cell in range(3):
        count(picker.runs)
    assert asked == [6]
    for ticked in (False, True, False, True):
        picker._schemes["calico"].value = ticked
        count(picker.runs)
    assert asked == [6, 4]


def test_only_the_tables_of_the_last_choices_are_kept(shelf):
    for number in range(2 * widgets.KEPT):
        shelf.add("hostnetwork", 20.0, mtu=1500 + number)
    picker = widgets.Picker(load_runs(shelf.folder))
    for _label, mtu in box(picker, "mtu").options:
        box(picker, "mtu").value = mtu
        assert picker.runs["mtu"].tolist() == [mtu]
    assert len(picker._picked) == widgets.KEPT


def state(place):
    """Which pieces of a place are faded, and what it shows."""
    faded = [FADED in piece._dom_classes for piece in place.children[1:]]
    return faded, [out["data"]["text/plain"] for out in place.outputs]


async def until(there):
    async with asyncio.timeout(5):
        while not there():
            await asyncio.sleep(0)


def test_what_is_out_of_date_fades_at_once_and_comes_back_piece_by_piece(runs):
    async def choose():
        picker = widgets.Picker(runs)
        first = picker.live(len, lambda picked: "x" * len(picked))
        second = picker.live(lambda picked: -len(picked))
        before = "6", "'xxxxxx'"
        assert state(first) == ([False, False], [*before])
        picker._schemes["calico"].value = False
        assert state(first) == ([True, True], [*before]) and state(second) == ([True], ["-6"])
        assert "updating …" in first.children[0].value and "updating …" in second.children[0].value
        await until(lambda: state(first)[0] == [False, True])
        assert state(first)[1] == ["4", "'xxxxxx'"] and state(second)[0] == [True]
        await until(lambda: state(first) == ([False, False], ["4", "'xxxx'"]))
        await until(lambda: state(second) == ([False], ["-4"]))
        await until(lambda: "updating" not in first.children[0].value + second.children[0].value)

    asyncio.run(choose())


def test_a_choice_that_is_overtaken_is_not_drawn(runs):
    async def choose():
        picker, seen = widgets.Picker(runs), []
        place = picker.live(lambda picked: seen.append(len(picked)) or len(picked), len)
        for ticked in (False, True, False):
            picker._schemes["calico"].value = ticked
        await until(lambda: state(place)[0] == [False, True])
        picker._schemes["macvlan"].value = False  # while the second piece is out of date
        await until(lambda: "updating" not in place.children[0].value)
        assert state(place) == ([False, False], ["2", "2"]) and seen == [6, 4, 2]
        picker._schemes["calico"].value = True
        picker._schemes["calico"].value = False  # what is shown is right again
        await until(lambda: "updating" not in place.children[0].value)
        assert state(place) == ([False, False], ["2", "2"]) and seen == [6, 4, 2]

    asyncio.run(choose())


def test_what_cannot_be_drawn_does_not_stay_faded_and_holds_up_nothing(runs):
    async def choose():
        picker, failed = widgets.Picker(runs), []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, told: failed.append(told))
        broken = picker.live(lambda picked: 1 / (len(picked) - 4))
        after = picker.live(len)
        picker._schemes["calico"].value = False
        await until(lambda: state(after) == ([False], ["4"]))
        assert state(broken)[0] == [False] and "updating" not in broken.children[0].value
        assert isinstance(failed[0]["exception"], ZeroDivisionError)

    asyncio.run(choose())


def test_fewer_pieces_than_before_leave_none_behind(runs):
    picker = widgets.Picker(runs)
    place = widgets.live(lambda: list(picker.runs["scheme"].unique()), picker)
    assert len(place.outputs) == 3
    picker._schemes["calico"].value = False
    assert state(place) == ([False, False], ["'hostnetwork'", "'macvlan'"])


def test_a_widget_shows_a_chart_in_one_format(runs):
    assert "image/svg+xml" in output(charts.loss(widgets.Picker(runs).runs))["data"]
    assert "image/png" not in output(charts.loss(widgets.Picker(runs).runs))["data"]


def text(shown):
    return output(shown)["data"].get("text/html", "")


def test_a_second_picker_begins_with_the_nearest_runs_that_are_not_the_first_ones(runs, shelf):
    first = widgets.Picker(runs)
    second = widgets.Picker(runs, beside=first)
    assert set(second.runs["nic"]) == {"offload"} and not text(widgets.compared(first, second))
    for number in (1, 2):
        for scheme, gbps in (("hostnetwork", 20.0), ("calico", 14.0)):
            shelf.add(scheme, gbps + number, suite="u", round=number)
    again = load_runs(shelf.folder)
    first = widgets.Picker(again)
    assert set(widgets.Picker(again, beside=first).runs["suite"]) == {"u"}
    box(first, "nic").value = "offload"
    assert set(widgets.Picker(again, beside=first).runs["nic"]) == {"offload"}  # of another MTU


def test_runs_of_another_folder_are_compared_under_the_same_condition(runs, tmp_path):
    shelf = Shelf(tmp_path / "other")
    for number in range(1, 9):
        shelf.add("hostnetwork", 30.0, nic="offload", suite="o", round=number)
    shelf.add("hostnetwork", 20.0, suite="o")
    others = load_runs(shelf.folder)
    assert set(widgets.Picker(others, beside=widgets.Picker(runs)).runs["nic"]) == {"virtio"}


def test_runs_are_not_compared_with_themselves(runs):
    first, second = widgets.Picker(runs), widgets.Picker(runs)
    assert "pick another condition or suite" in text(widgets.compared(first, second))
    one = runs[runs["nic"].eq("virtio")]
    first, second = widgets.Picker(one), widgets.Picker(one, beside=widgets.Picker(one))
    assert "There is no other set of runs" in text(widgets.compared(first, second))


def test_what_is_counted_is_not_compared_with_what_is_timed(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.count("hostnetwork", 1.0)
    found = load_runs(shelf.folder)
    first = widgets.Picker(found)
    second = widgets.Picker(found, beside=first)
    assert "different units" in text(widgets.compared(first, second))


@pytest.mark.parametrize(("asked", "served"), [(False, True), (True, False), (True, True)])
def test_a_chart_stands_on_the_page_where_the_notebook_asks_for_it(
    runs, asked, served, monkeypatch
):
    """Its own paper would be a white slab in a dark theme. The PNG, which is handed on, keeps it."""
    monkeypatch.setattr(style, "_paper", {})
    monkeypatch.delenv(widgets.SERVED, raising=False)
    if served:
        monkeypatch.setenv(widgets.SERVED, "explore.ipynb")
    if asked:
        assert "data-jp-theme-light" in text(widgets.follow_theme())
    clear = asked and served
    bundle, _ = charts.loss(widgets.Picker(runs).runs)._repr_mimebundle_()
    paper = re.search(r'<g id="patch_1">.*?</g>', bundle["image/svg+xml"], re.DOTALL)[0]
    assert ("fill: #ffffff" in paper) == (not clear) and ("fill: none" in paper) == clear
    pixels = mpimg.imread(io.BytesIO(bundle["image/png"]))
    assert pixels[0, 0].tolist() == [1.0] * 4

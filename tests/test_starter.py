"""The box that measures from a notebook, without a browser: test_jupyterlab.py has it in one."""

import pytest

from cniperf.errors import Busy
from cniperf.measure.progress import Moment
from cniperf.runs import load_runs
from cniperf.starter import Starter


class Measured:
    """In place of a measurement: it notes what was asked for, and says what a run says."""

    def __init__(self, folders, problem=None):
        self.folders, self.problem, self.asked, self.seen = folders, problem, [], []

    def __call__(self, asked, tell):
        self.asked.append(asked)
        for number in range(1, asked.rounds + 1):
            for stage in ("wire", "prove", "load", "done"):
                tell(Moment(asked.scheme, number, stage, f"{stage} <{number}>"))
                self.seen.append(self.look())
        if self.problem:
            raise self.problem
        return self.folders


def pressed(measured, *show, **choices):
    box = Starter(*show, measure=measured)
    measured.look = lambda: (box._bar.value, box._said.value, box._button.disabled)
    for name, value in choices.items():
        getattr(box, f"_{name}").value = value
    box._button.click()
    return box


def test_it_measures_what_the_boxes_say_and_shows_what_came_out(shelf):
    folder = shelf.add("calico", 9.0)
    measured = Measured([folder])
    box = pressed(measured, lambda runs: f"{len(runs)} run", scheme="calico", nic="plain", rounds=2)
    (asked,) = measured.asked
    assert (asked.scheme, asked.nic, asked.rounds) == ("calico", "plain", 2)
    assert box.folders == [folder]
    assert box._place.outputs[0]["data"]["text/plain"] == "'1 run'"
    assert not box._button.disabled and box._bar.value == box._bar.max == 2


def test_it_shows_how_far_it_is(shelf):
    measured = Measured([shelf.add("macvlan", 9.0)])
    pressed(measured, rounds=2)
    assert [value for value, _, _ in measured.seen] == [0, 0.25, 0.5, 1, 1, 1.25, 1.5, 2]
    assert measured.seen[1][1:] == ("1/2 · prove &lt;1&gt;", True)


@pytest.mark.parametrize(
    ("problem", "told"),
    [(Busy("another <run>"), "another &lt;run&gt;"), (KeyboardInterrupt(), "stopped")],
)
def test_what_went_wrong_is_said_and_the_button_is_there_again(problem, told):
    box = pressed(Measured([], problem), lambda runs: "shown")
    assert told in box._said.value and box._bar.bar_style == "danger"
    assert not box._button.disabled and box._place.outputs == () and box.folders == []


@pytest.mark.lab
def test_its_code_measures_the_same(tmp_path, monkeypatch):
    """Its expression, run for real."""
    import cniperf

    monkeypatch.chdir(tmp_path)
    box = Starter()
    box._rounds.value = 1
    (folder,) = eval(box.code, {"cniperf": cniperf})
    assert load_runs(folder)["scheme"].tolist() == ["macvlan"]

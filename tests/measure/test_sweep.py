import pytest

from cniperf.errors import ParameterError
from cniperf.measure.sweep import read_vary, sweep_cells, sweep_points
from cniperf.params import Experiment

VARY = {"mtu": [1450, 1500, 9000], "streams": [1, 2]}


def test_a_grid_has_every_combination_and_one_at_a_time_only_single_changes():
    assert len(sweep_points(VARY)) == 6
    single = sweep_points(VARY, one_at_a_time=True)
    first = single[0]
    assert first == {"mtu": 1450, "streams": 1} and len(single) == 4
    assert all(sum(point[n] != first[n] for n in point) == 1 for point in single[1:])


def test_every_point_has_its_own_baseline_and_the_first_one_twice():
    cells = sweep_cells(Experiment.of(), ["calico", "canal"], VARY)
    assert len(cells) == 6 * 3 + 1
    base = [cell for cell in cells if cell["scheme"] == "hostnetwork"]
    assert base.count({"scheme": "hostnetwork", "mtu": 1450, "streams": 1}) == 2
    assert len({str(cell) for cell in base}) == 6


def test_words_of_the_command_line_become_values():
    cells = sweep_cells(Experiment.of(), [], read_vary(["mtu=1450, 9000", "udpcsum=true"]))
    assert cells[0] == {"scheme": "hostnetwork", "mtu": 1450, "udpcsum": True}


@pytest.mark.parametrize(
    ("vary", "says"),
    [({"mtu": [1500, 9001]}, "mtu=9001"), ({"mtuu": [1]}, "did you mean 'mtu'"),
     ({"streams": []}, "one at least"), ({"streams": [1, "1"]}, "different values"),
     ({"scheme": ["calico"]}, "unknown variable")],
)  # fmt: skip
def test_an_impossible_point_is_refused_before_anything_runs(vary, says):
    with pytest.raises(ParameterError, match=says):
        sweep_cells(Experiment.of(), ["calico"], vary)


@pytest.mark.parametrize("words", [["mtu"], ["=1500"], ["mtu=1", "mtu=2"]])
def test_words_that_are_no_variable_are_refused(words):
    with pytest.raises(ParameterError, match="as mtu=1450"):
        read_vary(words)

import numpy as np

from cniperf.analysis.control import aa_ratios, control
from cniperf.runs import load_runs

STEADY = [(20.0, 20.1), (20.1, 20.0), (20.0, 20.2), (20.2, 20.0), (20.1, 20.1), (20.0, 20.1),
          (20.1, 20.0), (20.0, 20.0)]  # fmt: skip


def test_hostnetwork_against_itself_is_sound_where_it_does_not_differ(shelf):
    shelf.add_rounds(hostnetwork=STEADY)
    found = control(load_runs(shelf.folder))
    assert found.rounds == 8 and found.checked and found.sound
    assert found.difference.half_width < 0.01


def test_of_interleaved_labs_it_is_hostnetworks_own_cell(shelf):
    shelf.add_labs(hostnetwork=[1.002, 0.998, 1.001, 0.999], calico=[0.7] * 4)
    found = control(load_runs(shelf.folder))
    assert found.rounds == 4 and found.sound and found.difference.half_width < 0.01


def test_a_control_that_differs_is_not_sound(shelf):
    shelf.add_labs(hostnetwork=[1.03, 1.031, 1.029, 1.03], calico=[0.7] * 4)
    found = control(load_runs(shelf.folder))
    assert found.checked and not found.sound
    assert round(found.difference.middle, 3) == 0.03


def test_which_run_of_a_pair_counts_as_first_alternates(shelf):
    shelf.add_rounds(hostnetwork=[(20.0, 22.0)] * 8)  # a machine that warms up within each round
    found = aa_ratios(load_runs(shelf.folder))
    assert sorted({round(float(np.exp(x)), 3) for x in found}) == [0.909, 1.1]
    assert control(load_runs(shelf.folder)).sound


def test_without_a_second_hostnetwork_nothing_is_checked(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 8, calico=[15.0] * 8)
    found = control(load_runs(shelf.folder))
    assert not found.checked and found.sound and found.rounds == 0

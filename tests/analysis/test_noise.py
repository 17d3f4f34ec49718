import numpy as np
import pytest

from cniperf.analysis.noise import aa_changes, groups, noise_floor
from cniperf.runs import load_runs

STEADY = [(20.0, 20.1), (20.1, 20.0), (20.0, 20.2), (20.2, 20.0), (20.1, 20.1), (20.0, 20.1),
          (20.1, 20.0), (20.0, 20.0)]  # fmt: skip


def test_the_floor_is_where_hostnetwork_against_itself_ends(shelf):
    shelf.add_rounds(hostnetwork=STEADY)
    floor = noise_floor(load_runs(shelf.folder))
    assert floor.rounds == 8 and floor.difference.holds(0)
    assert 0 < floor.smallest < 0.02


def test_which_run_of_a_pair_counts_as_first_alternates(shelf):
    shelf.add_rounds(hostnetwork=[(20.0, 22.0)] * 8)  # a machine that warms up within each round
    found = aa_changes(load_runs(shelf.folder))
    assert sorted({round(x, 3) for x in found}) == [-0.091, 0.1]
    assert noise_floor(load_runs(shelf.folder)).difference.holds(0)


def test_without_a_second_hostnetwork_there_is_no_floor(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 8, calico=[15.0] * 8)
    runs = load_runs(shelf.folder)
    assert np.isnan(noise_floor(runs).smallest) and groups(runs) == []


def test_a_counts_floor_is_the_share_that_moves_most_from_seed_to_seed(shelf):
    for seed, (calico, canal) in enumerate([(1.25, 2.0), (1.24, 2.0), (1.25, 2.1)], 1):
        shelf.count("hostnetwork", 1.0, seed)
        shelf.count("calico", calico, seed)
        shelf.count("canal", canal, seed)
    floor = noise_floor(load_runs(shelf.folder))
    assert floor.smallest == pytest.approx(1 / 2.0 - 1 / 2.1)
    assert (floor.scheme, floor.rounds) == ("canal", 3)
    assert groups(load_runs(shelf.folder)) == [["hostnetwork"], ["calico"], ["canal"]]


def test_one_seed_has_no_floor(shelf):
    shelf.count("hostnetwork", 1.0)
    shelf.count("calico", 1.2)
    assert np.isnan(noise_floor(load_runs(shelf.folder)).smallest)


def test_schemes_closer_than_the_floor_form_one_group(shelf):
    near = [20.05, 20.0, 20.1, 20.0, 20.1, 20.0, 20.1, 20.05]
    shelf.add_rounds(hostnetwork=STEADY, macvlan=near, calico=[18.0, 18.1] * 4)
    found = groups(load_runs(shelf.folder))
    assert [set(names) for names in found] == [{"hostnetwork", "macvlan"}, {"calico"}]


def test_a_chain_of_small_steps_is_not_one_group(shelf):
    loud = [(20.0, 20.6), (20.6, 20.0), (20.0, 20.5), (20.5, 20.0)] * 2
    steps = {name: [20 * (0.98**n)] * 8 for n, name in enumerate(["macvlan", "ovs", "calico"], 1)}
    shelf.add_rounds(hostnetwork=loud, **steps)
    found = groups(load_runs(shelf.folder))
    assert found[0][0] == "hostnetwork" and "calico" not in found[0]

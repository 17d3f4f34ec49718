import pytest

from cniperf.analysis.ladder import LADDER, ladder_table
from cniperf.runs import load_runs

CLIMB = {"hostnetwork": 20.0, "macvlan": 19.0, "calico": 16.0, "flannel_hostgw": 15.0,
         "flannel_vxlan": 4.0}  # fmt: skip


def test_each_step_costs_what_it_takes_from_the_one_before(shelf):
    shelf.add_rounds(**{name: [gbps] * 6 for name, gbps in CLIMB.items()})
    table = ladder_table(load_runs(shelf.folder))
    assert list(table["scheme"]) == [rung.scheme for rung in LADDER]
    assert list(table["cost"]) == pytest.approx([0, 0.05, 0.15, 0.05, 0.55])
    assert list(table["left"]) == pytest.approx([1, 0.95, 0.8, 0.75, 0.2])
    assert table["cost_low"].notna().tolist() == [False, True, True, True, True]


def test_costs_are_of_the_same_round(shelf):
    faster = {name: [gbps, 2 * gbps] * 4 for name, gbps in CLIMB.items()}
    shelf.add_rounds(**faster)
    table = ladder_table(load_runs(shelf.folder))
    assert table["cost_high"][4] - table["cost_low"][4] == pytest.approx(0)


def test_without_every_step_there_is_no_ladder(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 6, calico=[15.0] * 6)
    assert ladder_table(load_runs(shelf.folder)).empty

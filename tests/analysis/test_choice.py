import pytest
from conftest import ROOT
from odd_runs import add_proven

from cniperf.analysis.choice import choice_table
from cniperf.analysis.loss import sittings
from cniperf.analysis.paths import UNDERLAY
from cniperf.errors import ParameterError
from cniperf.runs import load_runs


@pytest.fixture(scope="module")
def runs():
    __, own = next(sittings(load_runs(ROOT / "data/reference")))
    return own


def test_what_the_network_lets_through_decides(runs):
    hosts, ips, macs = (choice_table(runs, allows=each) for each in UNDERLAY)
    assert set(hosts.index[hosts["fits"]]) == {"canal", "flannel-vxlan"}
    assert set(ips.index[ips["fits"]]) == {"canal", "flannel-vxlan", "calico", "flannel-hostgw"}
    assert set(macs.index[macs["fits"]]) - set(ips.index[ips["fits"]]) == {"macvlan"}
    assert "calico" in ips.index[ips["pick"]] and macs.index[0] == "macvlan"


def test_a_policy_on_the_host_leaves_out_what_goes_past_it(runs):
    table = choice_table(runs, policy=True)
    assert not table["fits"]["macvlan"] and table["fits"]["calico"]


def test_open_vswitch_in_userspace_is_never_picked(runs):
    table = choice_table(runs)
    assert not table[table["userspace"]]["fits"].any()


def test_only_what_fits_is_picked_and_it_stands_first(runs):
    for allows in UNDERLAY:
        table = choice_table(runs, allows=allows, policy=True)
        assert table[table["pick"]]["fits"].all() and table["pick"].iloc[0]


def test_without_evidence_nothing_fits(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 15.0)
    table = choice_table(load_runs(shelf.folder))
    assert list(table.index) == ["calico"] and not table["fits"].any()


def test_an_unknown_allowance_says_which_there_are(shelf):
    shelf.folder.mkdir()
    with pytest.raises(ParameterError, match="hosts only"):
        choice_table(load_runs(shelf.folder), allows="everything")


def test_of_few_rounds_no_scheme_is_picked_whose_interval_lies_far_off(shelf):
    """Three rounds tell no pair apart once the tests are adjusted for how many pairs there are."""
    for number, wobble in enumerate([1.0, 1.02, 0.97], 1):
        for place, scheme in enumerate(["hostnetwork", "macvlan", "calico", "flannel-vxlan"]):
            gbps = [20.0, 19.8, 17.0, 4.0][place] * (wobble if place % 2 else 2 - wobble)
            add_proven(shelf, scheme, gbps, suite="s", round=number)
    table = choice_table(load_runs(shelf.folder), allows="pods' MACs")
    assert "flannel-vxlan" not in table.index[table["pick"]] and table["pick"]["macvlan"]

import numpy as np
import pytest

from cniperf.analysis.claims import ARTICLE_LOSS, CLAIMS, claims_table
from cniperf.runs import load_runs


def test_the_articles_stated_figures_are_there():
    stated = {(c.scheme, c.relative_to): c.change for c in CLAIMS if not c.implied}
    assert stated["calico", "hostnetwork"] == pytest.approx(-0.30)
    assert stated["calico", "macvlan"] == pytest.approx(-0.29)
    assert stated["calico", "ovs"] == pytest.approx(-0.20)
    assert stated["ovs-bridge", "ovs"] == pytest.approx(-0.26)
    assert stated["flannel-vxlan", "hostnetwork"] == stated["canal", "hostnetwork"] == -0.86
    assert stated["canal", "flannel-vxlan"] == 0.01


def test_implied_figures_follow_from_stated_ones():
    assert ARTICLE_LOSS["macvlan"][0] == pytest.approx(0.014, abs=5e-4)
    assert ARTICLE_LOSS["ovs"] == (pytest.approx(0.125), True)
    assert ARTICLE_LOSS["ovs-bridge"][0] == pytest.approx(0.3525)


def test_ours_stand_beside_the_articles(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 16.0)
    table = claims_table(load_runs(shelf.folder))
    row = table[table["claim"].eq("calico is slower than hostnetwork")].iloc[0]
    assert row["ours"] == pytest.approx(-0.2) and row["comparable"]
    assert np.isnan(table[table["claim"].str.startswith("macvlan")].iloc[0]["ours"])


def test_userspace_figures_are_never_compared_with_the_articles(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 16.0)
    shelf.add("ovs", 1.0, ovs_datapath="netdev")
    table = claims_table(load_runs(shelf.folder)).set_index("claim")
    assert not table.loc["ovs is next after macvlan", "comparable"]
    assert not table.loc["calico is slower than ovs", "comparable"]
    assert table.loc["calico is slower than hostnetwork", "comparable"]

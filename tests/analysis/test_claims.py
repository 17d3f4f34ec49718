import pytest

from cniperf.analysis.claims import ARTICLE_LOSS, CLAIMS, claims_table, judge
from cniperf.analysis.interval import Interval
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


def verdicts(shelf):
    return claims_table(load_runs(shelf.folder)).set_index("claim")


def test_a_claim_needs_rounds_before_it_is_judged(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 16.0)
    row = verdicts(shelf).loc["calico is slower than hostnetwork"]
    assert row["ours"] == pytest.approx(-0.2)
    assert row["verdict"] == "undecided" and "6 rounds" in row["why"]
    missing = verdicts(shelf).loc["canal is as slow"]
    assert missing["verdict"] == "undecided" and missing["why"] == "not measured here"


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ((-0.32, -0.30, -0.28), "confirmed"),
        ((-0.35, -0.30, -0.25), "confirmed"),
        ((-0.36, -0.30, -0.28), "undecided"),
        ((-0.32, -0.27, -0.24), "undecided"),
        ((-0.24, -0.20, -0.18), "contradicted"),
        ((-0.45, -0.40, -0.36), "contradicted"),
    ],
)
def test_a_verdict_is_where_the_whole_interval_lies(ours, verdict):
    (claim,) = (c for c in CLAIMS if c.text == "calico is slower than hostnetwork")
    assert judge(claim, Interval(*ours))[0] == verdict


@pytest.mark.parametrize(
    ("ours", "floor", "verdict"),
    [
        # of calico's 0.70 a floor of 4 % is 2.8 points: they may not reach over an end
        ((-0.32, -0.30, -0.28), 0.04, "confirmed"),
        ((-0.32, -0.30, -0.28), 0.08, "undecided"),
        ((-0.30, -0.28, -0.26), 0.04, "confirmed"),
        ((-0.30, -0.275, -0.26), 0.04, "undecided"),
        ((-0.24, -0.22, -0.20), 0.04, "undecided"),
        ((-0.24, -0.21, -0.20), 0.04, "contradicted"),
        # the same floor is less than a point where a fifth is left
        ((-0.83, -0.82, -0.81), 0.66, "contradicted"),
    ],
)
def test_an_interval_counts_as_no_narrower_than_the_noise_floor(ours, floor, verdict):
    (claim,) = (c for c in CLAIMS if c.text == "calico is slower than hostnetwork")
    found, why = judge(claim, Interval(*ours), floor)
    assert found == verdict
    assert (why == "an end of the range is nearer than the noise floor") == (found == "undecided")
    assert judge(claim, Interval(*ours))[0] != "undecided"


def test_rounds_that_do_not_agree_with_themselves_decide_nothing(shelf):
    """hostnetwork twice a round, a fifth apart: calico's twelve points less say nothing then."""
    for number in range(1, 9):
        for gbps in (20.0, 16.0 if number % 2 else 24.0):
            shelf.add("hostnetwork", gbps, suite="s", round=number)
        shelf.add("calico", 0.88 * (18.0 if number % 2 else 22.0), suite="s", round=number)
    row = verdicts(shelf).loc["calico is slower than hostnetwork"]
    assert row["ours_low"] > row["band_high"]
    assert row["verdict"] == "undecided" and "noise floor" in row["why"]


def test_every_kind_of_verdict_comes_from_rounds(shelf):
    shelf.add_rounds(
        hostnetwork=[20.0] * 8,
        macvlan=[19.8, 19.9, 19.7, 19.8] * 2,
        calico=[18.0, 18.1, 18.0, 17.9] * 2,
        flannel_hostgw=[17.6, 18.3, 18.2, 17.7] * 2,
    )
    found = verdicts(shelf)["verdict"]
    assert found["calico is slower than hostnetwork"] == "contradicted"
    assert found["macvlan comes close to hostnetwork"] == "confirmed"
    assert found["hostnetwork is best (next here: macvlan)"] == "confirmed"
    assert found["flannel host-gw is within 1 % of calico"] == "undecided"


def test_a_count_is_judged_by_its_seeds(shelf):
    for seed in (1, 2):
        shelf.count("hostnetwork", 0.989, seed)
        shelf.count("macvlan", 1.035, seed)
        shelf.count("ovs", 1.2135, seed, ovs_datapath="system")
        shelf.count("calico", 1.393 + 0.001 * seed, seed)
    found = verdicts(shelf)
    assert found.loc["calico is slower than hostnetwork", "verdict"] == "confirmed"
    assert found.loc["calico is slower than ovs", "verdict"] == "contradicted"
    assert "hostnetwork is best (next here: macvlan)" in found.index
    only = load_runs(shelf.folder)
    row = claims_table(only[only["seed"].eq(1)]).set_index("claim")
    assert row.loc["calico is slower than ovs", "why"] == "a spread takes 2 seeds"


def test_userspace_figures_are_never_compared_with_the_articles(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 16.0)
    shelf.add("ovs", 25.0, ovs_datapath="netdev")
    found = verdicts(shelf)
    assert found.loc["ovs is next after macvlan", "verdict"] == "not comparable here"
    assert found.loc["calico is slower than ovs", "verdict"] == "not comparable here"
    assert found.loc["calico is slower than hostnetwork", "verdict"] == "undecided"
    assert "hostnetwork is best (next here: calico)" in found.index

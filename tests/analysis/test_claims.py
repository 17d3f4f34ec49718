import numpy as np
import pytest

from cniperf.analysis.claims import ARTICLE_LOSS, CLAIMS, claims_table
from cniperf.runs import load_runs
from cniperf.sections.verdicts import kind, tally


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


CALICO = "calico is slower than hostnetwork"
WITHIN = "flannel host-gw is within 1 % of calico"
WOBBLE = 0.006 * np.linspace(-1, 1, 13)


def labs(shelf, **shares):
    """Thirteen labs a scheme, which carry some share of hostnetwork's."""
    dice = np.random.default_rng(1)
    shelf.add_labs(**{name: share * np.exp(dice.permutation(WOBBLE))
                      for name, share in shares.items()})  # fmt: skip
    return verdicts(shelf)


def test_a_claim_needs_rounds_before_it_is_judged(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 16.0)
    row = verdicts(shelf).loc[CALICO]
    assert row["ours"] == pytest.approx(-0.2)
    assert (row["direction"], row["size"]) == ("not told apart", "not known well enough")
    assert row["says"] == "an interval takes 2 rounds"
    missing = verdicts(shelf).loc["canal is as slow"]
    assert missing["says"] == "not measured here" and missing["direction"] == missing["size"] == ""


@pytest.mark.parametrize(
    ("share", "direction", "size", "says"),
    [
        (0.70, "holds", "as the article", "slower, by as much as in the article"),
        (0.74, "holds", "as the article", "slower, by as much as in the article"),  # 5.7 % more
        (0.76, "holds", "less", "slower, by less"),  # 8.6 % more
        (0.85, "holds", "less", "slower, by less"),
        (0.60, "holds", "more", "slower, by more"),
        (1.00, "not told apart", "less", "not told apart; less than in the article"),
        (1.05, "does not hold", "less", "faster, not slower; less than in the article"),
    ],
)
def test_direction_and_size_are_two_questions(shelf, share, direction, size, says):
    """A calico that is 15 % slower contradicts no *slower*: it is slower, by less."""
    row = labs(shelf, calico=share).loc[CALICO]
    assert (row["direction"], row["size"], row["says"]) == (direction, size, says)


def test_a_size_that_is_not_known_well_enough_is_said(shelf):
    loud = [0.65, 0.8, 0.7, 0.85, 0.75, 0.6]
    shelf.add_labs(calico=loud)
    row = verdicts(shelf).loc[CALICO]
    assert (row["direction"], row["size"]) == ("holds", "not known well enough")
    assert row["says"] == "slower; how much is not known well enough"


def test_the_margin_is_of_what_is_carried(shelf):
    """Five points are a third of what vxlan carries: 14 and 18 % are not the same."""
    found = labs(shelf, flannel_vxlan=0.18, canal=0.145)
    assert found.loc["flannel vxlan is slowest", "size"] == "less"
    assert found.loc["canal is as slow", "size"] == "as the article"


def test_the_smallest_margin_that_would_have_confirmed_is_told(shelf, monkeypatch):
    row = labs(shelf, calico=0.80).loc[CALICO]
    assert row["size"] == "less" and 0.14 < row["needed"] < 0.16
    for margin, size in ((row["needed"] + 1e-6, "as the article"), (row["needed"] - 1e-6, "less")):
        monkeypatch.setattr("cniperf.analysis.claims._margin", lambda _, m=margin: np.log1p(m))
        assert verdicts(shelf).loc[CALICO, "size"] == size


def test_no_noise_floor_hides_a_true_two_percent(shelf):
    row = labs(shelf, macvlan=0.98).loc["macvlan comes close to hostnetwork"]
    assert row["direction"] == "holds" and row["size"] == "as the article"


def test_a_control_as_noisy_as_can_be_changes_no_verdict(shelf):
    """The interval has the baseline's noise already: it is not asked for twice."""
    before = labs(shelf, calico=0.76).loc[CALICO]
    for number in range(1, 14):
        shelf.lab("hostnetwork", 1.2 if number % 2 else 0.8, suite="s", round=number)
    assert verdicts(shelf).loc[CALICO, "says"] == before["says"] == "slower, by less"


def test_hostnetwork_is_best_only_where_every_scheme_is_slower(shelf):
    found = labs(shelf, macvlan=0.98, calico=0.75, canal=0.2).loc["hostnetwork is best"]
    assert found["direction"] == "holds" and found["says"] == "every scheme is slower"
    assert found["ours"] == pytest.approx(-0.02, abs=1e-3) and found["size"] == ""


def test_hostnetwork_is_not_best_where_one_scheme_is_faster(shelf):
    found = labs(shelf, macvlan=0.98, ovs=1.03, canal=0.2).loc["hostnetwork is best"]
    assert found["direction"] == "does not hold" and found["says"] == "ovs is faster"


def test_hostnetwork_is_not_told_to_be_best_where_any_scheme_is_not_told_from_it(shelf):
    """The scheme that looks best, macvlan, is known to be slower; that says nothing of canal."""
    shelf.add_labs(canal=[0.6, 1.2, 0.7, 1.1, 0.8, 0.9, 0.95])
    found = labs(shelf, macvlan=0.98).loc["hostnetwork is best"]
    assert found["direction"] == "not told apart" and found["says"] == "not told apart from canal"


def test_a_scheme_that_ran_once_leaves_open_whether_hostnetwork_is_best(shelf):
    shelf.lab("canal", 0.2, suite="s", round=1)
    found = labs(shelf, macvlan=0.98).loc["hostnetwork is best"]
    assert (found["direction"], found["says"]) == ("not told apart", "an interval takes 2 rounds")


def test_a_claim_of_one_percent_is_taken_at_its_word(shelf):
    row = labs(shelf, calico=0.75, flannel_hostgw=0.7505).loc[WITHIN]
    assert row["says"] == "equal within 1 %" and kind(row) == "confirmed"


def test_further_apart_than_one_percent(shelf):
    row = labs(shelf, calico=0.75, flannel_hostgw=0.70).loc[WITHIN]
    assert (row["size"], row["says"]) == ("more", "further apart than 1 %")
    assert kind(row) == "contradicted"
    (sentence,) = tally(load_runs(shelf.folder))
    assert "1 does not hold" in sentence


def test_one_percent_more_or_less_needs_more_labs(shelf):
    row = labs(shelf, calico=0.75, flannel_hostgw=0.743).loc[WITHIN]
    assert (row["size"], row["direction"]) == ("not known well enough", "")
    assert kind(row) == "undecided"


def test_the_more_claims_the_more_each_has_to_show(shelf):
    edge = [0.955, 0.99, 0.985, 0.975, 1.003, 0.972, 0.97, 0.968]
    shelf.add_labs(macvlan=edge)
    name = "macvlan comes close to hostnetwork"
    assert verdicts(shelf).loc[name, "direction"] == "holds"
    loud = [0.7, 1.9, 0.8, 1.75, 0.85, 0.72, 0.88, 0.8]
    shelf.add_labs(calico=loud, flannel_vxlan=loud, canal=loud[3:] + loud[:3])
    assert verdicts(shelf).loc[name, "direction"] == "not told apart"


def placed(shelf, shared, apart, many=(6, 6)):
    for lie, share, labs in zip((1.5, 4.7), (shared, apart), many, strict=True):
        for number in range(1, labs + 1):
            shelf.lab("calico", share + 0.001 * (-1) ** number, suite="s", round=number,
                      handover=[lie, lie])  # fmt: skip
    return verdicts(shelf).loc[CALICO]


def test_two_placements_that_agree_give_one_verdict(shelf):
    row = placed(shelf, 0.76, 0.84)
    assert (row["direction"], row["size"]) == ("holds", "less")
    assert row["says"] == "slower, by less"
    assert row["ours_low"] < -0.24 and row["ours_high"] > -0.16


@pytest.mark.parametrize("many", [(12, 4), (4, 12)])
def test_where_they_disagree_it_depends_however_many_runs_each_has(shelf, many):
    row = placed(shelf, 0.70, 0.80, many)
    assert (row["direction"], row["size"]) == ("holds", "depends")
    assert row["says"] == (
        "with a common cache: slower, by as much as in the article; "
        "without a common cache: slower, by less"
    )


def test_a_count_is_judged_by_what_all_seeds_say(shelf):
    for seed in (1, 2):
        shelf.count("hostnetwork", 0.989, seed)
        shelf.count("macvlan", 1.035, seed)
        shelf.count("ovs", 1.2135, seed, ovs_datapath="system")
        shelf.count("calico", 1.393 + 0.001 * seed, seed)
    found = verdicts(shelf)
    assert found.loc[CALICO, "says"] == "slower, by as much as in the article"
    assert found.loc["calico is slower than ovs", "says"] == "slower, by less"
    assert found.loc["hostnetwork is best", "says"] == "every scheme is slower"
    only = load_runs(shelf.folder)
    row = claims_table(only[only["seed"].eq(1)]).set_index("claim")
    assert row.loc["calico is slower than ovs", "says"] == "a spread takes 2 seeds"


def test_userspace_figures_are_never_compared_with_the_articles(shelf):
    for number in (1, 2, 3):
        here = {"suite": "s", "round": number}
        shelf.add("hostnetwork", 20.0, **here)
        shelf.add("calico", 16.0, **here)
        shelf.add("ovs", 25.0, **here, ovs_datapath="netdev")
    found = verdicts(shelf)
    for claim in ("ovs is next after macvlan", "calico is slower than ovs"):
        assert found.loc[claim, "says"] == "Open vSwitch ran in userspace"
        assert not found.loc[claim, "comparable"] and np.isnan(found.loc[claim, "ours"])
    assert found.loc[CALICO, "direction"] == "holds"
    assert found.loc["hostnetwork is best", "says"] == "every scheme is slower"

import pandas as pd
import pytest

from cniperf.generators import Figures
from cniperf.measure.summary import costs, jain, together


def test_fairness_is_one_for_equal_shares_and_one_nth_for_one_that_has_all():
    assert jain([5.0] * 8) == pytest.approx(1)
    assert jain([8.0, 0, 0, 0]) == pytest.approx(0.25)
    assert jain([1, 2, 3]) == pytest.approx(36 / 42)  # (1+2+3)² / (3 · (1+4+9))
    assert jain([0.0, 0.0]) == 0


def test_pairs_add_up_and_their_samples_are_put_together():
    one = Figures(per_second=10.0, latency=pd.Series([9, 1], index=[20.0, 50.0]))
    two = Figures(per_second=30.0, latency=pd.Series([29, 1], index=[20.0, 90.0]))
    whole = together([one, two])
    assert whole["per_second"] == 40 and whole["pair_figures"] == [10, 30]
    assert whole["latency"].to_dict() == {20.0: 38, 50.0: 1, 90.0: 1}
    assert whole["jain"] == pytest.approx(1600 / 2000) and whole["gbps"] is None
    assert "jain" not in together([one])


def test_cpu_time_is_told_for_a_gigabyte_and_for_a_transaction():
    none = pd.DataFrame({"second": [], "seconds": [], "gbps": [], "omitted": []})
    found = costs({"a": 0.8, "b": 0.4}, {"gbps": None, "per_second": 20_000}, none)
    assert found["cpu_each_a"] == pytest.approx(40) and found["cpu_per_gb_a"] is None
    seconds = pd.DataFrame({"second": [1.0, 2.0], "seconds": [1.0, 1.0], "gbps": [10.0, 30.0],
                            "omitted": [True, False]})  # fmt: skip
    for there in (1.0, 0.7):  # of the bytes of the intervals, which from iperf3 3.16 on lack some
        own = seconds.assign(gbps=seconds["gbps"] * there)
        found = costs({"a": 1.0, "b": 0.5}, {"gbps": 30.0, "per_second": None}, own)
        assert found["cpu_per_gb_b"] == pytest.approx(0.5 / (20 / 8))  # of all seconds that it saw
    all_lost = costs({"a": 1.0, "b": 0.5}, {"gbps": 30.0, "per_second": None}, own.assign(gbps=0.0))
    assert all_lost["cpu_per_gb_b"] == pytest.approx(0.5 / (30 / 8))
    assert set(costs(None, {"gbps": 1.0, "per_second": 1.0}, none).values()) == {None}

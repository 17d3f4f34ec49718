import numpy as np
import pandas as pd
import pytest

from cniperf.analysis.trend import trend


def series(gbps, omitted=0):
    return pd.DataFrame(
        {"second": np.arange(1, len(gbps) + 1) / 10, "gbps": gbps,
         "omitted": [place < omitted for place in range(len(gbps))]}
    )  # fmt: skip


def test_a_rise_is_told_as_a_share_of_the_median():
    found = trend(series(np.linspace(9, 11, 21)))
    assert found["trend"] == pytest.approx(0.2)
    assert found["trend_low"] == pytest.approx(0.2) == found["trend_high"]


def test_noise_around_a_level_is_no_trend():
    found = trend(series(10 + np.random.default_rng(1).normal(0, 1, 20)))
    assert found["trend_low"] < 0 < found["trend_high"]


def test_omitted_seconds_do_not_count():
    assert trend(series([1.0] * 5 + [10.0] * 10, omitted=5))["trend"] == 0


def test_too_few_points_tell_nothing():
    assert trend(series([1.0, 2.0, 3.0]))["trend"] is None

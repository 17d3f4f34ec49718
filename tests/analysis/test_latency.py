import numpy as np
import pandas as pd
import pytest

from cniperf import charts, sections
from cniperf.analysis.latency import (
    added,
    counts,
    latency_table,
    load_latency,
    percentile,
    percentiles,
    write_counts,
)
from cniperf.runs import load_runs


def test_counts_keep_three_digits_and_every_sample():
    found = counts(pd.Series([10.04, 10.02, 99.96, 1234.0, 0.01234]))
    assert found.to_dict() == {0.0123: 1, 10.0: 2, 100.0: 1, 1230.0: 1}


def test_percentiles_are_those_of_the_samples():
    times = np.random.default_rng(1).lognormal(4, 0.5, 100_000)
    found = percentiles(counts(pd.Series(times)))
    wanted = np.percentile(times, [50, 90, 99, 99.9])
    assert list(found.values()) == pytest.approx(wanted, rel=0.006)
    assert list(found) == ["p50", "p90", "p99", "p999"]


def test_the_slowest_of_a_hundred_is_its_100th_percentile_not_its_99th():
    count = counts(pd.Series([10.0] * 99 + [500.0]))
    assert (percentile(count, 99), percentile(count, 99.5)) == (10, 500)


@pytest.fixture
def timed(shelf):
    """Two schemes, two runs each, one of calico's with a long tail."""

    def add(scheme, times, number):
        run = shelf.add(scheme, 0.1, mode="rr", generator="sockperf", per_second=1000.0,
                        suite="s", round=number)  # fmt: skip
        write_counts(run, counts(pd.Series(times)))

    for number in (1, 2):
        add("hostnetwork", [20.0] * 990 + [40.0] * 10, number)
        add(
            "calico",
            [30.0] * (995 if number == 1 else 900) + [300.0] * (5 if number == 1 else 100),
            number,
        )
    return load_runs(shelf.folder)


def test_runs_are_put_together_never_averaged(timed):
    table = latency_table(timed)
    assert table.loc["calico", "transactions"] == 2000
    assert table.loc["calico", "p90"] == 30 and table.loc["calico", "p99"] == 300
    assert (table.loc["calico", "p99_low"], table.loc["calico", "p99_high"]) == (30, 300)
    assert added([load_latency(path) for path in timed["path"]]).sum() == 4000


def test_chart_and_section_draw_with_and_without_samples(timed, shelf):
    chart = charts.latency(timed)
    chart._repr_mimebundle_()
    assert {"hostnetwork", "calico"} <= {text.get_text() for text in chart.axes[0].texts}
    assert "300.0" in sections.latency(timed).text
    charts.latency(timed.iloc[:0])._repr_mimebundle_()
    shelf.add("macvlan", 10.0)
    assert load_latency(load_runs(shelf.folder)["path"].iloc[-1]).empty

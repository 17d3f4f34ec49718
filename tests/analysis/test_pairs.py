import pytest

from cniperf import charts, sections
from cniperf.analysis.pairs import load_pairs, pairs_table
from cniperf.runs import load_runs


@pytest.fixture
def shared(shelf):
    """Two schemes that four pairs share, one of them unevenly."""
    for number in (1, 2):
        for scheme, shares, jain in (
            ("hostnetwork", [5.0] * 4, 1.0),
            ("calico", [1, 2, 3, 6], 0.72),
        ):
            shelf.add(scheme, float(sum(shares)), pairs=4, suite="s", round=number,
                      pair_figures=shares, jain=jain)  # fmt: skip
    return load_runs(shelf.folder)


def test_each_pair_of_each_run_is_a_row(shared):
    assert len(load_pairs(shared)) == 16
    row = pairs_table(shared).loc["calico"]
    assert (row["runs"], row["pairs"], row["figure"]) == (2, 4, 12)
    assert (row["low"], row["median"], row["high"], row["jain"]) == (1, 2.5, 6, 0.72)


def test_chart_and_section_draw_with_and_without_pairs(shared, shelf):
    charts.pairs(shared)._repr_mimebundle_()
    assert "How 4 pairs shared" in sections.pairs(shared).text
    charts.pairs(shared.iloc[:0])._repr_mimebundle_()

import numpy as np
import pytest

from cniperf import sections
from cniperf.analysis.link import link_table
from cniperf.runs import load_runs


@pytest.fixture
def runs(shelf):
    """20 Gbit/s for half a CPU second a GB on each host; calico takes 0.6, flannel-vxlan fills 4."""
    for number in range(1, 9):
        for scheme, gbps, cost in (("hostnetwork", 20.0, 0.5), ("calico", 15.0, 0.6),
                                   ("flannel-vxlan", 4.0, 2.0)):  # fmt: skip
            shelf.add(scheme, gbps, suite="s", round=number, cpu_per_gb_a=cost,
                      cpu_per_gb_b=cost)  # fmt: skip
    return load_runs(shelf.folder)


def test_where_the_link_is_the_limit_a_scheme_costs_cores(runs):
    table = link_table(runs).set_index(["scheme", "link"])
    ten = table.loc[("calico", 10.0)]
    assert ten["fills"] and ten["carries"] == 10.0
    assert ten["cores"] == pytest.approx(10 / 8 * 1.2)  # CPU seconds a GB, 1.25 GB/s
    assert ten["more"] == pytest.approx(10 / 8 * 0.2) == ten["more_low"]
    assert table.loc[("hostnetwork", 10.0), "more"] == 0


def test_a_scheme_that_does_not_fill_a_link_says_what_it_carries(runs):
    table = link_table(runs).set_index(["scheme", "link"])
    assert not table.loc[("flannel-vxlan", 10.0), "fills"]
    assert table.loc[("flannel-vxlan", 10.0), "carries"] == pytest.approx(4.0)
    assert table.loc[("flannel-vxlan", 1.0), "more"] == pytest.approx(1 / 8 * 3.0)
    assert not table.loc[("hostnetwork", 25.0), "fills"]
    text = sections.link(runs).text
    assert "carries 4.0 Gbit/s" in text and "+0.25 cores" in text and "1.25 cores" in text


def test_without_cpu_time_there_is_no_table(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    runs = load_runs(shelf.folder)
    assert link_table(runs).empty and sections.link(runs).text == ""


def test_transactions_fill_no_link(shelf):
    for number in range(1, 4):
        for scheme in ("hostnetwork", "calico"):
            shelf.add(scheme, 9.0, suite="s", round=number, mode="rr", per_second=9000.0,
                      cpu_each_a=1.0, cpu_each_b=1.0)  # fmt: skip
    assert link_table(load_runs(shelf.folder)).empty


def test_without_hostnetwork_there_is_no_table(shelf):
    shelf.add("calico", 9.0, cpu_per_gb_a=0.5, cpu_per_gb_b=0.5)
    assert link_table(load_runs(shelf.folder)).empty


def test_one_run_has_no_interval(shelf):
    for scheme in ("hostnetwork", "calico"):
        shelf.add(scheme, 12.0, suite="s", cpu_per_gb_a=0.5, cpu_per_gb_b=0.5)
    runs = load_runs(shelf.folder)
    assert np.isnan(link_table(runs)["more_low"].iloc[-1])
    assert "<small>" not in sections.link(runs).text

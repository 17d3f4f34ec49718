import pytest

from cniperf import charts, sections
from cniperf.analysis.sweep import panels, sweep_table, varied
from cniperf.runs import load_runs
from cniperf.suites import Suite


@pytest.fixture
def swept(shelf):
    """Three MTUs and two numbers of streams; the loss falls with the MTU."""
    for number in range(1, 8):
        for mtu, share in ((1450, 0.5), (1500, 0.6), (9000, 0.9)):
            for streams in (1, 2):
                more = {"suite": "s", "round": number, "mtu": mtu, "streams": streams,
                        "cpu_per_gb_a": 0.2, "cpu_per_gb_b": 0.3}  # fmt: skip
                base = 20.0 + 0.1 * (number % 3)
                shelf.add("hostnetwork", base, **more)
                shelf.add("calico", share * base * (1 + 0.001 * number), **more)
    Suite(name="s", seed=1, cells=({"scheme": "calico"},), vary=("mtu", "streams")).save(
        shelf.folder
    )
    return load_runs(shelf.folder)


def test_each_point_has_the_loss_against_its_own_baseline(swept):
    assert varied(swept) == ["mtu", "streams"]
    table = sweep_table(swept)
    calico = table[table["scheme"].eq("calico")]
    assert len(calico) == 6
    assert calico[calico["streams"].eq(1)]["loss"].round(2).tolist() == [0.5, 0.4, 0.1]
    assert calico["cost"].tolist() == pytest.approx([0.5] * 6)


def test_each_placement_of_the_cpus_has_points_of_its_own(shelf):
    """At one point most runs had the CPUs lie elsewhere; that is no effect of the MTU."""
    for number in range(1, 11):
        for mtu in (1450, 1500):
            apart = number > (4 if mtu == 1500 else 7)
            base, share = (10.0, 0.5) if apart else (20.0, 0.8)
            more = {
                "suite": "s",
                "round": number,
                "mtu": mtu,
                "handover": [4.0 if apart else 1.8] * 2,
            }
            shelf.add("hostnetwork", base, **more)
            shelf.add("calico", share * base, **more)
    table = sweep_table(load_runs(shelf.folder))
    calico = table[table["scheme"].eq("calico")]
    for place, loss, runs in (("shared", 0.2, [7, 4]), ("apart", 0.5, [3, 6])):
        own = calico[calico["cache"].eq(place)]
        assert own["loss"].round(2).tolist() == [loss, loss] and own["runs"].tolist() == runs
    assert [(axis, others) for axis, others, _ in panels(table)] == [
        ("mtu", "cache apart"), ("mtu", "cache shared"),
    ]  # fmt: skip


def test_the_variable_with_the_most_values_runs_along_the_axis(swept):
    found = list(panels(sweep_table(swept)))
    assert [(axis, others) for axis, others, _ in found] == [
        ("mtu", "streams 1"), ("mtu", "streams 2"),
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["loss", "figure", "cost"])
def test_its_charts_draw_with_and_without_runs(swept, value):
    chart = charts.sweep(swept, value)
    chart._repr_mimebundle_()
    assert "calico" in [text.get_text() for axes in chart.axes for text in axes.texts]
    charts.sweep(swept.iloc[:0], value)._repr_mimebundle_()


def test_a_sweep_has_a_section_of_its_own(swept, shelf):
    shelf.add("macvlan", 19.0)
    sweeps, rest = sections.sweeps(load_runs(shelf.folder))
    assert [len(part) for part in sweeps] == [len(swept)] and rest["scheme"].tolist() == ["macvlan"]
    html = sections.swept(sweeps[0]).text
    assert "Sweep over mtu, streams" in html and "at 6 points" in html

import json
import re

import pytest
from conftest import ROOT
from iperf3_said import part, said
from matplotlib.text import Text
from three_beds import add_counted, add_lab

from cniperf import charts
from cniperf.analysis.compare import compare
from cniperf.analysis.factors import cells_table, effects_table
from cniperf.analysis.ladder import LADDER
from cniperf.analysis.loss import sittings
from cniperf.analysis.paths import last_evidence
from cniperf.charts import WIDTH
from cniperf.path_picture import _rows as rows_of
from cniperf.path_picture import path_picture
from cniperf.runs import load_runs


def words(chart):
    return [text.get_text() for text in chart.findobj(match=lambda x: hasattr(x, "get_text"))]


def shown(chart):
    """Render it, so that a chart that cannot be drawn fails here."""
    bundle, _ = chart._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG") and "<svg" in bundle["image/svg+xml"]
    return words(chart)


@pytest.mark.parametrize("draw", [charts.throughput, charts.loss])
def test_a_failed_scheme_is_drawn_as_failed_with_its_reason(shelf, draw):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    text = shown(draw(load_runs(shelf.folder)))
    assert any(word.startswith("failed: host a") for word in text)


@pytest.mark.parametrize("draw", [charts.throughput, charts.loss])
def test_nothing_to_draw_is_a_sentence(shelf, draw):
    shelf.folder.mkdir()
    assert any("nothing to draw" in word for word in shown(draw(load_runs(shelf.folder))))


def test_bars_say_their_figures(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 15.0)
    shelf.add("ovs", 1.0, ovs_datapath="netdev")
    runs = load_runs(shelf.folder)
    assert {"20.00", "15.00", "1.00*"} <= set(shown(charts.throughput(runs)))
    assert {"25.0 %", "95.0 %*"} <= set(shown(charts.loss(runs)))


def test_a_chart_is_laid_out_once_for_both_its_formats_and_again_when_it_changes(
    shelf, monkeypatch
):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 15.0)
    chart = charts.loss(load_runs(shelf.folder))
    times, engine = [], chart.get_layout_engine()
    monkeypatch.setattr(engine, "execute", lambda figure: times.append(figure))
    shown(chart)
    assert times == [chart] and chart.get_layout_engine() is engine
    shown(chart)
    assert times == [chart, chart]


def test_a_scheme_without_baseline_says_so(shelf):
    shelf.add("calico", 15.0)
    assert any("no hostnetwork run" in word for word in shown(charts.loss(load_runs(shelf.folder))))


def test_each_bed_has_axes_of_its_own_with_its_unit(shelf):
    add_lab(shelf)
    add_counted(shelf)
    chart = charts.beds(load_runs(shelf.folder))
    text = shown(chart)
    assert {"bed lab, Gbit/s", "bed counted, instructions/B", "offload, ERMS"} <= set(text)
    assert len(chart.axes) == 2
    lab = [line.get_xdata()[0] for line in chart.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(lab) == 10 and max(lab) == pytest.approx(81.0)  # Open vSwitch in userspace is out


def test_a_count_is_never_called_goodput(shelf):
    add_counted(shelf)
    runs = load_runs(shelf.folder).query("nic == 'offload' and not erms")
    for draw in (charts.loss, charts.throughput, charts.ladder, charts.trade_off, charts.beds):
        assert not [word for word in shown(draw(runs)) if "goodput" in word or "Gbit" in word]
    assert "Cost above hostnetwork, as loss" in shown(charts.loss(runs))


def test_an_unknown_scheme_gets_a_colour_and_known_ones_keep_theirs():
    found = charts.colours(["calico", "mine", "yours"])
    assert found["calico"] == charts.COLOURS["calico"]
    assert len({found["mine"], found["yours"], *charts.COLOURS.values()}) == len(charts.COLOURS) + 2


def test_a_timeline_of_failed_runs_is_a_sentence(shelf):
    failed, cut_short = shelf.add("canal"), shelf.add("canal")
    (failed / "iperf3-client.json").write_text('{"error": "no route"}')
    (cut_short / "iperf3-client.json").write_text('{"start": ')
    assert any("No run" in word for word in shown(charts.timeline([failed, cut_short])))


def test_a_timeline_has_a_line_a_run(shelf):
    run = shelf.add("calico", 15.0)
    text = json.dumps(said(intervals=[{"sum": part(n, n + 1, 15)} for n in range(3)]))
    (run / "iperf3-client.json").write_text(text)
    chart = charts.timeline([run, run])
    shown(chart)
    assert len(chart.axes[0].lines) == 2


@pytest.mark.parametrize("draw", [path_picture, charts.trade_off])
def test_runs_without_evidence_have_no_path_and_the_chart_says_so(shelf, draw):
    shelf.add("calico", 15.0)
    assert any(word.startswith("No ") for word in shown(draw(load_runs(shelf.folder))))


def test_no_name_lies_on_a_mark_of_the_cpu_chart(shelf):
    marks = {"hostnetwork": (37, 0.4), "macvlan": (36, 0.42), "calico": (29, 0.5),
             "flannel-hostgw": (28, 0.52), "flannel-vxlan": (7.1, 2.06), "canal": (7.2, 2.0)}  # fmt: skip
    for scheme, (gbps, cost) in marks.items():
        shelf.add(scheme, float(gbps), cpu_per_gb_a=cost / 2, cpu_per_gb_b=cost / 2)
    chart = charts.cpu(load_runs(shelf.folder))
    chart.canvas.draw()
    (axes,) = chart.axes
    names = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert set(names) == set(marks)
    for gbps, cost in marks.values():
        spot = axes.transData.transform((cost, gbps))
        assert not [name for name, box in names.items() if box.contains(*spot)]


@pytest.mark.parametrize(("rounds", "told"), [(1, False), (2, True)])
@pytest.mark.parametrize("draw", [charts.loss, charts.ladder])
def test_an_axis_speaks_of_intervals_only_where_there_are_some(shelf, draw, rounds, told):
    schemes = [rung.scheme.replace("-", "_") for rung in LADDER]
    shelf.add_rounds(**{name: [20.0 - step] * rounds for step, name in enumerate(schemes)})
    (axes,) = draw(load_runs(shelf.folder)).axes
    assert axes.get_xlabel() and ("95 % interval" in axes.get_xlabel()) is told


EIGHT = ["hostnetwork", "macvlan", "ovs", "ovs-bridge", "calico", "flannel-hostgw",
         "flannel-vxlan", "canal"]  # fmt: skip
TWENTY = [*EIGHT, *(f"scheme-{number}" for number in range(12))]


def eight(shelf):
    for round in range(1, 8):
        for place, scheme in enumerate(["hostnetwork", *EIGHT]):
            shelf.add(scheme, 20.0 - place + 0.1 * round, suite="s", round=round)


def one(shelf):
    for round in range(1, 8):
        shelf.add("hostnetwork", 20.0 + 0.1 * round, suite="s", round=round)


def twenty(shelf):
    for round in (1, 2):
        for place, scheme in enumerate(TWENTY):
            shelf.add(
                scheme,
                20.0 - 0.5 * place,
                suite="s",
                round=round,
                cpu_per_gb_a=0.1,
                cpu_per_gb_b=0.2,
            )


def failed(shelf):
    shelf.add("hostnetwork", 20.0, suite="s")
    shelf.add("canal", suite="s")


def single_round(shelf):
    for place, scheme in enumerate(EIGHT):
        shelf.add(scheme, 20.0 - place, suite="s")


def nothing(shelf):
    shelf.folder.mkdir()


def swept(draw):
    """Draw a sweep of the same runs: half of them at another MTU."""

    def drawn(runs):
        runs.loc[runs.index[: len(runs) // 2], "mtu"] = 9000
        return draw(runs)

    return drawn


def between(draw):
    """Draw the same runs as those of two pairs of hosts, by turns."""

    def drawn(runs):
        pairs = ("alpha,beta", "beta,gamma")
        runs["between"] = [pairs[number % 2] for number in range(len(runs))]
        return draw(runs)

    return drawn


DRAWN = {
    "beds": charts.beds,
    "throughput": charts.throughput,
    "loss": charts.loss,
    "cpu": charts.cpu,
    "latency": charts.latency,
    "pairs": charts.pairs,
    "ladder": charts.ladder,
    "trade_off": charts.trade_off,
    "hosts": charts.hosts,
    "hosts of two pairs": between(charts.hosts),
    "timeline": lambda runs: charts.timeline(runs["path"]),
    "sweep": charts.sweep,
    "sweep of two": swept(charts.sweep),
    "sweep's cost": swept(lambda runs: charts.sweep(runs, "cost")),
    "comparison": lambda runs: charts.comparison(compare(runs, runs)),
    "effects": lambda runs: charts.effects(effects_table(runs)),
    "cells": lambda runs: charts.cells(cells_table(runs)),
    "path_picture": path_picture,
}


def test_every_chart_is_among_those_that_are_drawn_here():
    drawing = {
        name for name in charts.__all__ if callable(getattr(charts, name)) and name[0].islower()
    }
    assert drawing - {"colours", "styled"} <= set(DRAWN)


@pytest.mark.parametrize(
    "runs", [one, eight, twenty, failed, single_round, nothing], ids=lambda made: made.__name__
)
@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_every_chart_takes_any_runs(shelf, draw, runs):
    runs(shelf)
    text = [word for word in shown(draw(load_runs(shelf.folder))) if word.strip()]
    if runs is nothing:
        assert any(word.rstrip().endswith(".") for word in text), (
            "a sentence says that there is nothing"
        )


PRINTED = 0.91 * 182 / 25.4 / WIDTH  # a chart's width on an A4 page, to its own


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_no_type_is_smaller_than_seven_points_on_paper(draw):
    _, runs = next(sittings(load_runs(ROOT / "data/reference")))  # with evidence
    chart = draw(runs)
    words = [text for text in chart.findobj(Text) if text.get_text().strip() and text.get_visible()]
    assert words and min(text.get_size() for text in words) * PRINTED >= 7


def test_both_ends_of_a_path_share_a_row_unless_they_differ():
    runs = load_runs(ROOT / "data/reference")
    chart = path_picture(runs[runs["scheme"].eq("calico")])
    assert "calico-h\n100 · 100\n100 · 100" in shown(chart)
    (evidence,) = last_evidence(runs[runs["scheme"].eq("calico")]).values()
    evidence["hops"] = [hop | ({"name": "cali0"} if hop["name"] == "calico-h" and hop["place"] == "b"
                               else {}) for hop in evidence["hops"]]  # fmt: skip
    assert [row[-1]["place"] for row in rows_of(evidence)] == ["wire", "wire"]


@pytest.mark.parametrize("name", ["loss", "throughput", "cpu", "ladder", "trade_off"])
def test_a_suite_of_which_nothing_ran_still_has_a_report(name, shelf):
    for scheme in ("hostnetwork", "calico"):
        shelf.add(scheme, None, suite="s")
    text = " ".join(shown(getattr(charts, name)(load_runs(shelf.folder))))
    assert re.search("failed: host a|No (run|round|scheme) here|nothing to draw", text)

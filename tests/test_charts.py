import json

import pytest

from cniperf import charts
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


def test_a_scheme_without_baseline_says_so(shelf):
    shelf.add("calico", 15.0)
    assert any("no hostnetwork run" in word for word in shown(charts.loss(load_runs(shelf.folder))))


def test_an_unknown_scheme_gets_a_colour_and_known_ones_keep_theirs():
    found = charts.colours(["calico", "mine", "yours"])
    assert found["calico"] == charts.COLOURS["calico"]
    assert len({found["mine"], found["yours"], *charts.COLOURS.values()}) == len(charts.COLOURS) + 2


def test_a_timeline_of_failed_runs_is_a_sentence(shelf):
    assert any("No run" in word for word in shown(charts.timeline([shelf.add("canal")])))


def test_a_timeline_has_a_line_a_run(shelf):
    run = shelf.add("calico", 15.0)
    total = {"bits_per_second": 15e9, "omitted": False, "seconds": 1, "retransmits": 0}
    (run / "iperf3-client.json").write_text(json.dumps({"intervals": [{"sum": total}] * 3}))
    chart = charts.timeline([run, run])
    shown(chart)
    assert len(chart.axes[0].lines) == 2


@pytest.mark.parametrize("draw", [path_picture, charts.trade_off])
def test_runs_without_evidence_have_no_path_and_the_chart_says_so(shelf, draw):
    shelf.add("calico", 15.0)
    assert any(word.startswith("No ") for word in shown(draw(load_runs(shelf.folder))))

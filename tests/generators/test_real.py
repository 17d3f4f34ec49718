"""Every generator in every mode it has, through real pods."""

import json

import pytest

import cniperf
from cniperf.analysis.latency import load_latency
from cniperf.errors import MeasurementFailed
from cniperf.generators import all_generators
from cniperf.params import Experiment
from cniperf.runs import load_runs

pytestmark = [pytest.mark.lab, pytest.mark.alone]

PAIRS = [(name, mode) for name, each in all_generators().items() for mode in each.modes]


def measured(tmp_path, **parameters):
    """Measure once, quickly; return the row and its folder."""
    quick = {"duration": 1, "omit": 0, "data_dir": tmp_path}
    (folder,) = cniperf.run(Experiment.of(**{**quick, **parameters}), lambda moment: None)
    (row,) = load_runs(folder).to_dict("records")
    return row, folder


@pytest.mark.parametrize(("generator", "mode"), PAIRS)
@pytest.mark.parametrize("scheme", ["hostnetwork", "canal"])
def test_each_has_a_figure_and_leaves_its_own_words(tmp_path, scheme, generator, mode):
    row, folder = measured(tmp_path, scheme=scheme, generator=generator, mode=mode, duration=2,
                           design="separate")  # fmt: skip
    assert row["figure"] > 0 and row["cost"] > 0 and row["version"]
    said = {file.name.split("-")[0] for file in folder.glob(f"{generator}-*")}
    assert said == {generator}
    assert not list(folder.glob("nginx*")) and not list(folder.glob("samples*"))
    timed = mode in ("rr", "crr")
    assert load_latency(folder).empty != timed
    if timed:
        assert 1 < row["p50"] <= row["p90"] <= row["p99"] <= row["p999"] < 1e6
        assert load_latency(folder).sum() == pytest.approx(2 * row["per_second"], abs=1)
        # One at a time: what half of the transactions took bounds how many there can be.
        assert row["per_second"] < 2.2e6 / row["p50"]
    else:
        assert row["gbps"] > 0.01
    if mode == "stream":
        assert row["mss"] == row["pod_mtu"] - 52  # both generators see the same path
    if mode == "udp":
        search = json.loads((folder / "run.json").read_text())["summary"]["search"]
        assert row["lost"] <= 0.001 and search[-1]["confirm"]


def test_responses_have_the_size_that_was_asked_for(tmp_path):
    row, folder = measured(tmp_path, scheme="hostnetwork", mode="crr", length=3000)
    assert (folder / "reply").stat().st_size == 3000 and row["per_second"] > 100


@pytest.mark.parametrize("mode", ["stream", "rr", "crr"])
def test_pairs_are_loaded_at_once_and_each_has_its_figure(tmp_path, mode):
    row, folder = measured(tmp_path, scheme="calico", mode=mode, pairs=4)
    each = json.loads((folder / "run.json").read_text())["summary"]["pair_figures"]
    assert len(each) == 4 and min(each) > 0 and sum(each) == pytest.approx(row["figure"])
    assert 0.25 <= row["jain"] <= 1


def test_a_server_that_answers_nothing_is_a_failure_not_a_zero(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "cniperf.generators.curl.CONFIG", "daemon off; events {{}}\n# {tag} {where}"
    )
    with pytest.raises(MeasurementFailed, match="the curl server does not listen"):
        measured(tmp_path, scheme="hostnetwork", mode="crr")
    (row,) = load_runs(tmp_path).to_dict("records")
    assert row["status"] == "failed" and row["figure"] != row["figure"]

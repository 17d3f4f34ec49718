"""Foreign data enters through one door: thousands of damaged files, each at most one line.

What a model lets through is read by all that reads; what it refuses takes nothing else with it.
"""

import json
import math
import os
import warnings
from contextlib import contextmanager

import pytest
from conftest import ROOT
from damage import damaged_json, damaged_lines, not_a_file, restored, shelf_of_reference

from cniperf.analysis.compare import compare, pair_up
from cniperf.analysis.damage import damaged
from cniperf.analysis.latency import load_latency
from cniperf.cli.measure import _announced
from cniperf.errors import BadRun, CniperfError, ParameterError
from cniperf.export import export
from cniperf.inventory import read_inventory
from cniperf.measure.kernels import Kernels
from cniperf.measure.rounds import Rounds
from cniperf.measure.suite import resumable
from cniperf.params import Experiment, read_settings
from cniperf.record import Params
from cniperf.runs import BrokenRunWarning, load_evidence, load_plans, load_raw, load_runs, read_run
from cniperf.suites import read_suite

HOSTS = """hosts:
  alpha:
    ssh: 10.1.1.1
    user: root
    port: 22
    key: ~/.ssh/key
    nic: eth1
    address: 192.168.20.42/24
    cpus: 0-2,5
  beta: {ssh: beta.example, jump: me@bastion, nic: eth1, address: 192.168.20.43/24}
pairs:
  - [alpha, beta]
"""
SETTINGS = """scheme: calico
nic: virtio
mtu: 1500
duration: 5
streams: 2
mode: stream
window: 512K
gro: off
rate: 2.5
udpcsum: yes
suite: mine
congestion: cubic
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return shelf_of_reference(tmp_path_factory.mktemp("door") / "data")


@contextmanager
def in_place_of(file, content):
    """Leave a damaged file in the place of a good one, for a while."""
    good = file.read_bytes()
    content(file) if callable(content) else file.write_bytes(content)
    try:
        yield
    finally:
        restored(file, good)


@contextmanager
def lines():
    """What is left out in the block, each a line; nothing else is warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield (found := [])
    for each in caught:
        if issubclass(each.category, BrokenRunWarning):
            found.append(str(each.message))
            assert_a_line(str(each.message))


def assert_a_line(text):
    assert text.isprintable() and len(text) <= 2000, text


def assert_no_lie(summary):
    if summary and summary.log_ratio is not None and summary.gbps and summary.base:
        assert abs(summary.log_ratio - math.log(summary.gbps / summary.base)) < 1
    found = [summary.p50, summary.p99] if summary else []
    assert None in found or found == sorted(found)


def damage(file, dice, way):
    if dice.random() < 0.03:
        return lambda at: not_a_file(at, dice)
    return way(file.read_text(), dice)


def cells():
    """The code of the report's notebook, whose pictures nobody looks at here."""
    book = json.loads((ROOT / "notebooks/report.ipynb").read_text())
    code = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    return "\n".join(code[1:]).replace("from IPython.display import display", "")


REPORT = compile(cells(), "report.ipynb", "exec")


def read_by_all(folder, tmp_path):
    """Read a folder by every verb that reads."""
    runs = load_runs(folder)
    damaged(runs)
    try:
        export(runs, tmp_path / "runs.csv")
        (tmp_path / "runs.csv").read_text(encoding="utf-8")
        for _, one, other in pair_up(runs, runs):
            compare(one, other)
    except CniperfError as problem:
        assert_a_line(str(problem))
    names = {"data_dir": str(folder), "suite": "", "lang": "en", "display": lambda *_: None}
    exec(REPORT, names)


def test_a_damaged_run_is_a_line_and_takes_no_other_with_it(folder, tmp_path, trials):
    dice, refused, read = trials.dice(1), 0, 0
    good = len(load_runs(folder))
    files = sorted(folder.glob("2*/run.json"))
    for _ in trials.of(120):
        file = dice.choice(files)
        with in_place_of(file, damage(file, dice, damaged_json)), lines() as found:
            runs = load_runs(folder)
            broken = runs.attrs["broken"]
            assert len(runs) + len(broken) == good and len(broken) <= 1
            refused += len(broken)
            if not broken and read < 2 * trials.times and dice.random() < 0.2:
                read += 1
                read_by_all(folder, tmp_path)
        assert len(set(found)) == len(broken)
    assert refused > 45 * trials.times and read == 2 * trials.times


def test_a_damaged_record_is_refused_in_a_line_or_read(folder, trials):
    dice, refused = trials.dice(5), 0
    files = sorted(folder.glob("2*/run.json"))
    for _ in trials.of(2500):
        file = dice.choice(files)
        with in_place_of(file, damage(file, dice, damaged_json)):
            try:
                assert_no_lie(read_run(file.parent).summary)
            except BadRun as problem:
                assert_a_line(str(problem))
                refused += 1
    assert refused > 1200 * trials.times


def test_a_damaged_file_of_a_run_is_a_line_and_the_report_goes_on(folder, tmp_path, trials):
    dice, refused = trials.dice(2), 0
    ways = {"evidence.json": damaged_json, "latency.csv": damaged_lines}
    files = sorted(file for name in ways for file in folder.glob(f"2*/{name}"))
    for number in trials.of(1000):
        file = dice.choice(files)
        with in_place_of(file, damage(file, dice, ways[file.name])), lines() as found:
            load_evidence(file.parent)
            load_latency(file.parent)
            if number % 1000 == 0:
                read_by_all(folder, tmp_path)
        assert len(set(found)) <= 1
        refused += len(set(found))
    assert refused > 300 * trials.times


def goes_on(suite, folder):
    """Ask of a suite what its first round will."""
    rounds = Rounds(suite, folder, folder, Kernels(), print)
    for cell in suite.cells:
        rounds._experiment(cell)
    _announced(suite)


def test_a_damaged_suite_is_a_line_and_the_report_goes_on(folder, tmp_path, trials):
    dice, refused = trials.dice(3), 0
    files = sorted(folder.glob("suites/*.json"))
    for file in files:  # what has ended goes on no more
        file.write_text(json.dumps(json.loads(file.read_text()) | {"ended": ""}))
    for number in trials.of(400):
        file = dice.choice(files)
        with in_place_of(file, damage(file, dice, damaged_json)):
            try:
                read_suite(folder, file.stem).command()
                goes_on(resumable(folder, file.stem), folder)
            except ParameterError as problem:
                assert_a_line(str(problem))
                refused += 1
            if number % 400 == 0:
                with lines():
                    read_by_all(folder, tmp_path)
    assert refused > 200 * trials.times


@pytest.mark.parametrize(
    ("text", "read"),
    [(SETTINGS, lambda file: Experiment.of(**read_settings(file))), (HOSTS, read_inventory)],
)
def test_a_damaged_settings_or_hosts_file_is_a_line(tmp_path, text, read, trials):
    dice, refused = trials.dice(4), 0
    file = tmp_path / "file.yaml"
    file.write_text(text)
    read(file)
    for _ in trials.of(300):
        with in_place_of(file, damaged_lines(text, dice)):
            try:
                read(file)
            except CniperfError as problem:
                assert_a_line(str(problem))
                refused += 1
    assert refused > 150 * trials.times


def test_every_parameter_of_an_experiment_is_one_of_a_record():
    """A round knows its runs by their parameters: one that the record drops would be another."""
    untold = {"data_dir", "first_round", "hosts", "kubeconfig"}
    assert set(Experiment.model_fields) - untold <= set(Params.model_fields)


FIGURES = [float("nan"), float("inf"), -1.0, 0, True, "9", [9.0], 1e300, 10**400, None]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: str(figure)[:9])
def test_what_is_no_figure_is_none(shelf, figure):
    run = shelf.add("calico", 9.0)
    record = json.loads((run / "run.json").read_text())
    record["summary"]["gbps"] = figure
    (run / "run.json").write_text(json.dumps(record))
    shelf.add("calico", 8.0)
    with pytest.warns(BrokenRunWarning) as told:
        assert load_runs(shelf.folder)["gbps"].tolist() == [8.0]
    assert len(told) == 1
    assert_a_line(str(told[0].message))


FACTS = [("status", "fine"), ("suite", "../x"), ("suite", None), ("round", 0), ("round", 1.5),
         ("started", "yesterday"), ("started", "0001-01-01T00:00:00+00:00"), ("started", 5),
         ("id", ["x"]), ("scheme", {"name": "", "order": 1}), ("scheme", {"name": ["x"], "order": 1}),
         ("params", {"bed": "cloud"}), ("format", True), ("format", {"a": 1})]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), FACTS)
def test_a_fact_of_a_wrong_kind_is_refused_by_name(shelf, key, value):
    run = shelf.add("calico", 9.0)
    record = json.loads((run / "run.json").read_text())
    record[key] = record["params"] | value if key == "params" else value
    (run / "run.json").write_text(json.dumps(record))
    with pytest.raises(BadRun, match=key) as told:
        read_run(run)
    assert_a_line(str(told.value))


def test_keys_of_a_newer_cniperf_are_let_be(shelf):
    run = shelf.add("calico", 9.0)
    record = json.loads((run / "run.json").read_text())
    ratio = math.log(9 / 10)
    record["summary"] |= {"of_tomorrow": [{"a": float(1)}], "base": 10.0, "log_ratio": ratio}
    record["summary"]["blocks"] = [ratio]
    record["params"] |= {"of_tomorrow": None, "design": "interleaved", "slice": 0.5}
    (run / "run.json").write_text(json.dumps(record))
    (row,) = load_runs(shelf.folder).to_dict("records")
    assert (row["design"], row["slice"], row["log_ratio"]) == ("interleaved", 0.5, ratio)
    assert read_run(run).summary.blocks == [ratio]


# Figures of an interleaved run: half of hostnetwork's 20 Gbit/s, in blocks that scatter.
BLOCKS = [math.log(0.5) + each for each in (-0.2, -0.1, 0.0, 0.1, 0.2)]
CONTRADICTIONS = [
    ({"log_ratio": -5}, "log_ratio is -5"), ({"log_ratio": 1e15}, "log_ratio"),
    ({"log_ratio": -1e15}, "log_ratio"), ({"log_ratio": -0.5}, "log_ratio is -0.5"),
    ({"log_ratio": -5, "blocks": None}, "log_ratio is -5"), ({"log_ratio": None}, "log_ratio"),
    ({"base": 1e15}, "gbps / base"), ({"base": None}, "base is missing"), ({"gbps": 19.0}, "blocks"),
    ({"blocks": []}, "blocks"), ({"blocks": [-5.0]}, "blocks"), ({"blocks": [1e3] * 3}, "blocks"),
    ({"p50": 9.0, "p99": 3.0}, "p50 is 9.0, more than p99, 3.0"),
    ({"p50": 1.0, "p90": 2.0, "p99": 4.0, "p999": 3.0}, "p99 is 4.0, more than p999"),
]  # fmt: skip


@pytest.mark.parametrize(("figures", "said"), CONTRADICTIONS)
def test_figures_that_contradict_each_other_are_no_figures(shelf, figures, said):
    run = shelf.lab("calico", 0.5, blocks=BLOCKS)
    assert read_run(run).summary.log_ratio == math.log(0.5)
    record = json.loads((run / "run.json").read_text())
    record["summary"] |= figures
    (run / "run.json").write_text(json.dumps(record))
    with pytest.raises(BadRun, match=said) as told:
        read_run(run)
    assert_a_line(str(told.value))


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [("params", {"scheme": "canal"}, "scheme is calico, but params.scheme is canal"),
     ("params", {"bed": "vm"}, "bed is lab, but params.bed is vm"),
     ("error", "host a: no", "its status is ok, but it has the error 'host a: no'")],
)  # fmt: skip
def test_a_run_that_contradicts_itself_is_refused(shelf, part, value, said):
    run = shelf.add("calico", 9.0)
    record = json.loads((run / "run.json").read_text())
    record[part] = record[part] | value if part == "params" else value
    (run / "run.json").write_text(json.dumps(record))
    with pytest.raises(BadRun, match=said) as told:
        read_run(run)
    assert_a_line(str(told.value))


def test_a_key_that_stands_twice_is_no_figure(shelf):
    run = shelf.add("calico", 9.0)
    text = (run / "run.json").read_text().replace('"gbps":', '"gbps": 99.0, "gbps":')
    (run / "run.json").write_text(text)
    with pytest.raises(BadRun, match="'gbps' stands twice"):
        read_run(run)


def test_what_is_no_file_is_not_waited_for(shelf):
    for name in ("run.json", "evidence.json", "latency.csv", "host-a.sh"):
        run = shelf.add("calico", 9.0)
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)
    with lines() as found:
        runs = load_runs(shelf.folder)
        found += map(str, damaged(runs))
        assert load_raw(shelf.folder / runs["run"].iloc[-1]) == {}
        assert len(list(load_plans(runs))) == 1
    assert len(runs) == 3 and len(set(found)) == 4
    assert all("no regular file" in each for each in found)


def test_a_folder_of_odd_names_is_read(shelf):
    shelf.add("calico", 9.0)
    (shelf.folder / "2026-loop").symlink_to("2026-loop")
    (shelf.folder / "2026-nowhere").symlink_to("nowhere")
    (shelf.folder / "2026\nline").mkdir()
    (shelf.folder / "2026-\udcff").mkdir()
    os.mkfifo(shelf.folder / "2026-pipe")
    with lines() as found:
        assert len(load_runs(shelf.folder)) == 1
    assert len(found) == 4


def test_a_folder_that_may_not_be_read_is_a_line(shelf, monkeypatch):
    """Root may read everything, so the refusal is made up."""
    closed = shelf.add("calico", 9.0)
    shelf.add("calico", 8.0)
    opened = os.open

    def refuse(path, *flags):
        if str(path).startswith(str(closed)):
            raise PermissionError(13, "Permission denied")
        return opened(path, *flags)

    monkeypatch.setattr("cniperf.files.os.open", refuse)
    with lines() as found:
        assert load_runs(shelf.folder)["gbps"].tolist() == [8.0]
    assert len(found) == 1 and "Permission denied" in found[0]
    monkeypatch.setattr("cniperf.runs.os.scandir", refuse)
    closed = shelf.folder
    with pytest.raises(BadRun, match=r"cannot read .*: Permission denied"):
        load_runs(shelf.folder)

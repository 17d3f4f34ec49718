import itertools
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from conftest import ended

from cniperf import sections
from cniperf.draft import Draft
from cniperf.errors import Busy, CannotWrite, ParameterError
from cniperf.measure import rounds as module
from cniperf.measure.kernels import Kernels
from cniperf.measure.progress import Headway, Outcome, label
from cniperf.measure.rounds import Rounds, order
from cniperf.measure.suite import _resume, new_suite, resumable, run_suite, scheme_cells
from cniperf.measure.sweep import sweep_cells
from cniperf.notebook import NotebookFailed
from cniperf.params import Experiment
from cniperf.runs import load_runs
from cniperf.suites import Suite, read_suite, suite_file

THREE = scheme_cells(["hostnetwork", "macvlan", "calico"])


def planned(tmp_path, cells=THREE, **settings):
    settings = {"seed": 1, "target": 0.0, "rounds": 8, **settings}
    return new_suite(Experiment.of(duration=1, omit=0, design="separate"), cells, **settings)


# ── the order ─────────────────────────────────────────────────────────────────────────────────


def test_a_round_has_every_cell_and_a_seed_gives_the_same_order_again(tmp_path):
    suite, other = planned(tmp_path), planned(tmp_path, seed=2)
    rounds = [order(suite, number) for number in range(1, 51)]
    assert rounds == [order(suite, number) for number in range(1, 51)]
    assert rounds != [order(other, number) for number in range(1, 51)]
    for cells in rounds:
        assert Counter(map(label, cells)) == {"hostnetwork": 2, "macvlan": 1, "calico": 1}
    assert len({label(cells[0]) for cells in rounds}) == 3  # nobody is always first


def test_progress_says_what_is_known_and_how_long_it_takes():
    assert str(Outcome({"scheme": "calico"}, 2, 9, 24, "22.50 Gbit/s", flags="trend")) == (
        "round 2 ·  9/24 · calico         22.50 Gbit/s   look: trend"
    )
    assert str(Outcome({"scheme": "x", "nic": "plain"}, 1, 1, 2, "", "no way")).endswith(
        "x nic=plain    failed: no way"
    )
    assert str(Headway(8, "calico", 0.021, 0.01, 95.0)) == (
        "── 8 rounds · least known: calico, ±2.1 points · wanted: ±1.0 · about 1 min 35 s left"
    )


# ── rounds, with runs made up: what a suite does with them ────────────────────────────────────


class World:
    """Stands for the notebook that measures: leaves a run of a figure that the test chose."""

    def __init__(self, monkeypatch, tmp_path):
        self.data, self.gbps, self.measured = tmp_path / "data", {}, []
        self.fails = lambda scheme, number, times: False
        self.lie = lambda: 1.5  # how the hosts' CPUs lie to each other, looked at now
        monkeypatch.setattr(module, "execute", self.execute)
        monkeypatch.setattr(module, "handover", lambda *_: self.lie())

    def execute(self, notebook, output, params, kernel):
        scheme, number = params["scheme"], params["first_round"]
        times = [m[:2] for m in self.measured].count((number, scheme))
        self.measured.append((number, scheme, params["nic"]))
        if self.fails(scheme, number, times):
            raise NotebookFailed(f"{scheme} would not")
        handover = [self.lie(), self.lie()]
        figure = self.gbps.get(scheme, lambda n: 20.0 + 0.01 * (n % 3))(number)
        with Draft(self.data, scheme) as draft:
            draft.finish(
                {"suite": params["suite"], "round": number, "params": params, "status": "ok",
                 "started": "2026-01-02T03:04:05+00:00", "bed": {"bed": "lab"},
                 "scheme": {"name": scheme, "order": 10},
                 "summary": {"gbps": figure, "handover": handover, "base": 20.0,
                             "log_ratio": math.log(figure / 20)},
                 "environment": {"kernel": "6", "cpu": "x", "cpus": 2,
                                 "versions": {"iperf3": "3"}}}
            )  # fmt: skip

    def run(self, suite, kernels=None):
        self.data.mkdir(exist_ok=True)
        self.said = []
        rounds = Rounds(suite, self.data, self.data, kernels or Kernels(), self.said.append)
        return rounds.run(), rounds


@pytest.fixture
def world(monkeypatch, tmp_path):
    return World(monkeypatch, tmp_path)


def test_it_stops_at_the_cap_of_rounds(world, tmp_path):
    reason, rounds = world.run(planned(tmp_path, rounds=3))
    assert reason == "the cap of 3 rounds" and rounds.good() == 3
    assert len(world.measured) == 12


def test_it_stops_when_it_knows_enough_and_not_before_six_rounds(world, tmp_path):
    reason, rounds = world.run(planned(tmp_path, target=0.01, rounds=50))
    assert reason == "the target: every loss is known to ±1 points" and rounds.good() == 6
    assert world.said[-1].scheme and world.said[-1].half_width <= 0.01


def test_noise_makes_it_go_on(world, tmp_path):
    world.gbps["calico"] = lambda number: 10.0 + 5 * (number % 4)
    reason, _ = world.run(planned(tmp_path, target=0.01, rounds=12))
    assert reason == "the cap of 12 rounds"


def test_it_stops_before_the_budget_is_spent(world, tmp_path, monkeypatch):
    clock = iter(range(0, 10**6, 5))  # each look at the clock takes five seconds
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    reason, rounds = world.run(planned(tmp_path, budget=150.0, rounds=50))
    assert reason == "the budget of 2 min 30 s" and 1 <= rounds.good() < 50


def test_one_slow_run_does_not_end_it_early(world, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    fails = world.fails

    def ticks(scheme, number, times):
        now[0] += 60.0 if len(world.measured) == 1 else 5.0  # the first one builds its guest
        return fails(scheme, number, times)

    world.fails = ticks
    _, rounds = world.run(planned(tmp_path, budget=400.0, rounds=50))
    assert rounds.good() >= 10 and now[0] + module.REPORT_SECONDS <= 400.0


def test_a_round_that_a_failure_broke_is_repeated(world, tmp_path):
    world.fails = lambda scheme, number, times: (scheme, number) == ("calico", 2)
    reason, rounds = world.run(planned(tmp_path, rounds=3))
    assert reason == "the cap of 3 rounds" and rounds.good() == 3
    assert {number for number, *_ in world.measured} == {1, 2, 3, 4}
    assert any("round 2 is dropped: calico failed" in str(line) for line in world.said)


def test_a_scheme_that_never_works_is_given_up_and_does_not_break_rounds(world, tmp_path):
    world.fails = lambda scheme, number, times: scheme == "calico"
    reason, rounds = world.run(planned(tmp_path, rounds=4))
    assert reason == "the cap of 4 rounds" and rounds.good() == 4
    assert Counter(scheme for _, scheme, _ in world.measured)["calico"] == 2


def test_nothing_that_works_ends_it(world, tmp_path):
    world.fails = lambda scheme, number, times: True
    assert world.run(planned(tmp_path))[0] == "failure: nothing here can be measured"


def test_rounds_that_always_break_end_it(world, tmp_path):
    world.fails = lambda scheme, number, times: scheme == "calico" and number > 1
    reason, _ = world.run(planned(tmp_path, rounds=3))
    assert reason == "failure: too many rounds were broken"


@pytest.mark.parametrize("after", range(1, 12))
def test_resumed_it_measures_just_what_was_missing(world, tmp_path, after):
    class Cut(BaseException):
        pass

    def cut(scheme, number, times):
        if len(world.measured) > after:
            raise Cut

    suite = planned(tmp_path, rounds=3)
    world.fails = cut
    with pytest.raises(Cut):
        world.run(suite)
    before = set(load_runs(world.data)["run"])
    assert len(before) == after
    world.fails = lambda *_: False
    assert world.run(suite)[0] == "the cap of 3 rounds"
    runs = load_runs(world.data)
    assert list(runs["error"].unique()) == [""]
    assert before < set(runs["run"]) and len(runs) == 12
    assert runs.groupby(["round", "scheme"]).size().to_dict() == {
        (number, scheme): 2 if scheme == "hostnetwork" else 1
        for number in (1, 2, 3)
        for scheme in ("hostnetwork", "macvlan", "calico")
    }


def test_a_round_waits_while_the_hosts_cpus_lie_elsewhere(world, tmp_path):
    """Two spells of a hypervisor's placement, changing within a run now and then."""
    looks = itertools.count()
    world.lie = lambda: 1.5 if next(looks) // 14 % 3 else 4.7
    reason, rounds = world.run(planned(tmp_path, rounds=6))
    runs = load_runs(world.data)
    assert reason == "the cap of 6 rounds" and rounds.good() == 6
    assert set(runs["cache"]) == {"shared", "apart", "moved"}
    settled = runs[runs["cache"].ne("moved")]
    counts = settled.groupby(["cache", "round"]).size()
    assert (counts == 4).sum() >= 6  # whole rounds
    assert settled.groupby("round")["cache"].nunique().max() <= 2
    whole = settled.groupby("round").filter(lambda part: len(part) == 4)
    assert whole.groupby("round")["cache"].nunique().eq(1).all()


def test_interleaved_rounds_lie_in_two_placements_and_hostnetwork_runs_once(world, tmp_path):
    """Each run has a hostnetwork of its own; only one that was moved meanwhile is repeated."""
    looks = itertools.count()
    world.lie = lambda: 1.5 if next(looks) // 3 % 2 else 4.7
    cells = scheme_cells(["hostnetwork", "macvlan", "calico"], design="interleaved")
    suite = new_suite(Experiment.of(), cells, seed=1, target=0.0, rounds=6)
    reason, rounds = world.run(suite)
    runs = load_runs(world.data)
    assert reason == "the cap of 6 rounds" and rounds.good() == 6
    assert set(runs["cache"]) == {"shared", "apart", "moved"}
    settled = runs[runs["cache"].ne("moved")]
    assert settled.groupby(["round", "scheme"]).size().eq(1).all()
    assert settled.groupby("round")["cache"].nunique().max() == 2


def test_cpus_that_never_rest_do_not_hold_a_suite_up(world, tmp_path):
    looks = itertools.count()
    world.lie = lambda: (1.5, 4.7)[next(looks) % 2]
    assert world.run(planned(tmp_path, rounds=1))[0] == "failure: too many rounds were broken"
    assert Counter(world.measured).most_common(1)[0][1] <= 2 * 3  # hostnetwork is twice a round


def test_a_sweep_cut_short_and_resumed_has_every_point_once(world, tmp_path):
    class Cut(BaseException):
        pass

    def cut(*_):
        if len(world.measured) > 10:
            raise Cut

    vary = {"mtu": [1450, 1500, 4000, 9000], "streams": [1, 2, 4]}
    base = Experiment.of(duration=1, omit=0, design="separate")
    suite = new_suite(base, sweep_cells(base, ["calico"], vary), target=0, rounds=1, seed=1,
                      vary=list(vary))  # fmt: skip
    world.fails = cut
    with pytest.raises(Cut):
        world.run(suite)
    suite.save(world.data)
    world.fails = lambda *_: False
    assert world.run(suite)[0] == "the cap of 1 rounds"
    runs = load_runs(world.data)
    counts = runs.groupby(["mtu", "streams", "scheme"]).size()
    assert len(counts) == 4 * 3 * 2
    assert counts.pop((1450, 1, "hostnetwork")) == 2  # the A/A control
    assert set(counts) == {1}
    (swept,), rest = sections.sweeps(runs)
    assert rest.empty and "at 12 points" in sections.swept(swept).text


def test_cells_that_differ_in_more_than_the_scheme_are_told_apart(world, tmp_path):
    cells = [{"scheme": "hostnetwork", "nic": nic} for nic in ("virtio", "offload")]
    _, rounds = world.run(planned(tmp_path, cells=cells, rounds=2))
    assert rounds.good() == 2
    assert Counter(nic for *_, nic in world.measured) == {"virtio": 2, "offload": 2}


def test_pairs_at_once_share_no_host_and_none_is_measured_twice(world, tmp_path):
    pairs = ["a,b", "c,d", "a,c", "b,d"]
    base = Experiment.of(bed="ssh", hosts=tmp_path / "hosts.yaml", duration=1, omit=0)
    suite = new_suite(base, scheme_cells(["hostnetwork", "calico"], pairs), target=0, rounds=2,
                      seed=1, at_once=2)  # fmt: skip
    world.lie = lambda: None  # the CPUs of two machines share no cache
    together, one_by_one = [], Kernels()

    def watched(tasks):
        together.append([task.args[1]["between"].split(",") for task in tasks])
        return one_by_one.together(tasks)

    assert world.run(suite, SimpleNamespace(together=watched))[0] == "the cap of 2 rounds"
    runs = load_runs(world.data)
    assert set(runs.groupby(["round", "between", "scheme"]).size().to_dict().values()) == {1, 2}
    assert len(runs) == 2 * 4 * 3
    for hosts in together:
        assert len({name for pair in hosts for name in pair}) == 2 * len(hosts) <= 4
    assert len(together) <= 2 * (4 * 3 / 2 + 2)  # nearly always two at once


# ── the suite's file ──────────────────────────────────────────────────────────────────────────


def test_a_suite_is_read_as_it_was_saved(tmp_path):
    suite = planned(tmp_path, target=0.02, budget=60.0)
    suite.save(tmp_path)
    assert read_suite(tmp_path, suite.name) == suite == resumable(tmp_path, suite.name)
    assert "seed1" in suite.name


def test_what_cannot_be_resumed_is_told(tmp_path):
    suite = Suite(name="x", seed=1, cells=())
    with pytest.raises(ParameterError, match="unknown suite 'x'"):
        resumable(tmp_path, "x")
    suite.end("the cap").save(tmp_path)
    with pytest.raises(ParameterError, match="has ended"):
        resumable(tmp_path, "x")
    suite_file(tmp_path, "x").write_text("{")
    with pytest.raises(ParameterError, match="broken"):
        resumable(tmp_path, "x")
    with pytest.raises(CannotWrite):
        suite.save(suite_file(tmp_path, "x"))


def test_an_unknown_language_is_told_before_anything_is_measured(tmp_path):
    suite = Suite(name="x", seed=1, cells=({"scheme": "macvlan"},))
    with pytest.raises(ParameterError, match="Known: en, zh"):
        run_suite(suite, data_dir=tmp_path, out_dir=tmp_path / "r", lang="de")
    assert list(tmp_path.iterdir()) == []


def words_of(command):
    """What cniperf is given where a command is pasted into a shell."""
    script = f"cniperf() {{ printf '%s\\0' \"$@\"; }}; {command}"
    return subprocess.check_output(["sh", "-c", script], text=True).split("\0")[:-1]


def test_a_report_s_command_can_be_pasted():
    params = Experiment.of(duration=1).model_dump(mode="json") | {"hosts": "my $(hosts); x.yaml"}
    cells = ({"scheme": "hostnetwork"}, {"scheme": "calico"})
    words = words_of(Suite(name="x", seed=1, cells=cells, params=params).command())
    assert words[words.index("--hosts") + 1] == "my $(hosts); x.yaml"


def test_how_to_go_on_names_the_language(tmp_path):
    assert _resume("x", None, tmp_path, "en").endswith(f"x --out-dir {tmp_path}")
    spaced = _resume("a b", tmp_path / "b c", tmp_path / "$(d)", "zh")
    assert words_of(spaced) == ["suite", "--resume", "a b", "--data-dir", f"{tmp_path}/b c",
                                "--out-dir", f"{tmp_path}/$(d)", "--lang", "zh"]  # fmt: skip
    assert _resume("x", None, None, "zh") == "cniperf suite --resume x --lang zh"


@pytest.mark.parametrize(
    ("data", "out"),
    [("file", "r"), ("file/d", "r"), ("d", "file"), ("d", "n" * 256), ("d", "loop")],
)
def test_a_place_that_cannot_be_is_refused_before_anything_is_written(tmp_path, data, out):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    suite = Suite(name="x", seed=1, cells=({"scheme": "macvlan"},), params={"bed": "lab"})
    with pytest.raises(CannotWrite, match="cannot write"):
        run_suite(suite, data_dir=tmp_path / data, out_dir=tmp_path / out)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "loop"]


def test_a_suite_that_finds_the_machine_taken_has_written_nothing(tmp_path, monkeypatch):
    @contextmanager
    def taken(*_):
        raise Busy("this machine is taken")
        yield

    monkeypatch.setattr("cniperf.measure.suite.check", lambda experiment: None)
    monkeypatch.setattr("cniperf.measure.suite.lock", taken)
    suite = Suite(name="x", seed=1, cells=({"scheme": "macvlan"},), params={"bed": "lab"})
    with pytest.raises(Busy):
        run_suite(suite, data_dir=tmp_path / "d", out_dir=tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


def test_two_suites_of_one_name_are_not_mixed(tmp_path):
    suite = Suite(name="x", seed=1, cells=({"scheme": "macvlan"},))
    suite.save(tmp_path)
    other = Suite(name="x", seed=2, cells=({"scheme": "macvlan"},))
    with pytest.raises(ParameterError, match="another suite x"):
        run_suite(other, data_dir=tmp_path, out_dir=tmp_path / "r")
    assert not (tmp_path / "r").exists()


# ── the real thing ────────────────────────────────────────────────────────────────────────────


def started(*words, environ=None):
    return subprocess.Popen(
        [sys.executable, "-m", "cniperf", "suite", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        env={**os.environ, **(environ or {})},
    )  # fmt: skip


@pytest.mark.lab
@pytest.mark.notebook
@pytest.mark.usefixtures("still")
def test_a_suite_goes_on_past_a_scheme_that_fails_and_says_so(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "ovsdb-tool").write_text("#!/bin/sh\necho no schema >&2; exit 1\n")
    (tools / "ovsdb-tool").chmod(0o755)
    suite = started(
        "macvlan", "ovs", "--rounds", 3, "--target", 0, "--duration", 1, "--omit", 0, "--seed", 3,
        "--data-dir", tmp_path / "d", "--out-dir", tmp_path / "r",
        environ={"PATH": f"{tools}:{os.environ['PATH']}"},
    )  # fmt: skip
    _, err = ended(suite, within=110)
    assert suite.returncode == 1 and err == "cniperf: ovs failed; the report says why\n"
    runs = load_runs(tmp_path / "d")
    assert runs.groupby(["scheme", "status"]).size().to_dict() == {
        ("hostnetwork", "ok"): 3, ("macvlan", "ok"): 3, ("ovs", "failed"): 2,
    }  # fmt: skip
    assert runs["suite"].nunique() == 1 and runs["suite"].iloc[0].endswith("seed3")
    html = (tmp_path / "r/report.html").read_text()
    assert 'ovs</b> <span class="bad">failed' in html and "the cap of 3 rounds" in html
    assert (tmp_path / "r/report.pdf").stat().st_size > 10_000
    (notebook,) = (tmp_path / "r/notebooks").glob("round-1-*-macvlan.ipynb")
    assert any(
        "image/png" in output.get("data", {})
        for cell in json.loads(notebook.read_text())["cells"]
        for output in cell.get("outputs", [])
    )


@pytest.mark.lab
@pytest.mark.notebook
@pytest.mark.usefixtures("still")
def test_stopped_in_round_three_and_resumed_it_repeats_nothing(tmp_path):
    where = ("--data-dir", tmp_path / "d", "--out-dir", tmp_path / "r")
    suite = started(
        "macvlan", "--rounds", 4, "--target", 0, "--duration", 1, "--omit", 0, *where
    )  # fmt: skip
    while "round 3 · 1/2" not in (line := suite.stdout.readline()):
        assert line, suite.stderr.read()
    suite.send_signal(signal.SIGTERM)
    out, err = ended(suite, within=30)
    assert suite.returncode == 143 and "stopped by SIGTERM" in err
    name = load_runs(tmp_path / "d")["suite"].iloc[0]
    assert f"stopped in round 3; to go on: cniperf suite --resume {name}" in out
    finished = set(load_runs(tmp_path / "d")["run"])
    again = started("--resume", name, *where)
    out, err = ended(again, within=100)
    assert again.returncode == 0, err
    runs = load_runs(tmp_path / "d")
    assert finished < set(runs["run"])
    assert runs.groupby(["round", "scheme"]).size().to_dict() == {
        (number, scheme): count
        for number in (1, 2, 3, 4)
        for scheme, count in (("hostnetwork", 1), ("macvlan", 1))
    }
    assert read_suite(tmp_path / "d", name).ended == "the cap of 4 rounds"
    assert (tmp_path / "r/report.pdf").exists()

"""A suite: its file, how it is gone on with, and what it refuses before it begins."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest
from conftest import ended
from world import planned

from cniperf.analysis.blocks import usable
from cniperf.errors import Busy, CannotWrite, ParameterError
from cniperf.measure.suite import _resume, new_suite, resumable, run_suite
from cniperf.params import Experiment
from cniperf.runs import load_runs
from cniperf.suites import Suite, read_suite, suite_file

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


ODD = [
    ({"params": {"data_dir": "/x"}}, "params has data_dir, which a suite gives its runs itself"),
    ({"params": {"suite": "y"}}, "params has suite"), ({"params": {"rounds": 2}}, "has rounds"),
    ({"params": {"first_round": 2}}, "has first_round"), ({"params": {"scheme": "ovs"}}, "scheme"),
    ({"cells": [{"scheme": "macvlan", "data_dir": "/x"}]}, "cells has data_dir"),
    ({"params": {"mtu": "1\n2"}}, "params"), ({"seed": 2**64}, "seed"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), ODD)
def test_what_a_suite_gives_its_runs_itself_is_no_parameter_of_it(tmp_path, changes, said):
    suite = planned(tmp_path)
    suite.save(tmp_path)
    file = suite_file(tmp_path, suite.name)
    whole = json.loads(file.read_text())
    whole |= {**changes, "params": whole["params"] | changes.get("params", {})}
    file.write_text(json.dumps(whole))
    with pytest.raises(ParameterError, match=said):
        resumable(tmp_path, suite.name)
    given = {name: whole[name] for name in ("seed", "params")} | {"cells": tuple(whole["cells"])}
    with pytest.raises(ParameterError, match=f"cannot be: .*{said}"):
        replace(suite, **given).save(tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["bed", "nic", "mtu", "duration", "omit"])
def test_a_suite_without_what_its_rounds_ask_for_is_not_resumed(tmp_path, name):
    suite = planned(tmp_path)
    params = {key: value for key, value in suite.params.items() if key != name}
    replace(suite, params=params).save(tmp_path)
    with pytest.raises(ParameterError, match=f"has no {name} in params: start another"):
        resumable(tmp_path, suite.name)


def test_a_suite_of_a_long_network_is_read_again(tmp_path):
    plugin = {"type": "bridge", "of_tomorrow": "z" * 9999}
    network = {"cniVersion": "1.0.0", "name": "n", "plugins": [plugin]}
    base = Experiment.of(scheme="cni", config=json.dumps(network))
    suite = new_suite(base, [{"scheme": "cni"}], seed=1)
    suite.save(tmp_path)
    assert resumable(tmp_path, suite.name) == suite


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
@pytest.mark.alone
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
    assert suite.returncode == 1 and err == "cniperf: ovs failed; the report has the reason\n"
    runs = load_runs(tmp_path / "d")
    assert runs["scheme"][runs["status"].eq("failed")].tolist() == ["ovs"] * 2
    counts = usable(runs)["scheme"].value_counts().to_dict()  # without what moved CPUs repeated
    assert counts == {"hostnetwork": 3, "macvlan": 3}
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
@pytest.mark.alone
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
    assert f"stopped in round 3; to continue: cniperf suite --resume {name}" in out
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

import json
import os
import subprocess
import sys

import pytest

from cniperf.measure.suite import Outcome, _order
from cniperf.runs import load_runs


def test_a_round_has_every_scheme_once_and_a_seed_gives_the_same_order_again():
    order = _order(["x", "y", "z"], 50, seed=7)
    assert order == _order(["x", "y", "z"], 50, seed=7) != _order(["x", "y", "z"], 50, seed=8)
    for number in range(1, 51):
        assert sorted(scheme for round_, scheme in order if round_ == number) == ["x", "y", "z"]
    assert len({order[0][1], *(order[3 * i][1] for i in range(50))}) == 3  # nobody is always first


def test_progress_tells_place_figure_and_time_left():
    assert str(Outcome("calico", 2, 9, 24, 22.5, "", 95.0)) == (
        "[ 9/24] round 2 · calico          22.50 Gbit/s · 1 min 35 s left"
    )
    last = Outcome("calico", 2, 24, 24, None, "no way", 0.0)
    assert str(last).endswith("failed: no way")


@pytest.mark.lab
@pytest.mark.notebook
def test_a_suite_goes_on_past_a_scheme_that_fails_and_says_so(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "ovsdb-tool").write_text("#!/bin/sh\necho no schema >&2; exit 1\n")
    (tools / "ovsdb-tool").chmod(0o755)
    words = ["suite", "macvlan", "ovs", "--rounds", "2", "--duration", "1", "--omit", "0",
             "--data-dir", tmp_path / "d", "--out-dir", tmp_path / "r", "--seed", "3"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "cniperf", *map(str, words)], capture_output=True, text=True,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}, timeout=110,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr == "cniperf: ovs failed; the report says why\n"
    runs = load_runs(tmp_path / "d")
    assert runs.groupby(["scheme", "status"]).size().to_dict() == {
        ("hostnetwork", "ok"): 2, ("macvlan", "ok"): 2, ("ovs", "failed"): 2,
    }  # fmt: skip
    assert runs["suite"].nunique() == 1 and runs["suite"].iloc[0].endswith("seed3")
    html = (tmp_path / "r/report.html").read_text()
    assert 'ovs</b> <span class="bad">failed' in html
    assert (tmp_path / "r/report.pdf").stat().st_size > 10_000
    assert len(list((tmp_path / "r/notebooks").iterdir())) == 6
    notebook = json.loads((tmp_path / "r/notebooks/round-1-macvlan.ipynb").read_text())
    assert any(
        "image/png" in o.get("data", {}) for c in notebook["cells"] for o in c.get("outputs", [])
    )

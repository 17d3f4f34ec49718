"""The notebooks as a person runs them: papermill, from where they lie and from the root."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from typed import cniperf, refused

from cniperf.analysis.factors import factorial_cells
from cniperf.notebook import NotebookFailed, execute
from cniperf.notebook_form import as_committed
from cniperf.runs import default_data_dir, load_runs
from cniperf.suites import suite_names

pytestmark = pytest.mark.notebook
PAPERMILL = Path(sys.executable).with_name("papermill")

from_both = pytest.mark.parametrize(
    ("cwd", "notebook"), [("notebooks", "run_scheme.ipynb"), (".", "notebooks/run_scheme.ipynb")]
)


def papermill(cwd, notebook, *words, output=None, **parameters):
    given = [str(word) for name, value in parameters.items() for word in ("-p", name, value)]
    out = [str(output)] if output else []
    return subprocess.run(
        [PAPERMILL, notebook, *out, *given, *words], cwd=ROOT / cwd, capture_output=True, text=True
    )


@pytest.mark.lab
@pytest.mark.alone
@from_both
def test_piped_the_notebook_is_printed_and_the_run_is_left(tmp_path, still, cwd, notebook):
    done = papermill(cwd, notebook, scheme="macvlan", duration=2, data_dir=tmp_path / "d")
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    said = "".join(
        output.get("text", "") if isinstance(output.get("text"), str) else "".join(output["text"])
        for cell in cells
        for output in cell.get("outputs", [])
        if "text" in output
    )
    assert "ip link add macvlan0 link eth0 type macvlan mode bridge" in said
    assert "connections 2 of 2 have had their turns" in said
    pictures = [o for c in cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(pictures) == 2  # throughput and path
    assert load_runs(tmp_path / "d")["scheme"].tolist() == ["macvlan"] * 4
    assert "macvlan</b>" in done.stdout and "95 % interval" in done.stdout  # the answer


@pytest.mark.lab
@pytest.mark.alone
def test_a_reader_who_closes_the_pipe_early_still_gets_the_run(tmp_path):
    line = f"{PAPERMILL} run_scheme.ipynb -p scheme macvlan -p duration 1 -p data_dir {tmp_path}/d | head -c1"
    done = subprocess.run(
        ["sh", "-c", line], cwd=ROOT / "notebooks", capture_output=True, text=True
    )
    assert done.stdout == "{"
    assert load_runs(tmp_path / "d")["status"].tolist() == ["ok"] * 4


@pytest.mark.lab
@pytest.mark.alone
def test_with_an_output_path_the_notebook_is_kept(tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(
        "notebooks", "run_scheme.ipynb", output=out, scheme="hostnetwork", duration=1, data_dir=tmp_path / "d"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text())["metadata"]["papermill"]["exception"] is None


def the_error(notebook):
    """The one error in an executed notebook."""
    cells = json.loads(notebook.read_text())["cells"]
    (error,) = (o for c in cells for o in c.get("outputs", []) if o["output_type"] == "error")
    return error


@pytest.mark.lab
@pytest.mark.alone
def test_the_command_line_keeps_a_notebook(tmp_path):
    file = tmp_path / "new/macvlan.ipynb"
    words = ["notebook", "macvlan", "--duration", "1", "--rounds", "2", "--out", file,
             "--data-dir", tmp_path / "d"]  # fmt: skip
    done = cniperf(*words)
    assert done.returncode == 0, done.stderr
    assert "connections 2 of 2 have had their turns" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("macvlan.ipynb")
    cells = json.loads(file.read_text())["cells"]
    assert any("image/png" in o.get("data", {}) for c in cells for o in c.get("outputs", []))
    assert load_runs(tmp_path / "d")["round"].tolist() == [1, 2]
    before = file.read_bytes()
    again = cniperf(*words)
    assert (again.returncode, again.stdout, file.read_bytes()) == (1, "", before)
    assert again.stderr.endswith(f"there is already a {file}: give another name with --out\n")


@pytest.mark.parametrize(("out", "says"), [
    ("file/x.ipynb", "file is no folder"), ("x" * 300, "File name too long"),
    ("folder", "it is no plain file"),
])  # fmt: skip
def test_a_notebook_that_cannot_be_written_is_refused_first(tmp_path, out, says):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    refused(cniperf("notebook", "calico", "--out", tmp_path / out), says, 1)


UNREACHABLE = """hosts:
  alpha: {ssh: 127.0.0.1, port: 1, nic: eth0, address: 192.168.20.42/24}
  beta: {ssh: 127.0.0.2, port: 1, nic: eth0, address: 192.168.20.43/24}
"""


def test_a_run_that_fails_leaves_no_notebook(tmp_path):
    hosts, folder = tmp_path / "hosts.yaml", tmp_path / "here"
    hosts.write_text(UNREACHABLE)
    words = ["notebook", "calico", "--bed", "ssh", "--hosts", hosts, "--out", folder / "x.ipynb"]
    done = cniperf(*words, "--data-dir", tmp_path / "d")
    assert done.returncode == 1 and "cannot be reached" in done.stderr.splitlines()[-1]
    assert list(folder.iterdir()) == []


def test_a_wrong_value_ends_papermill_in_one_clear_line(tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(".", "notebooks/run_scheme.ipynb", output=out, duration="abc")
    assert done.returncode != 0
    says = "ParameterError: duration='abc' is not allowed"
    assert says in done.stderr.rstrip().splitlines()[-1]
    assert len(the_error(out)["traceback"]) == 1  # no stack in the notebook either


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("scheme", "calcio", "UnknownScheme: unknown scheme 'calcio'; did you mean 'calico'?"),
        ("mtu", 100, "ParameterError: mtu=100 is not allowed"),
        ("duraton", 5, "ParameterError: unknown parameter 'duraton'; did you mean 'duration'?"),
        ("lang", "de", "ParameterError: unknown lang 'de'. Known: en, zh"),
    ],
)
def test_a_wrong_name_or_value_is_one_clear_line(tmp_path, kernel, name, value, says):
    with pytest.raises(NotebookFailed) as failed:
        execute("run_scheme", tmp_path / "out.ipynb", {name: value}, kernel)
    error = the_error(tmp_path / "out.ipynb")
    assert f"{error['ename']}: {failed.value}".startswith(says)
    assert len(error["traceback"]) == 1 and says in error["traceback"][0]


@pytest.mark.parametrize("file", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda file: file.stem)
def test_notebooks_are_committed_in_the_form_that_jupyterlab_saves(file):
    """Else one who only opens and saves one has changed it, as `git status` says."""
    import nbformat

    text = file.read_text()
    book = nbformat.reads(text, as_version=4)
    told = {"name": "python", "version": "3.11.2", "codemirror_mode": {"version": 3}}
    book.metadata.language_info = told  # a kernel does
    as_committed({"type": "notebook", "content": book}, path=file.name)
    assert nbformat.writes(book) + "\n" == text


@pytest.mark.parametrize("content", ["text", None, {"cells": []}])
def test_what_is_no_notebook_is_saved_as_it_is(content):
    model = {"type": "notebook" if isinstance(content, dict) else "file", "content": content}
    as_committed(model)
    assert model["content"] == content


def test_papermill_tells_every_parameter_with_its_type_and_meaning():
    done = papermill(".", "notebooks/run_scheme.ipynb", "--help-notebook")
    for name in ("scheme: str", "duration: int", "nic: str", "rounds: int", "window: str"):
        assert name in done.stdout
    assert "seconds of load that count" in done.stdout


@pytest.mark.parametrize("folder", ["notebooks", ".", "tests/beds"])
def test_in_a_checkout_runs_go_to_its_data_folder(monkeypatch, folder):
    monkeypatch.chdir(ROOT / folder)
    assert default_data_dir() == ROOT / "data"


def test_elsewhere_runs_go_to_a_data_folder_right_there(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert default_data_dir() == Path("data")


def test_the_report_notebook_reads_the_reference_runs_without_root(tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(
        "notebooks", "report.ipynb", output=out, data_dir="../data/reference",
        suite=suite_names(ROOT / "data/reference")[0],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = out.read_text()
    assert "What a pod network costs" in text and text.count('"image/png"') >= 2
    assert out.stat().st_size < 3_000_000


def shown(notebook):
    """What the cells of an executed notebook show, widgets' outputs included, as one text."""
    book = json.loads(notebook.read_text())
    widgets = book["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    inside = [out for state in widgets.values() for out in state["state"].get("outputs", [])]
    return json.dumps([inside, [cell.get("outputs") for cell in book["cells"]]], ensure_ascii=False)


EXPLORED = ["</b> carries ", "Loss against hostnetwork", "Of those that fit, ", "the underlay sees",
            "How it was wired", "From one set of runs to the other", "What the loss depends on"]  # fmt: skip


def test_explore_runs_without_a_browser_and_without_root(tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill("notebooks", "explore.ipynb", output=out)
    assert done.returncode == 0, done.stderr
    text = shown(out)
    assert [word for word in EXPLORED if word not in text] == []


def test_explore_speaks_the_readers_language(tmp_path, kernel):
    out = tmp_path / "out.ipynb"
    execute("explore", out, {"lang": "zh"}, kernel)
    text = shown(out)
    words = ["相对 hostnetwork 的损失", "如何组网", "从一组运行到另一组", "符合"]
    assert [word for word in words if word not in text] == []


def test_explore_takes_any_two_folders(shelf, tmp_path, kernel):
    shelf.add_rounds(hostnetwork=[20.0] * 7, calico=[15.0] * 7)
    out = tmp_path / "out.ipynb"
    folders = {"data_dir": str(shelf.folder), "other_dir": str(ROOT / "data/reference")}
    execute("explore", out, folders, kernel)
    assert "calico</b> loses 25.0 %" in shown(out)


def printed(notebook):
    """What the cells of an executed notebook print, as one text."""
    cells = json.loads(notebook.read_text())["cells"]
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    return "".join("".join(out["text"]) for out in outputs if "text" in out)


def test_before_and_after_are_compared(shelf, tmp_path, kernel):
    for name, slower in (("one", 1.0), ("two", 0.8)):
        shelf.folder = tmp_path / name
        shelf.add_rounds(hostnetwork=[20.0, 20.1] * 4, calico=[15.0 * slower, 15.1 * slower] * 4)
    out = tmp_path / "out.ipynb"
    folders = {"before": str(tmp_path / "one"), "after": str(tmp_path / "two")}
    execute("before_after", out, folders, kernel)
    assert re.search(r"calico +worse: 75\.\d % of hostnetwork → 60\.\d %", printed(out))
    assert printed(out).endswith("Slower after the change: calico.\n")
    assert '"image/png": "' in out.read_text()


def test_two_halves_of_the_reference_do_not_differ(tmp_path, kernel):
    out = tmp_path / "out.ipynb"
    execute("before_after", out, {}, kernel)
    last = printed(out).splitlines()[-1]
    assert re.fullmatch(r"(\d (undecided|same)(, )?)+\.", last), last


@pytest.mark.lab
@pytest.mark.alone
def test_two_machines_are_checked_measured_and_given_back(rehearsal, machines, looks, tmp_path):
    out = tmp_path / "out.ipynb"
    asked = {"hosts": str(rehearsal.hosts), "schemes": "calico,macvlan", "rounds": 2,
             "duration": 1, "data_dir": str(tmp_path / "data")}  # fmt: skip
    done = papermill(tmp_path, ROOT / "notebooks/two_machines.ipynb", output=out, **asked)
    assert done.returncode == 0, done.stderr
    text = out.read_text()
    assert "alpha,beta" in text and "ip link add calico-c" in text and "early free: <b>" in text
    runs = load_runs(tmp_path / "data")
    assert runs["bed"].eq("ssh").all() and runs["status"].eq("ok").all()
    assert runs.groupby("scheme").size().to_dict() == {"calico": 2, "hostnetwork": 2, "macvlan": 2}


def test_why_vxlan_reads_runs_that_are_there(shelf, tmp_path, kernel):
    for number in range(1, 7):
        for cell in factorial_cells():
            gbps = 20.0 if cell["scheme"] == "hostnetwork" else 16.0
            if cell["scheme"] == "flannel-vxlan":
                gbps = 4.0 if cell["nic"] == "virtio" else 9.0
            shelf.add(**cell, gbps=gbps, suite="why", round=number)
    out = tmp_path / "out.ipynb"
    execute("why_vxlan", out, {"suite": "why", "data_dir": str(shelf.folder)}, kernel)
    text = out.read_text()
    assert "no tunnel segmentation in the NIC</b> moves it most: +25.0 %" in text
    assert text.count('"image/png": "') == 2


@pytest.mark.lab
@pytest.mark.alone
@pytest.mark.usefixtures("still")
def test_why_vxlan_measures_every_combination(tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(tmp_path, ROOT / "notebooks/why_vxlan.ipynb", output=out, rounds=1, omit=0)
    assert done.returncode == 0, done.stderr
    runs = load_runs(tmp_path / "data")
    assert len(runs) == 16 and runs["status"].eq("ok").all()
    assert not runs.duplicated(["scheme", "nic", "gro", "udpcsum"]).any()
    assert "moves it most" in out.read_text()

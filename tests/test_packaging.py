"""pyproject.toml, requirements.lock, environment.yml, notebooks and the wheel say the same."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = [
    Requirement(r) for r in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"])
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_environment_yml_is_what_pyproject_gives(tmp_path):
    made = tmp_path / "environment.yml"
    command = ["make", "-s", "environment", f"ENVIRONMENT={made}", f"BIN={ROOT / '.venv/bin'}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert made.read_text() == (ROOT / "environment.yml").read_text()


def test_the_lock_holds_every_dependency_within_its_bounds():
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))
    for requirement in DECLARED:
        name = requirement.name.lower().replace("_", "-")
        assert Version(locked[name]) in requirement.specifier, requirement


def test_the_lock_has_hashes_and_names_no_registry():
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[a-z0-9-]+==", lock, re.MULTILINE)
    assert lock.count("--hash=sha256:") >= len(pins)
    assert "://" not in lock


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_thin_and_clean(file):
    cells = [cell for cell in json.loads(file.read_text())["cells"] if cell["cell_type"] == "code"]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    for line in "".join(tagged[0]["source"]).splitlines():
        assert re.fullmatch(r"\w+: (str|int|float|bool) = \S*  # .+", line), line
    for cell in cells:
        assert not cell["outputs"] and cell["execution_count"] is None
        assert "def " not in "".join(cell["source"])


def test_run_schemes_parameters_are_those_of_an_experiment():
    from cniperf.params import READING, Experiment

    (cell,) = (
        cell
        for cell in json.loads((ROOT / "notebooks/run_scheme.ipynb").read_text())["cells"]
        if "parameters" in cell["metadata"].get("tags", [])
    )
    names = {}
    exec("".join(cell["source"]), names)  # our own file, of assignments only
    del names["__builtins__"], names["__annotations__"]
    reading = {name: names.pop(name) for name in READING}  # how it is read, not what is measured
    assert reading == {"lang": "en"}
    assert set(names) == set(Experiment.model_fields)
    experiment = Experiment.from_namespace(names)
    assert experiment == Experiment.of(scheme="macvlan", rounds=4)


def test_the_wheel_carries_notebooks_and_templates(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*build, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {"notebooks/run_scheme.ipynb", "notebooks/report.ipynb", "py.typed",
              "templates/report/index.html.j2", "templates/report/style.css",
              "locale/zh/LC_MESSAGES/cniperf.po"}  # fmt: skip
    assert {f"cniperf/{name}" for name in wanted} <= names
    assert not [name for name in names if name.startswith(("data/", "tests/"))]


def test_the_changelog_has_every_bed_scheme_and_notebook():
    """A version of its own needs a heading; until then all that is there is to come."""
    import cniperf
    from cniperf.beds import all_beds
    from cniperf.schemes import all_schemes

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[?([\w.]+)", text, re.MULTILINE)
    assert sections[0] == "Unreleased" or sections[0] == cniperf.__version__
    assert (cniperf.__version__ in sections) or sections == ["Unreleased"]
    named = {*all_beds(), *all_schemes()}
    named |= {file.name for file in (ROOT / "notebooks").glob("*.ipynb")}
    assert [name for name in named if name not in text] == []

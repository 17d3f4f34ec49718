"""The design's laws, as far as a test can hold them."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT

READING = ["cniperf.runs", "cniperf.analysis.loss", "cniperf.analysis.claims", "cniperf.charts",
           "cniperf.analysis.beds", "cniperf.analysis.compare",
           "cniperf.report", "cniperf.sections", "cniperf.path_picture", "cniperf.notebook"]  # fmt: skip
WIRING = ("beds", "measure", "schemes", "steps", "plan", "params", "hosts", "generators", "cli")


def loaded_by(*modules: str) -> list[str]:
    code = f"import sys, {', '.join(modules)}; print('\\n'.join(sys.modules))"
    return subprocess.check_output([sys.executable, "-c", code], text=True).split()


@pytest.mark.parametrize("module", READING)
def test_the_reading_wing_imports_nothing_of_the_wiring_wing(module):
    wiring = tuple(f"cniperf.{name}" for name in WIRING)
    assert [name for name in loaded_by(module) if name.startswith(wiring)] == []


def test_importing_the_package_is_light():
    heavy = {"pandas", "matplotlib", "pydantic", "pyroute2", "typer", "papermill"}
    assert heavy.isdisjoint(loaded_by("cniperf"))


def test_only_beds_run_commands_or_speak_netlink():
    # environment asks tools for their versions, apart starts this very Python
    allowed = {"beds", "bench", "environment.py", "apart.py"}
    reach = re.compile(r"^\s*(import subprocess|(from|import) pyroute2)", re.MULTILINE)
    package = ROOT / "cniperf"
    found = [file for file in package.rglob("*.py") if reach.search(file.read_text())]
    assert {file.relative_to(package).parts[0] for file in found} <= allowed


def test_no_shell_strings_and_no_kills_by_name():
    for file in (ROOT / "cniperf").rglob("*.py"):
        text = file.read_text()
        for word in ("shell=True", "os.system", "pkill", "killall"):
            assert word not in text, (file, word)


def test_public_names_are_all_there():
    import cniperf

    assert all(getattr(cniperf, name) is not None for name in cniperf.__all__)
    assert set(cniperf.__all__) <= set(dir(cniperf))
    with pytest.raises(AttributeError, match="nonsense"):
        cniperf.nonsense  # noqa: B018

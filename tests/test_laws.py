"""The design's laws, as far as a test can hold them."""

import ast
import re
import subprocess
import sys
from typing import get_args

import pytest
from conftest import ROOT

from cniperf.beds import all_beds
from cniperf.record import BedName

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
    # environment asks tools for their versions, apart starts this very Python, cli/lab becomes the
    # shell or tcpdump that the user asked for
    allowed = {"beds", "bench", "environment.py", "apart.py", "cli/lab.py"}
    package = ROOT / "cniperf"
    found = [file.relative_to(package) for file in package.rglob("*.py")
             if REACH.search(file.read_text(encoding="utf-8"))]  # fmt: skip
    assert [str(file) for file in found if not {file.parts[0], str(file)} & allowed] == []


REACH = re.compile(
    r"^\s*(import subprocess|from subprocess import (?!DEVNULL$)|(from|import) pyroute2)"
    r"|\bos\.(exec|system|spawn|posix_spawn|popen|fork)",
    re.MULTILINE,
)


@pytest.mark.parametrize(
    ("line", "reaches"),
    [("import subprocess", True), ("    from subprocess import run", True), ("os.execvp(x, y)", True),
     ("os.system(x)", True), ("from subprocess import DEVNULL", False), ("os.exit(1)", False)],
)  # fmt: skip
def test_every_way_to_run_a_command_would_be_seen(line, reaches):
    assert bool(REACH.search(line)) is reaches


def test_only_its_own_bed_speaks_to_a_kubernetes_cluster():
    libraries = ("lightkube", "httpx2", "httpcore2", "wsproto")
    for file in (ROOT / "cniperf").rglob("*.py"):
        if (ROOT / "cniperf/beds/k8s") not in file.parents:
            assert [name for name in imported(file) if name.startswith(libraries)] == [], file


def test_a_cluster_is_loaded_by_none_who_does_not_ask_for_one():
    libraries = {"lightkube", "httpx2", "wsproto", "msgspec"}
    assert libraries.isdisjoint(loaded_by("cniperf.cli", "cniperf.beds.k8s.client"))


def imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


@pytest.mark.parametrize("lower", ["beds", "generators", "schemes", "steps"])
def test_nothing_imports_what_stands_above_it(lower):
    """An import within a function is one, too."""
    above = tuple(f"cniperf.{name}" for name in ("measure", "sections", "charts", "cli", "report",
                                                 "bench", "doctor"))  # fmt: skip
    for file in (ROOT / "cniperf" / lower).rglob("*.py"):
        assert [name for name in imported(file) if name.startswith(above)] == [], file


def test_no_bed_is_asked_for_by_name_outside_the_beds():
    """Each declares itself: what is special about one stands in its own folder."""
    names = set(all_beds())
    for file in (ROOT / "cniperf").rglob("*.py"):
        if (ROOT / "cniperf/beds") not in file.parents:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("eq", "ne"):
                    sides = node.args
                asked = {each.value for side in sides for each in ast.walk(side)
                         if isinstance(each, ast.Constant)}  # fmt: skip
                assert not asked & names, f"{file}:{node.lineno}"


def test_every_bed_that_a_parameter_may_have_declares_itself():
    assert tuple(all_beds()) == get_args(BedName)


def test_every_text_is_read_and_written_as_utf_8_by_name():
    """Ruff's PLW1514 sees only what it knows to be a path; this sees every call of such a name."""
    for file in (ROOT / "cniperf").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call):
                assert not leaves_encoding_to_the_locale(call), f"{file}:{call.lineno}"


def leaves_encoding_to_the_locale(call):
    words = {word.arg: word.value for word in call.keywords}
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if "encoding" in words or ("text" not in words and name in ("run", "Popen", "check_output")):
        return False
    if name in ("read_text", "write_text"):
        return len(call.args) == (name == "write_text")
    if name in ("run", "Popen", "check_output"):  # of subprocess: of ours it is what is to be read
        return getattr(getattr(call.func, "value", None), "id", "") == "subprocess"
    mode = [*call.args, *words.values()][-1:] if name == "open" else []
    return any(isinstance(each, ast.Constant) and each.value in ("r", "w", "a", "a+", "r+")
               for each in mode)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "leaves"),
    [("file.read_text()", True), ("file.read_text('utf-8')", False), ("file.write_text(x)", True),
     ("file.write_text(x, encoding='utf-8')", False), ("file.open('w')", True),
     ("file.open('wb')", False), ("subprocess.run(x, text=True)", True),
     ("subprocess.run(x)", False), ("run(x, text=y)", False)],
)  # fmt: skip
def test_what_leaves_the_encoding_to_the_locale(line, leaves):
    assert leaves_encoding_to_the_locale(ast.parse(line).body[0].value) is leaves


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

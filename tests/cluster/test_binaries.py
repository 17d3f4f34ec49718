"""The cache of Kubernetes' programs, with recipes that take no time."""

import pytest

from cluster import binaries
from cniperf.errors import NotAble


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Build by another recipe, into another cache; return its file."""
    file = tmp_path / "build.sh"
    monkeypatch.setattr(binaries, "RECIPE", file)
    monkeypatch.setattr(binaries, "GO", tmp_path)
    monkeypatch.setattr(binaries, "go_version", lambda: "go1")
    monkeypatch.setattr(binaries, "source_version", lambda: "1.2.3-1")
    monkeypatch.setenv("CNIPERF_CACHE_DIR", str(tmp_path / "cache"))
    return file


BUILD = 'mkdir "$1/work" && cd "$1" && shift 3 && touch "$@"\n'


def test_programs_are_built_once_for_a_recipe(recipe, tmp_path):
    count = tmp_path / "count"
    recipe.write_text(f'echo once >>"{count}"; {BUILD}', encoding="utf-8")
    first = binaries.binaries()
    assert binaries.binaries() == first
    assert count.read_text(encoding="utf-8") == "once\n"
    assert sorted(file.name for file in first.iterdir()) == sorted(binaries.PROGRAMS)
    recipe.write_text(f"# another\n{BUILD}", encoding="utf-8")
    other = binaries.binaries()
    assert other != first and not first.exists()


def test_a_build_that_fails_says_so_in_one_line_and_leaves_nothing(recipe, tmp_path):
    recipe.write_text('mkdir "$1/work"; echo "E: no source" >&2; exit 100\n', encoding="utf-8")
    with pytest.raises(NotAble, match=r"^Kubernetes cannot be built: E: no source$"):
        binaries.binaries()
    assert not list((tmp_path / "cache").iterdir())

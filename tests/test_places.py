"""Places for results and for what is kept, also where a user has none."""

from pathlib import Path

import pytest

from cniperf.archive import NAME, shelf
from cniperf.beds.k8s import kubeconfig
from cniperf.cache import cache_dir
from cniperf.errors import BadRun, CannotWrite, NotAble
from cniperf.notebook import warm_kernel
from cniperf.places import expanded, require_file, require_folder
from cniperf.report import make_report
from cniperf.runs import load_runs


@pytest.fixture
def homeless(tmp_path, monkeypatch):
    """A user whom only a number names, as in many a container."""

    def unknown(number):
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "CNIPERF_CACHE_DIR", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)


def unpacked(folder):
    (folder / NAME).write_bytes(b"x")
    shelf(folder)


def lent(folder):
    with warm_kernel():
        pass


@pytest.mark.parametrize(
    ("work", "ways"),
    [(lambda folder: cache_dir(), "HOME or CNIPERF_CACHE_DIR"),
     (unpacked, "HOME or CNIPERF_CACHE_DIR"),
     (lambda folder: kubeconfig.access(None), "HOME or KUBECONFIG"),
     (lambda folder: kubeconfig.access(Path("~/x")), "HOME"),
     (lent, "HOME")],
)  # fmt: skip
def test_without_a_home_the_variable_to_set_is_named(homeless, tmp_path, work, ways):
    with pytest.raises(NotAble, match=f"is in no known home directory: set {ways}$"):
        work(tmp_path)


def test_without_a_home_a_folder_that_is_named_is_used(homeless, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(cache_dir()) == "/x/cniperf"
    monkeypatch.setenv("CNIPERF_CACHE_DIR", str(tmp_path))
    assert cache_dir() == tmp_path
    assert str(expanded("a/~")) == "a/~"


def test_a_pod_whose_user_has_no_home_has_its_account(homeless, tmp_path, monkeypatch):
    monkeypatch.setattr(kubeconfig, "ACCOUNT", tmp_path)
    (tmp_path / "token").touch()
    assert kubeconfig._files(None) == []


ODD = "n\udcff"  # as Python has a name that is no UTF-8


@pytest.mark.parametrize(
    "work",
    [lambda odd: require_folder(odd), lambda odd: require_file(odd / "x.csv"),
     lambda odd: require_file(odd.parent / "y\udcff.csv"), load_runs, make_report],
)  # fmt: skip
def test_a_name_that_is_no_text_is_refused_in_a_line(tmp_path, work):
    (tmp_path / ODD).mkdir()
    with pytest.raises((BadRun, CannotWrite), match="its name is no text in this locale") as told:
        work(tmp_path / ODD)
    str(told.value).encode()
    assert list((tmp_path / ODD).iterdir()) == []


def test_a_report_whose_folder_has_such_a_name_is_refused(shelf, tmp_path):
    shelf.add("calico", 9.0)
    with pytest.raises(CannotWrite, match="its name is no text in this locale"):
        make_report(shelf.folder, tmp_path / ODD)
    assert not (tmp_path / ODD).exists()


def test_runs_behind_a_circle_of_links_are_none(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BadRun, match="cannot read"):
        make_report(tmp_path / "loop")

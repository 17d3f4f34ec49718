"""Places for results and for what is kept, also where a user has none."""

from pathlib import Path

import pytest

from cniperf.archive import NAME, shelf
from cniperf.beds.k8s import kubeconfig
from cniperf.cache import cache_dir
from cniperf.errors import NotAble
from cniperf.notebook import warm_kernel
from cniperf.places import expanded


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

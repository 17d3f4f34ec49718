"""An API server of this process, and the cluster that a kubeconfig makes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from beds.k8s.fake_api import FakeApi, certificate

from cniperf.beds.k8s.client import Cluster


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other sooner than they would."""
    monkeypatch.setattr("cniperf.beds.k8s.api.PAUSE", 0.05)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has neither a kubeconfig nor a proxy."""
    for name in ("KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A server's certificate, and its key."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as api:
        yield api


@pytest.fixture
def cluster(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that has answered once, and may be away for three seconds."""
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
    cluster = Cluster.connect(patience=3)
    cluster.version()
    yield cluster
    cluster.close()

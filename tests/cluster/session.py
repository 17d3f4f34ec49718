"""The cluster that the tests of a session share: a rig, or one that ``CNIPERF_TEST_KUBECONFIG`` names."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import cannot_here

from cluster import image
from cluster.binaries import binaries
from cluster.rig import Rig
from cniperf.errors import NotAble

VARIABLE = "CNIPERF_TEST_KUBECONFIG"


@dataclass(frozen=True)
class Cluster:
    """What a test must know of a cluster.

    Attributes:
        kubeconfig: how to reach it.
        image: what the load can run in.
        nodes: two of its nodes.
        rig: it, where it is one.
    """

    kubeconfig: Path
    image: str
    nodes: tuple[str, str]
    rig: Rig | None = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in the cluster come last: it takes CPU time as long as it stands."""
    items.sort(key=lambda item: "cluster" in getattr(item, "fixturenames", ()))
    for item in items:
        if "programs" in getattr(item, "fixturenames", ()):
            # Their build is no part of a test, and takes longer than one may.
            item.add_marker(pytest.mark.timeout(300, func_only=True))


@pytest.fixture(scope="session")
def programs() -> Path | None:
    """The folder of Kubernetes' programs; None where a cluster is given."""
    if os.environ.get(VARIABLE):
        return None
    try:
        return binaries()
    except NotAble as problem:
        cannot_here(str(problem))


@pytest.fixture(scope="session")
def cluster(programs: Path | None) -> Iterator[Cluster]:
    """Two nodes that are ready."""
    if given := os.environ.get(VARIABLE):
        yield given_cluster(Path(given))
        return
    with ExitStack() as stack:
        try:
            rig = stack.enter_context(Rig(programs=programs))
        except NotAble as problem:
            cannot_here(str(problem))
        yield Cluster(rig.kubeconfig, rig.image, rig.nodes, rig)


def given_cluster(kubeconfig: Path) -> Cluster:
    """Look which nodes a cluster has that somebody else keeps.

    ``CNIPERF_TEST_IMAGE`` names what the load can run in there.
    """
    from lightkube import Client, KubeConfig
    from lightkube.resources.core_v1 import Node

    client = Client(KubeConfig.from_file(kubeconfig), trust_env=False)
    names = [node.metadata.name for node in client.list(Node)]
    if len(names) < 2:
        cannot_here(f"the cluster of {VARIABLE} has {len(names)} nodes: two are needed")
    return Cluster(
        kubeconfig, os.environ.get("CNIPERF_TEST_IMAGE", image.LOAD), (names[0], names[1])
    )

"""Reports that tests share: they are made once, and read by several."""

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cniperf.notebook import warm_kernel
from cniperf.report import Report, make_report
from cniperf.suites import suite_names

REFERENCE = Path(__file__).parent.parent / "data/reference"


@pytest.hookimpl(tryfirst=True)  # those of the cluster are put last after that
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests take minutes come first, so that no worker is alone with one at the end."""
    marks = ("notebook", "long")
    long = {item.path for item in items if any(map(item.get_closest_marker, marks))}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    """A kernel for the notebooks of a file of tests: to start one takes longer than most run."""
    with warm_kernel() as found:
        yield found


@pytest.fixture
def reported(kernel: Any, tmp_path: Path) -> Callable[..., Report]:
    """Make a report of some runs in the warm kernel; a page only, if no other formats are named."""
    return partial(make_report, out_dir=tmp_path / "r", formats=["html"], kernel=kernel)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of the eight schemes, as a user makes it: by a kernel of its own."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):  # which has a folder of its own there
        base = base.parent
    with locked(base / "reference.lock"):
        if not (base / "reference/report.pdf").exists():
            all_eight = suite_names(REFERENCE)[0]  # the others have other NICs, loads and MTUs
            make_report(REFERENCE, base / "reference", suite=all_eight)
    return Report(base / "reference", ("html", "pdf"))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep the other workers of a session out of the block."""
    with file.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pages_are_filled(pdf: Path, folder: Path) -> None:
    """No page but the last is half empty, and nothing leaves the margin."""
    *pages, last = filled(pdf, folder)
    assert len(pages) > 5
    assert min(down for down, _ in pages) > 0.5, [round(down, 2) for down, _ in pages]
    assert max(right for _, right in [*pages, last]) < 1 - 12 / 210  # A4, 14 mm of margin


def filled(pdf: Path, folder: Path) -> Iterator[tuple[float, float]]:
    """How far down each page of a PDF is printed, and how far to the right, without the footer."""
    import matplotlib.pyplot as plt
    import numpy as np

    subprocess.run(["pdftoppm", "-r", "30", "-gray", pdf, folder / "page"], check=True)
    for file in sorted(folder.glob("page-*.pgm")):
        ink = plt.imread(file) < 200
        body = ink[: int(0.93 * len(ink))]
        rows, columns = np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0))
        yield rows.max(initial=0) / len(ink), columns.max(initial=0) / ink.shape[1]

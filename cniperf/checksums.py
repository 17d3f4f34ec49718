"""Checksums of the files that a report was made from, as ``sha256sum`` writes and checks them."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from cniperf.suites import suite_file

NAME = "SHA256SUMS"


def checksums(folders: Iterable[Path | str], suites: Iterable[str] = ()) -> str:
    """Return a line for each file of some runs and suites: its SHA-256 and its name.

    Names are relative to the folder that the runs lie in, so that this checks them::

        cd data && sha256sum --check --quiet …/SHA256SUMS

    Args:
        folders: run folders.
        suites: names of suites whose files lie beside the runs.
    """
    lines = []
    for data, file in _files(folders, suites):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{digest}  {file.relative_to(data)}\n")
    return "".join(lines)


def checksum(text: str) -> str:
    """Return the SHA-256 of a text, as of a file that holds it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _files(folders: Iterable[Path | str], suites: Iterable[str]) -> Iterator[tuple[Path, Path]]:
    """Iterate over the files, each with the folder of runs it lies in, in a fixed order."""
    runs = sorted(map(Path, folders))
    for run in runs:
        yield from ((run.parent, file) for file in sorted(run.rglob("*")) if file.is_file())
    for data in dict.fromkeys(run.parent for run in runs):
        found = (suite_file(data, name) for name in sorted(set(suites) - {""}))
        yield from ((data, file) for file in found if file.exists())

"""Checksums of the files that a report was made from, as ``sha256sum`` writes and checks them."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from cniperf import files
from cniperf.suites import suite_file

NAME = "SHA256SUMS"
NAMES = "surrogateescape"  # how a name that is no UTF-8 is written: as it is


def checksums(folders: Iterable[Path | str], suites: Iterable[str] = ()) -> str:
    """Return a line for each file of some runs and suites: its SHA-256 and its name.

    Names are relative to the folder that the runs lie in, so that this checks them::

        cd data && sha256sum --check --quiet …/SHA256SUMS

    Args:
        folders: run folders.
        suites: names of suites whose files lie beside the runs.

    Raises:
        Stopped: a signal came.
    """
    lines = []
    for data, file in _files(folders, suites):
        with suppress(OSError):  # what cannot be read, or is no plain file, says nothing
            lines.append(_line(files.digest(file), str(file.relative_to(data))))
    return "".join(lines)


def _line(digest: str, name: str) -> str:
    """Return a line as ``sha256sum`` has it: a name with a line break is escaped."""
    plain = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{chr(92) if plain != name else ''}{digest}  {plain}\n"


def checksum(text: str) -> str:
    """Return the SHA-256 of a text, as of a file with this text."""
    return hashlib.sha256(text.encode("utf-8", NAMES)).hexdigest()


def _files(folders: Iterable[Path | str], suites: Iterable[str]) -> Iterator[tuple[Path, Path]]:
    """Iterate over the files, each with the folder of runs it lies in, in a fixed order."""
    runs = sorted(map(Path, folders))
    for run in runs:
        yield from ((run.parent, file) for file in sorted(run.rglob("*")))
    for data in dict.fromkeys(run.parent for run in runs):
        yield from ((data, suite_file(data, name)) for name in sorted(set(suites) - {""}))

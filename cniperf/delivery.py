"""The delivery of a report to a folder, in which only what a report wrote is ever replaced."""

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cniperf import checksums, stop
from cniperf.errors import CannotWrite, ParameterError
from cniperf.places import require_folder

OWN = ".report.SHA256SUMS"  # of the report's own files: SHA256SUMS has those it was made from
NAMES = re.compile(r"report\.\w+|chart-\d+\.png|" + re.escape(checksums.NAME))


class Delivery:
    """A draft that becomes a report with :meth:`deliver`. Use it as a context manager.

    The draft lies in the report's folder; it goes with the block, and so does a folder that was
    made for it and is empty.

    Args:
        folder: where the report goes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.draft = folder, folder / ".partial-report"

    def check(self, formats: Iterable[str]) -> None:
        """Refuse a folder that cannot take a report; nothing is touched.

        Raises:
            ParameterError: it is the root of the file system, or what is in the way of a format
                was written by somebody else.
            CannotWrite: it cannot be searched, or it is no folder.
        """
        if self.folder == self.folder.parent:
            raise ParameterError(f"a report in {self.folder} is not allowed: name a folder")
        require_folder(self.folder, "the report ")
        names = ["report.ipynb", "chart-1.png", checksums.NAME, *(f"report.{f}" for f in formats)]
        with self._refusing():
            self._require_own(names)

    def __enter__(self) -> Self:
        with self._refusing():
            self._new = [each for each in (self.folder, *self.folder.parents) if not each.exists()]
            shutil.rmtree(self.draft, ignore_errors=True)  # of one that was killed
            self.draft.mkdir(parents=True)
        return self

    @stop.later()
    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.draft, ignore_errors=True)
        with suppress(OSError):  # one that has become somebody's stays
            for folder in self._new:
                folder.rmdir()
        if isinstance(problem, OSError):
            raise self._refused(problem) from None

    @stop.later()
    def deliver(self) -> None:
        """Give the files of the draft their places, then remove what an earlier report left."""
        files = {file.name: _sum(file) for file in self.draft.iterdir()}
        before = self._own()
        self._require_own(files)
        self._write([*before, *files.items()])
        for name in files:
            (self.draft / name).replace(self.folder / name)
        for name, digest in before:
            if name not in files and _sum(self.folder / name) == digest:
                (self.folder / name).unlink()
        self._write(files.items())

    def _require_own(self, names: Iterable[str]) -> None:
        own = self._own()
        for name in names:
            file = self.folder / name
            if (file.exists() or file.is_symlink()) and (name, _sum(file)) not in own:
                raise ParameterError(
                    f"{file} is in the way: no report wrote it, or it was changed since; move it, "
                    "or name another folder"
                )

    def _own(self) -> list[tuple[str, str]]:
        """Return the files that reports wrote here, each with its checksum."""
        try:
            text = (self.folder / OWN).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)
        return [(name, digest) for digest, name in found if NAMES.fullmatch(name)]

    def _write(self, own: Iterable[tuple[str, str]]) -> None:
        draft = self.draft / OWN
        draft.write_text("".join(f"{digest}  {name}\n" for name, digest in own), encoding="utf-8")
        draft.replace(self.folder / OWN)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn what the file system refuses into one line about the report."""
        try:
            yield
        except OSError as problem:
            raise self._refused(problem) from None

    def _refused(self, problem: OSError) -> CannotWrite:
        return CannotWrite(f"cannot write the report to {self.folder}: {problem.strerror}")


def _sum(file: Path) -> str:
    """Return a file's SHA-256; empty where it is no plain file."""
    if file.is_symlink() or not file.is_file():
        return ""
    return hashlib.sha256(file.read_bytes()).hexdigest()

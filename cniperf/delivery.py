"""The delivery of a report to a folder, in which only what a report wrote is ever replaced."""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cniperf import checksums, files, stop
from cniperf.errors import Busy, CannotWrite, CniperfError, ParameterError
from cniperf.places import require_folder

OWN = ".report.SHA256SUMS"  # of the report's own files: SHA256SUMS has those it was made from
NAMES = re.compile(r"report\.\w+|chart-\d+\.png|" + re.escape(checksums.NAME))

DRAFT = ".partial-report-"  # what the folder of a draft is called, with a number behind it
MARK = ".draft-of-cniperf"  # what is in a draft, and in no other folder


class Delivery:
    """A draft that becomes a report with :meth:`deliver`. Use it as a context manager.

    The draft lies in the report's folder, which is locked meanwhile. The block removes the draft
    at its end, and a folder that was made for it and is empty.

    Args:
        folder: where the report goes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.draft = folder, folder / f"{DRAFT}{secrets.token_hex(4)}"

    def check(self, formats: Iterable[str]) -> None:
        """Reject a folder that cannot take a report; nothing is touched.

        Raises:
            ParameterError: it is the root of the file system, or what is in the way of a format
                or of a chart is of another program.
            CannotWrite: it cannot be searched, or it is no folder.
        """
        if self.folder == self.folder.parent:
            raise ParameterError(f"a report in {self.folder} is not allowed: name a folder")
        require_folder(self.folder, "the report ")
        names = ["report.ipynb", "chart-1.png", checksums.NAME, *(f"report.{f}" for f in formats)]
        with self._refusing():
            charts = sorted(file.name for file in self.folder.glob("chart-*.png"))
            self._require_own([*names, *filter(NAMES.fullmatch, charts)])

    def __enter__(self) -> Self:
        """Make the draft.

        Raises:
            Busy: another report is being written there.
            CannotWrite: the folder cannot be made or written.
        """
        with self._refusing():
            self._new = [each for each in (self.folder, *self.folder.parents) if not each.exists()]
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self._take()
                self.draft.mkdir()
                (self.draft / MARK).touch()
            except (OSError, Busy):
                self._leave()
                raise
        return self

    def _take(self) -> None:
        """Keep others out until the lock is closed, and remove the drafts of killed reports."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._new = []  # they are the other's
            raise Busy(
                f"another report is being written to {self.folder}: wait until it ends, or name "
                "another folder"
            ) from None
        except OSError:  # no locks in this file system: a draft may be at work
            return
        for left in self.folder.glob(f"{DRAFT}*/{MARK}"):
            _clear(left.parent)

    @stop.later()
    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()
        if isinstance(problem, OSError) and self._concerns(problem):
            raise self._refused(problem) from None

    def _leave(self) -> None:
        shutil.rmtree(self.draft, ignore_errors=True)
        with suppress(OSError):  # one that another program changed stays
            for folder in self._new:
                folder.rmdir()
        os.close(self._lock)

    @stop.later()
    def deliver(self) -> None:
        """Give the files of the draft their places, then remove what an earlier report left."""
        made = (file for file in self.draft.iterdir() if NAMES.fullmatch(file.name))
        new = {file.name: _sum(file) for file in made}
        before = self._own()
        self._require_own(new)
        self._write([*before, *new.items()])
        for name in new:
            (self.draft / name).replace(self.folder / name)
        for name, digest in before:
            if name not in new and _sum(self.folder / name) == digest:
                (self.folder / name).unlink()
        self._write(new.items())

    def _require_own(self, names: Iterable[str]) -> None:
        own = self._own()
        theirs = {name for name, _ in own}
        for name in names:
            file = self.folder / name
            if os.path.lexists(file) and (name not in theirs or (name, _sum(file)) not in own):
                raise self._in_the_way(name)

    def _in_the_way(self, name: str) -> CniperfError:
        return ParameterError(
            f"{self.folder / name} is in the way: no report wrote it, or it was changed since; "
            "move it, or name another folder"
        )

    def _own(self) -> list[tuple[str, str]]:
        """Return the files that reports wrote here, each with its checksum."""
        file = self.folder / OWN
        try:
            if os.path.lexists(file) and (file.is_symlink() or not file.is_file()):
                raise self._in_the_way(OWN)
            text = files.read(file).decode("utf-8", "replace")
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

    def _concerns(self, problem: OSError) -> bool:
        """Return whether an error is about the report's folder; a full disk names no file."""
        return problem.filename is None or str(problem.filename).startswith(str(self.folder))

    def _refused(self, problem: OSError) -> CannotWrite:
        return CannotWrite(f"cannot write the report to {self.folder}: {files.reason(problem)}")


def _sum(file: Path) -> str:
    """Return a file's SHA-256; empty where it is no plain file."""
    if file.is_symlink() or not file.is_file():
        return ""
    return files.digest(file)


def _clear(draft: Path) -> None:
    """Remove what a report wrote into its draft, and the draft where nothing else is in it."""
    with suppress(OSError):
        for file in draft.iterdir():
            if file.name != MARK and (file.name == OWN or NAMES.fullmatch(file.name)):
                file.unlink()
        if [file.name for file in draft.iterdir()] == [MARK]:
            (draft / MARK).unlink()
            draft.rmdir()

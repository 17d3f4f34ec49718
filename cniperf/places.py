"""Places for results, asked about before anything is done."""

import os
from pathlib import Path

from cniperf import files
from cniperf.errors import CannotWrite, NotAble


def real(path: Path | str) -> Path:
    """Return a path without links; one whose links go round in a circle stays as it is."""
    return Path(os.path.realpath(path))


def expanded(path: Path | str, instead: str = "") -> Path:
    """Return a path in which ``~`` is the user's home.

    Args:
        path: the path.
        instead: a variable that could be set where there is no home, besides ``HOME``.

    Raises:
        NotAble: the home is unknown, for example in a container whose user has no name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        ways = f"HOME or {instead}" if instead else "HOME"
        raise NotAble(f"{path} is in no known home directory: set {ways}") from None


def require_file(file: Path) -> None:
    """Reject a file that cannot be written; nothing is touched.

    Raises:
        CannotWrite: it is a folder, a device or the like, its name is too long or no text, or its
            folder cannot be written.
    """
    require_folder(file.parent)
    try:
        reason = "" if file.is_file() or not os.path.lexists(file) else "it is no plain file"
        reason = reason if files.is_text(file) else files.NO_TEXT
    except OSError as problem:
        reason = problem.strerror or str(problem)
    if reason:
        raise CannotWrite(f"cannot write {file}: {reason}")


def require_folder(folder: Path, what: str = "") -> None:
    """Reject a folder that can be neither written nor made; nothing is touched.

    Args:
        folder: it need not be there.
        what: is to be written, for people, with a blank behind it.

    Raises:
        CannotWrite: a file is where a folder belongs, a name is too long or no text, a right is
            missing.
    """
    try:
        there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
        reason = ""
        if not there.is_dir():
            reason = f"{there} is no folder"
        elif not os.access(there, os.W_OK | os.X_OK):
            reason = f"{there} may not be written"
        elif not files.is_text(folder):
            reason = files.NO_TEXT
        folder.exists()  # a name that is too long is refused by a look already
    except OSError as problem:
        reason = problem.strerror or str(problem)
    if reason:
        raise CannotWrite(f"cannot write {what}to {folder}: {reason}")

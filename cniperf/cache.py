"""The cache: what is built once and kept, in folders that are whole or not there."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from cniperf.errors import CannotWrite
from cniperf.places import expanded


def cache_dir() -> Path:
    """Return the folder of the cache; ``CNIPERF_CACHE_DIR`` names another.

    Raises:
        NotAble: there is no home directory, and no folder is named.
    """
    if named := os.environ.get("CNIPERF_CACHE_DIR"):
        return Path(named)
    usual = os.environ.get("XDG_CACHE_HOME") or expanded("~/.cache", "CNIPERF_CACHE_DIR")
    return Path(usual) / "cniperf"


def kept(name: str, build: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, which is built first where it is not there.

    Args:
        name: of the folder.
        build: fills a folder that is given to it; it gets its name when it is whole.

    Raises:
        CannotWrite: there is no place for it.
    """
    final = cache_dir() / name
    if final.is_dir():
        return final
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".partial-", dir=cache_dir()))
    except OSError as problem:
        raise CannotWrite(f"cannot write to {cache_dir()}: {problem.strerror}") from None
    try:
        build(draft)
        draft.chmod(0o755)
        draft.rename(final)
    except OSError as problem:
        if not final.is_dir():  # else another process was faster
            raise CannotWrite(f"cannot write to {cache_dir()}: {problem.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


def size(folder: Path) -> int:
    """Return how many bytes a folder contains."""
    return sum(file.lstat().st_size for file in folder.rglob("*"))

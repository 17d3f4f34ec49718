"""Files that others may have written: read whole, and never waited for.

Every file that cniperf writes and reads is UTF-8, whatever the locale.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from cniperf import stop

LARGEST = 2**26  # bytes of a file that is read: more is none of ours


def read(path: Path | str, largest: int = LARGEST, *, pipe: bool = False) -> bytes:
    """Return what is in a file.

    Args:
        path: the file.
        largest: bytes that it may have.
        pipe: True where a pipe or a terminal may stand in its place, as for ``<(…)``.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger.
    """
    with _opened(path, pipe) as file:
        parts, left = [], largest + 1
        while left and (part := os.read(file, min(left, 2**20))):
            parts.append(part)
            left -= len(part)
    if not left:
        raise OSError(errno.EFBIG, f"it has more than {largest:,} bytes")
    return b"".join(parts)


@contextmanager
def _opened(path: Path | str, pipe: bool) -> Iterator[int]:
    """Yield a descriptor of a file, which must be a regular one unless it may be a pipe."""
    # Without O_NONBLOCK, opening a pipe without a writer would wait for one.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            if not pipe:
                raise OSError(errno.EINVAL, "it is no regular file")
            os.set_blocking(file, True)
        yield file
    finally:
        os.close(file)


def digest(path: Path | str) -> str:
    """Return the SHA-256 of a file of any size; a signal is heard meanwhile.

    Raises:
        OSError: it cannot be read, or is no regular file.
        Stopped: a signal came.
    """
    found = hashlib.sha256()
    stop.look()
    with _opened(path, pipe=False) as file:
        while part := os.read(file, 2**20):
            found.update(part)
            stop.look()
    return found.hexdigest()


def read_text(path: Path | str, largest: int = LARGEST, *, pipe: bool = False) -> str:
    """Return the text of a file in UTF-8; arguments and errors are those of :func:`read`.

    Raises:
        OSError: see :func:`read`.
        ValueError: it is no UTF-8.
    """
    return read(path, largest, pipe=pipe).decode("utf-8")


def read_json(path: Path | str, largest: int = LARGEST) -> Any:  # noqa: ANN401
    """Return what a file of JSON has.

    Raises:
        OSError: see :func:`read`.
        ValueError: it is no UTF-8 or no JSON, is nested too deeply, or has a key twice in one
            object, of which Python would silently take the last.
    """
    content = read(path, largest)
    with suppress(ValueError):  # a third of the time; what it cannot do is done with more care
        found = from_json(content, allow_inf_nan=False)
        if _keys(found) == len(_KEY.findall(content)):
            return found
    try:
        return _JSON.decode(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Write a file whole or not at all: it has its name once the block is done.

    Yields:
        A hidden name beside it, to write to. If the block fails, nothing is left there.
    """
    draft = file.with_name(f".partial-{secrets.token_hex(4)}{file.suffix}")
    try:
        yield draft
        draft.replace(file)
    finally:
        with suppress(OSError):  # its folder is none
            draft.unlink(missing_ok=True)


def reason(problem: Exception) -> str:
    """Return in a few words why a file could not be read."""
    if isinstance(problem, OSError):
        return problem.strerror or str(problem) or type(problem).__name__
    if isinstance(problem, UnicodeError):
        return "it is no UTF-8"
    if isinstance(problem, json.JSONDecodeError):
        return f"it is no JSON: {problem.msg} in line {problem.lineno}"
    return str(problem) or type(problem).__name__


NO_TEXT = "its name is no text in this locale; rename it, or try LC_ALL=C.UTF-8"


def is_text(path: Path | str) -> bool:
    """Return whether a name can be written as text: bytes that no locale reads cannot."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


# Where a key may end, also in a string, so that there are never fewer than keys.
_KEY = re.compile(rb'"\s*:')


def _keys(found: object) -> int:
    """Count the keys in what was read: a key that stood twice is one of them."""
    if isinstance(found, dict):
        return len(found) + sum(_keys(each) for each in found.values() if type(each) in _NESTED)
    if isinstance(found, list):
        return sum(_keys(each) for each in found if type(each) in _NESTED)
    return 0


_NESTED = (dict, list)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} stands twice")
    return found


def _no_number(word: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{word} is no number")


_JSON = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)

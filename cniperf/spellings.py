"""How some parameters are spelled: each function returns its value, or reports what is allowed.

They raise ValueError, whose text pydantic passes on.
"""

import re
from pathlib import Path

from cniperf import conflist
from cniperf.errors import CniperfError
from cniperf.files import is_text, read_text
from cniperf.record import LARGEST_CONFIG

CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"


def window(text: str) -> str:
    """Hold a text to a TCP window, as ``512K``, or nothing."""
    if text and not re.fullmatch(r"[1-9][0-9]{0,11}[KM]?", text):
        raise ValueError("bytes, 12 digits at most, with K or M behind for KiB or MiB, as 512K; "
                         "empty for autotuning")  # fmt: skip
    return text


def ip_version(value: object) -> object:
    """Return a version of IP as a number, where it is written as a text."""
    return int(value) if value in ("4", "6") else value


def two(text: str) -> str:
    """Check that a text is two names, such as ``alpha,beta``, or empty."""
    if text and not re.fullmatch(r"[A-Za-z0-9._-]+,[A-Za-z0-9._-]+", text):
        raise ValueError("two names with a comma between, as alpha,beta")
    return text


def network(text: str) -> str:
    """Check that a text is a network's name as Multus has it, or empty."""
    if text and not re.fullmatch(r"([a-z0-9.-]{1,63}/)?[a-z0-9.-]{1,63}(@[a-z0-9.-]{1,15})?", text):
        raise ValueError("a network of Multus, as kube-system/macvlan-conf")
    return text


def config(text: str) -> str:
    """Return a CNI network's configuration as JSON: read from a file, or what is JSON already."""
    if not text:
        return text
    try:
        whole = text if text.lstrip().startswith("{") else read_text(text)
    except (OSError, CniperfError) as problem:
        raise ValueError(f"cannot read it: {problem}") from None
    found = conflist.read(whole).text
    if len(found) > LARGEST_CONFIG:
        raise ValueError(f"it has {len(found):,} characters: {LARGEST_CONFIG:,} at most")
    return found


def label(text: str) -> str:
    """Check that a name in Kubernetes may begin with a text."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", text):
        raise ValueError("lower-case letters, digits and dashes, 40 at most")
    return text


def line(text: str) -> str:
    """Check that a text is one line, as a record takes it; see :data:`cniperf.foreign.Line`."""
    if re.search(CONTROL, text):
        raise ValueError("one line without control characters")
    return text


def path(found: Path | None) -> Path | None:
    """Check that a path is text on one line: a system takes others, but no record does."""
    if found is not None and (re.search(CONTROL, str(found)) or not is_text(found)):
        raise ValueError("a path of UTF-8 without control characters")
    return found


def name(text: str) -> str:
    """Check that a text may be the name of a file, or empty."""
    if text and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", text):
        raise ValueError("letters, digits, dots, dashes and underscores only, 200 at most, the "
                         "first no dot or dash")  # fmt: skip
    return text


def word(text: str) -> str:
    """Check that a text is one word, or empty."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", text):
        raise ValueError("letters, digits, dots, dashes and underscores only")
    return text

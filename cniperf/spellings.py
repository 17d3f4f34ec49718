"""How some parameters are spelled: each function returns what it was given, or says what is right.

They raise ValueError, whose text pydantic passes on.
"""

import re

from cniperf import conflist
from cniperf.errors import CniperfError
from cniperf.files import read_text


def window(text: str) -> str:
    """Hold a text to a TCP window, as ``512K``, or nothing."""
    if text and not re.fullmatch(r"[1-9][0-9]*[KM]?", text):
        raise ValueError("bytes, with K or M behind for KiB or MiB, as 512K; empty for autotuning")
    return text


def ip_version(value: object) -> object:
    """Return a version of IP as a number, where it is written as a text."""
    return int(value) if value in ("4", "6") else value


def two(text: str) -> str:
    """Hold a text to two names, as ``alpha,beta``, or nothing."""
    if text and not re.fullmatch(r"[A-Za-z0-9._-]+,[A-Za-z0-9._-]+", text):
        raise ValueError("two names with a comma between, as alpha,beta")
    return text


def network(text: str) -> str:
    """Hold a text to a network's name as Multus has it, or nothing."""
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
    return conflist.read(whole).text


def label(text: str) -> str:
    """Hold a text to what a name in Kubernetes may begin with."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", text):
        raise ValueError("lower-case letters, digits and dashes, 40 at most")
    return text


def word(text: str) -> str:
    """Hold a text to one word, or nothing."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", text):
        raise ValueError("letters, digits, dots, dashes and underscores only")
    return text

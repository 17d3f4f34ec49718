"""The counter of executed instructions: a plugin of QEMU's, compiled once from ``counter.c``."""

import hashlib
import shutil
import sys
from pathlib import Path

from cniperf.beds.command import CommandFailed, run
from cniperf.cache import kept

SOURCE = Path(__file__).with_name("counter.c")
COMPILERS = ("cc", "gcc", "clang")


def plugin() -> tuple[Path | None, str]:
    """Return the compiled plugin, or None and in a line why there is none."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return None, "instructions are not counted: no C compiler: apt-get install gcc"

    def build(folder: Path) -> None:
        target = folder / "counter.so"
        run([compiler, "-O2", "-shared", "-fPIC", "-o", str(target), str(SOURCE)])

    key = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    try:
        return kept(f"counter-{key}", build) / "counter.so", ""
    except CommandFailed as problem:
        return None, f"instructions are not counted: {problem}"


def read(file: Path) -> int | None:
    """Return the count in a plugin's file; None where it has not begun."""
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    return int.from_bytes(text, sys.byteorder) if len(text) == 8 else None

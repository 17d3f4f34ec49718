"""Kubernetes' own programs, which Debian has no binary package of: built once, kept in the cache.

``python -m cluster.binaries`` builds them, where they are not there yet, and prints their folder.
"""

import hashlib
import re
import shutil
import sys
import time
from functools import partial
from pathlib import Path

from cniperf import stop
from cniperf.beds.command import CommandFailed, run
from cniperf.cache import cache_dir, kept
from cniperf.errors import CniperfError, NotAble, Stopped

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
GO = Path("/usr/lib/go-1.19/bin/go")  # a newer one does not build them without modules
RECIPE = Path(__file__).with_name("build.sh")
SIBLING = "kubernetes-client"  # of the same source, and apt knows its version without asking
PATIENCE = 3600.0  # seconds
NAME = "kubernetes-"


def binaries() -> Path:
    """Return the folder of the programs, built first where they are not there.

    Raises:
        NotAble: they cannot be built here.
    """
    if not GO.exists():
        raise NotAble("Kubernetes cannot be built: apt-get install golang-1.19-go")
    version = source_version()
    seed = [version, *PROGRAMS, go_version(), RECIPE.read_text(encoding="utf-8")]
    key = hashlib.sha256("\n".join(seed).encode()).hexdigest()[:16]
    made = kept(f"{NAME}{key}", partial(_build, version=version))
    for other in cache_dir().glob(f"{NAME}*"):  # of another recipe
        if other != made:
            shutil.rmtree(other, ignore_errors=True)
    return made


def source_version() -> str:
    """Return the version of Kubernetes that this machine's apt has.

    Raises:
        NotAble: it has none.
    """
    said = _said(["apt-cache", "show", "--no-all-versions", SIBLING])
    if found := re.search(r"^Version: (\S+)$", said, re.MULTILINE):
        return found[1]
    raise NotAble(f"Kubernetes cannot be built: apt has no {SIBLING}; apt-get update")


def go_version() -> str:
    """Return what Go says of itself."""
    return _said([str(GO), "version"])


def _said(argv: list[str]) -> str:
    try:
        return run(argv)
    except CommandFailed as problem:
        raise NotAble(f"Kubernetes cannot be built: {problem.reason}") from None


def _build(folder: Path, version: str) -> None:
    try:
        run(["sh", str(RECIPE), str(folder), str(GO), version, *PROGRAMS], timeout=PATIENCE)
    except CommandFailed as problem:
        raise NotAble(f"Kubernetes cannot be built: {problem.reason}") from None
    shutil.rmtree(folder / "work")


def main() -> None:
    """Build, and print where."""
    stop.listen()
    began = time.monotonic()
    try:
        folder = binaries()
    except (CniperfError, Stopped) as problem:
        sys.exit(str(problem))
    took = time.monotonic() - began
    if took > 5:
        print(f"built Kubernetes within {took:.0f} s", file=sys.stderr)
    print(folder)


if __name__ == "__main__":
    main()

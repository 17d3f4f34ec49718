"""The guests' kernel: Debian's cloud kernel, fetched as a package, unpacked, never installed."""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from cniperf.beds.command import CommandFailed, run
from cniperf.cache import cache_dir, kept
from cniperf.errors import NotAble

META = "linux-image-cloud-amd64"  # depends on the newest
LONG = 600.0  # seconds that a download may take


@dataclass(frozen=True)
class Kernel:
    """An installed kernel.

    Attributes:
        release: as ``uname -r`` has it.
        image: the file that is booted.
        modules: the folder of its modules.
    """

    release: str
    image: Path
    modules: Path


def kernel() -> Kernel:
    """Return the guests' kernel, fetched first where there is none yet.

    An existing one is kept, because another kernel has other figures: see :func:`renew`.

    Raises:
        NotAble: this machine's apt has no such package, or this is no x86.
    """
    found = sorted(cache_dir().glob("linux-image-*"), key=lambda folder: folder.stat().st_mtime)
    return _read(found[-1] if found else renew())


def renew() -> Path:
    """Fetch the newest cloud kernel that this machine's apt has; return its folder.

    Raises:
        NotAble: there is none.
    """
    if platform.machine() != "x86_64":
        raise NotAble(
            f"bed vm and bed counted need an x86-64 machine, this is {platform.machine()}"
        )
    package, version = _newest()
    return kept(f"{package}_{version}", lambda folder: _fetch(f"{package}={version}", folder))


def _newest() -> tuple[str, str]:
    try:
        package = re.search(r"Depends: (linux-image-\S+)", run(["apt-cache", "depends", META]))
        name = package[1] if package else ""
        version = re.search(r"^Version: (\S+)", run(["apt-cache", "show", name]), re.MULTILINE)
    except CommandFailed:
        package = version = None
    if not package or not version:
        raise NotAble(
            f"apt has no package {META}, the guests' kernel: apt-get update, or add Debian's "
            "archive to its sources"
        )
    return name, version[1]


def _fetch(package: str, folder: Path) -> None:
    # As root, apt would give the download to its own user, which may not write here.
    own = ["-o", "APT::Sandbox::User=root"]
    try:
        run(["apt-get", "-qq", *own, "download", package], folder=folder, timeout=LONG)
    except CommandFailed as problem:
        raise NotAble(f"cannot fetch the guests' kernel {package}: {problem.reason}") from None
    (archive,) = folder.glob("*.deb")
    run(["dpkg-deb", "-x", str(archive), str(folder)])
    archive.unlink()


def _read(folder: Path) -> Kernel:
    (image,) = (folder / "boot").glob("vmlinuz-*")
    release = image.name.removeprefix("vmlinuz-")
    return Kernel(release, image, folder / "lib/modules" / release)

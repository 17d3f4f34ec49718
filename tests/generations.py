"""iperf3 and iperf of three Debian releases side by side, each run from its own folder.

apt fetches them with a configuration of its own, so nothing of this machine's packages changes. The
mirror is the one that the machine uses. What was fetched is kept below ``~/.cache``.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path.home() / ".cache" / "cniperf" / "generations"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PROGRAMS = ("iperf3", "iperf")
NEEDED = re.compile(r"iperf3?|libiperf0|libsctp1|libssl\S*|libc6|libgcc-s1|libstdc\+\+6")
VERSIONS = {  # what each release has
    "bullseye": ("iperf 3.9", "2.0.14"),
    "bookworm": ("iperf 3.12", "2.1.8"),
    "trixie": ("iperf 3.18", "2.2.1"),
}


class NotFetched(Exception):
    """No mirror has the release, or there is no network."""


@dataclass(frozen=True)
class Generation:
    """The programs of one release."""

    release: str
    folder: Path

    @property
    def bin(self) -> Path:
        """A folder that makes its programs the ones that are found first."""
        return self.folder / "bin"


def generation(release: str) -> Generation:
    """Return a release's programs; fetch them if they are not in the cache."""
    final = CACHE / release
    if not final.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix=".") as name:
            made = Path(name) / release
            fetch(release, made)
            unpack(made, final)
            made.rename(final)
    return Generation(release, final)


def mirrors() -> list[str]:
    """The mirrors of whole releases that this machine's apt is configured for."""
    said = run(
        "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"
    )
    rows = [line.split() for line in said.splitlines()]
    return list(dict.fromkeys(row[0] for row in rows if len(row) == 2 and row[1].isalpha()))


def fetch(release: str, folder: Path) -> None:
    """Download the packages of a release into ``debs``."""
    for mirror in mirrors():
        shutil.rmtree(folder, ignore_errors=True)
        apt = private_apt(release, mirror, folder)
        try:
            run("apt-get", *apt, "update", "-qq")
            plan = run("apt-get", *apt, "install", "--print-uris", "-qq", "--no-install-recommends",
                       *PROGRAMS)  # fmt: skip
            names = [line.split()[1].split("_")[0] for line in plan.splitlines()]
            wanted = [name for name in names if NEEDED.fullmatch(name)]
            run("apt-get", *apt, "download", "-qq", *wanted, cwd=folder / "debs")
            return
        except subprocess.CalledProcessError as problem:
            last = problem.stderr
    raise NotFetched(f"{release} cannot be fetched: {' '.join(last.split())[-300:]}")


def private_apt(release: str, mirror: str, folder: Path) -> list[str]:
    """Options that let apt see one release of one mirror, and nothing of this machine."""
    for name in ("lists/partial", "cache/archives/partial", "debs"):
        (folder / name).mkdir(parents=True)
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (folder / "sources.list").write_text(f"deb {signed}{mirror} {release} main\n")
    (folder / "status").write_text("")
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache", "Acquire::Languages": "none", "Acquire::Retries": "2",
        "APT::Sandbox::User": "root", "Acquire::http::Timeout": "20",
        "Acquire::AllowReleaseInfoChange::Suite": "true", "Acquire::Check-Valid-Until": "false",
    }  # fmt: skip
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def unpack(made: Path, final: Path) -> None:
    """Unpack the packages, and write a command for each program that uses their own libraries."""
    root = made / "root"
    root.mkdir()
    for deb in (made / "debs").glob("*.deb"):
        run("dpkg-deb", "-x", str(deb), str(root))
    libraries = sorted({file.parent for file in root.rglob("lib*.so*")})
    loader = next(file for file in sorted(root.rglob("ld-linux*.so.*"))
                  if file.is_file() and file.resolve().is_relative_to(root.resolve()))  # fmt: skip
    (made / "bin").mkdir()
    for name in PROGRAMS:
        words = [loader, "--library-path", ":".join(map(str, libraries)), root / "usr/bin" / name]
        moved = [str(word).replace(str(made), str(final)) for word in words]
        script = made / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(moved)} "$@"\n')
        script.chmod(0o755)
    for name in ("lists", "cache", "debs"):
        shutil.rmtree(made / name)


def run(*words: str, cwd: Path | None = None) -> str:
    env = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=True,
                          timeout=100).stdout  # fmt: skip

"""An ordinary user on a machine where tests are root: no sudo, a home, a checkout of its own.

Python and its packages may lie in root's home, which others may not enter. So what this user starts
has a mount namespace, in which they lie at the same place in a folder that all may enter.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import ROOT

UID = 20_000 + os.getpid() % 10_000  # of its own in each worker
NEEDED = (Path(sys.base_prefix), Path(sys.prefix))


@contextmanager
def account() -> Iterator["Account"]:
    """Make an account; at its end nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="cniperf-ordinary-"))
    try:
        folder.chmod(0o755)
        yield Account(folder)
    finally:
        shutil.rmtree(folder)


class Account:
    """The user.

    Attributes:
        home: the home folder.
        checkout: the project's files in it, but for the runs of ``data/``.
        environ: what a login gives, and where the checkout and the packages are.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.checkout = self.home / "cniperf"
        self._copy_project()
        (self.home / "tmp").mkdir()
        self._mounts = "\n".join(_opened(folder))
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.home], check=True)
        self.environ = {
            "HOME": str(self.home), "TMPDIR": str(self.home / "tmp"), "USER": "ordinary", "LANG": "C.UTF-8",
            "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(self.checkout), "PYTHONFAULTHANDLER": "1",
        }  # fmt: skip

    def command(self, *argv: str | Path) -> list[str]:
        """Return the command with which root runs another one as this user."""
        user = f"setpriv --reuid={UID} --regid={UID} --clear-groups"
        script = f'set -e\n{self._mounts}\nexec {user} "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", *map(str, argv)]

    def run(self, *argv: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, to its end."""
        return subprocess.run(
            self.command(*argv), env=self.environ, cwd=cwd or self.checkout, text=True,
            capture_output=True,
        )  # fmt: skip

    def start(self, *argv: str | Path) -> subprocess.Popen[str]:
        """Start a command as this user."""
        return subprocess.Popen(
            self.command(*argv), env=self.environ, cwd=self.checkout, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def _copy_project(self) -> None:
        listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
        for name in filter(None, listed.split("\0")):
            if not name.startswith("data/") and (ROOT / name).exists():
                target = self.checkout / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target, follow_symlinks=False)


def _opened(folder: Path) -> Iterator[str]:
    """Return the lines of shell after which all may enter what is needed."""
    for top in {closed for place in NEEDED if (closed := _closed_above(place))}:
        inside = {place: folder / place.name for place in NEEDED if place.is_relative_to(top)}
        for place, held in inside.items():
            held.mkdir()
            yield shlex.join(["mount", "-n", "--bind", str(place), str(held)])
        yield shlex.join(["mount", "-n", "-t", "tmpfs", "-o", "mode=755", "opened", str(top)])
        for place, held in inside.items():
            yield shlex.join(["mkdir", "-p", str(place)])
            yield shlex.join(["mount", "-n", "--bind", str(held), str(place)])


def _closed_above(place: Path) -> Path | None:
    """Return the first folder on the way to a place that others may not enter."""
    on_the_way = [*reversed(place.parents), place]
    return next((folder for folder in on_the_way if not folder.stat().st_mode & 0o001), None)

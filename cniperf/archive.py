"""A set of runs as one file in place of its folders: unpacked once, then read as they are.

``data/reference/runs.tar.xz`` holds what would lie in ``data/reference``: run folders, and suites.
"""

import hashlib
import io
import lzma
import os
import sys
import tarfile
from pathlib import Path, PurePosixPath

from cniperf import files
from cniperf.cache import kept
from cniperf.errors import BadRun

NAME = "runs.tar.xz"
MOST = 2**28  # bytes that it may unpack to


def shelf(folder: Path) -> Path:
    """Return where the runs of a folder lie: there, or where its archive is unpacked.

    Raises:
        BadRun: the archive is damaged, or holds something else.
        CannotWrite: there is no place to unpack it.
    """
    file = folder / NAME
    if not os.path.isfile(file):  # noqa: PTH113  Path's own raises where it cannot look
        return folder
    try:
        content = files.read(file)
        digest = hashlib.sha256(content).hexdigest()
        return kept(f"runs-{digest[:16]}", lambda empty: _unpack(content, empty))
    except (OSError, ValueError, EOFError, tarfile.TarError, lzma.LZMAError) as problem:
        raise BadRun(f"{file} is no archive of runs: {files.reason(problem)}") from None


def _unpack(content: bytes, folder: Path) -> None:
    with lzma.open(io.BytesIO(content)) as packed:
        whole = packed.read(MOST + 1)
    if len(whole) > MOST:
        raise ValueError(f"it has more than {MOST:,} bytes")
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if (
                not member.isreg()
                or len(name.parts) != 2
                or name.is_absolute()
                or ".." in name.parts
            ):
                raise ValueError(f"{member.name[:80]!r} is no file of a run")
            said = archive.extractfile(member)
            assert said is not None
            (folder / name.parent).mkdir(exist_ok=True)
            (folder / name).write_bytes(said.read())


def pack(folder: Path) -> Path:
    """Write the archive of a folder's runs and suites; return it. The same give the same bytes."""
    found = (file for kind in ("[0-9]*", "suites") for file in folder.glob(f"{kind}/*"))
    members = sorted(file for file in found if file.is_file())
    with (
        files.whole(folder / NAME) as draft,
        tarfile.open(draft, "w:xz", format=tarfile.PAX_FORMAT, preset=9) as archive,
    ):
        for file in members:
            content = file.read_bytes()
            about = tarfile.TarInfo(file.relative_to(folder).as_posix())
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return folder / NAME


if __name__ == "__main__":
    print(pack(Path(sys.argv[1])))

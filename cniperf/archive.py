"""A set of runs as one file in place of its folders: unpacked once, then read like folders.

``data/reference/runs.tar.xz`` contains what would be in ``data/reference``: run folders and suites.
"""

import hashlib
import io
import lzma
import os
import sys
import tarfile
from pathlib import Path, PurePosixPath

from cniperf import files, stop
from cniperf.cache import kept
from cniperf.errors import BadRun, CniperfError, shown

NAME = "runs.tar.xz"
MOST = 2**28  # bytes that it may unpack to
LONGEST = 255  # bytes of a name


def shelf(folder: Path) -> Path:
    """Return where the runs of a folder lie: there, or where its archive is unpacked.

    Raises:
        BadRun: the archive is damaged, or contains something else.
        CannotWrite: there is no place to unpack it.
        Stopped: a signal came.
    """
    file = folder / NAME
    if not os.path.isfile(file):  # noqa: PTH113  Path's own raises where it cannot look
        return folder
    try:
        content = files.read(file)
        digest = hashlib.sha256(content).hexdigest()
        return kept(f"runs-{digest[:16]}", lambda empty: _unpack(content, empty))
    except CniperfError:
        raise
    except Exception as problem:  # whatever the readers of archives say of a damaged one
        raise BadRun(f"{file} is no archive of runs: {files.reason(problem)}") from None


def _unpack(content: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(_unpressed(content)), mode="r:") as archive:
        for member in archive:
            stop.look()
            name = _allowed(member)
            said = archive.extractfile(member)
            assert said is not None
            (folder / name.parent).mkdir(exist_ok=True)
            (folder / name).write_bytes(said.read())


def _unpressed(content: bytes) -> bytes:
    """Return what is in a file that xz packed; a signal is heard meanwhile."""
    whole = bytearray()
    with lzma.open(io.BytesIO(content)) as packed:
        while part := packed.read(2**20):
            stop.look()
            whole += part
            if len(whole) > MOST:
                raise ValueError(f"it has more than {MOST:,} bytes")
    return bytes(whole)


def _allowed(member: tarfile.TarInfo) -> PurePosixPath:
    """Return the name of a file of a run, in its folder.

    Raises:
        ValueError: it is something else, or no file system has such a name.
    """
    name = PurePosixPath(member.name)
    plain = member.isreg() and not member.issparse() and 0 <= member.size <= MOST
    if not plain or len(name.parts) != 2 or name.is_absolute() or ".." in name.parts:
        raise ValueError(f"{shown(member.name)} is no file of a run")
    if not files.is_text(member.name) or any(len(part.encode()) > LONGEST for part in name.parts):
        raise ValueError(f"{shown(member.name)} is no name of a file")
    return name


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

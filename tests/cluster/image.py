"""The images of the cluster's pods, made of this machine's own programs by Python's tarfile alone.

One layer serves both: ``localhost/cniperf-load:1``, in which the load runs, and
``localhost/pause:1``, which only keeps a pod's namespaces.
"""

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from cniperf.beds.bottle.image import extensions, libraries, standard, tree
from cniperf.errors import NotAble

LOAD, PAUSE = "localhost/cniperf-load:1", "localhost/pause:1"
USER = 65534  # nobody

PROGRAMS = (
    # a shell, and what its scripts make use of
    "sh", "awk", "base64", "basename", "cat", "chmod", "cp", "cut", "date", "dd", "dirname", "echo",
    "env", "false", "find", "grep", "gzip", "head", "hostname", "id", "kill", "ln", "ls", "mkdir",
    "mkfifo", "mktemp", "mv", "nproc", "od", "paste", "printf", "ps", "pwd", "readlink", "rm",
    "rmdir", "sed", "seq", "setsid", "sha256sum", "sleep", "sort", "stat", "tail", "tar", "taskset",
    "tee", "test", "timeout", "touch", "tr", "true", "uname", "uniq", "wc", "xargs",
    # the load, and what shows the network
    "iperf3", "ip", "ss",
)  # fmt: skip
IF_THERE = ("iperf", "sockperf")
FOLDERS = ("dev", "etc", "proc", "run", "sys", "tmp", "work")
FILES = {
    "etc/passwd": f"root:x:0:0::/:/bin/sh\nnobody:x:{USER}:{USER}::/:/bin/sh\n",
    "etc/group": f"root:x:0:\nnogroup:x:{USER}:\n",
}


def write(archive: Path) -> None:
    """Write both images as one archive, as ``docker save`` does.

    Raises:
        NotAble: a program is missing here.
    """
    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        _fill(tar)
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with tarfile.open(archive, "w") as tar:
        tar.add(layer, f"{digest}.tar")
        layer.unlink()
        said = [
            _image(tar, name, command, digest)
            for name, command in ((LOAD, ["/bin/sh"]), (PAUSE, ["/bin/sleep", "infinity"]))
        ]
        _text(tar, "manifest.json", json.dumps(said))


def _image(tar: tarfile.TarFile, name: str, command: list[str], digest: str) -> dict[str, object]:
    settings = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Cmd": command, "User": f"{USER}:{USER}", "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }  # fmt: skip
    text = json.dumps(settings)
    config = f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    _text(tar, config, text)
    return {"Config": config, "RepoTags": [name], "Layers": [f"{digest}.tar"]}


def _fill(tar: tarfile.TarFile) -> None:
    made: set[Path] = set()
    for name in ("bin", "sbin", "lib", "lib64"):  # as here: a folder, or a link into /usr
        if (here := Path("/", name)).is_symlink():
            _link(tar, name, str(here.readlink()))
            made.add(Path(name))
    for name in FOLDERS:
        _folder(tar, Path(name), made)
    for file in sorted({*_programs(), *_python()}):
        # To the folder that it really lies in, under its own name, which may be a link's.
        target = file.parent.resolve().relative_to("/") / file.name
        _folder(tar, target.parent, made)
        with file.open("rb") as data:
            found = tar.gettarinfo(arcname=str(target), fileobj=data)
            found.type, found.uid, found.gid = tarfile.REGTYPE, 0, 0
            found.uname = found.gname = ""
            tar.addfile(found, data)
    _link(tar, "usr/bin/python3", str(Path(sys.executable).resolve()))
    for name, text in FILES.items():
        _text(tar, name, text)


def _folder(tar: tarfile.TarFile, folder: Path, made: set[Path]) -> None:
    if folder == Path() or folder in made:
        return
    _folder(tar, folder.parent, made)
    made.add(folder)
    entry = tarfile.TarInfo(str(folder))
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder.name == "tmp" else 0o755
    tar.addfile(entry)


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _text(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data := text.encode())
    tar.addfile(entry, io.BytesIO(data))


def _programs() -> Iterator[Path]:
    """Yield the programs and the libraries that they load, those of Python included."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=path) for name in (*PROGRAMS, *IF_THERE)}
    if missing := [name for name in PROGRAMS if not found[name]]:
        raise NotAble(f"the cluster's image cannot be made: no {', '.join(missing)} here")
    own = [Path(file) for file in found.values() if file]
    yield from own
    yield from libraries([*own, Path(sys.executable), *extensions()])


def _python() -> Iterator[Path]:
    yield Path(sys.executable).resolve()
    yield from tree(standard())

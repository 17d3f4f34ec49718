"""What a guest runs on: an initramfs made of this machine's own programs and a kernel's modules.

Nothing is installed into it and no disk is needed: the kernel unpacks the archive into memory and
starts ``init.sh``. It contains what :data:`PROGRAMS` names, the libraries that those load, this
Python with the package, and the modules of :data:`MODULES`. It is cached by what went into it.
"""

import hashlib
import os
import re
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from functools import cache, partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from cniperf.beds.bottle.kernel import Kernel, kernel
from cniperf.beds.command import CommandFailed, run
from cniperf.cache import cache_dir, kept, size
from cniperf.errors import NotAble

PROGRAMS = (
    # a shell, and what scripts for hosts make use of
    "sh", "cat", "chmod", "cut", "date", "echo", "env", "find", "grep", "head", "id", "ls", "mkdir",
    "mkfifo", "mktemp", "mv", "nproc", "printf", "rm", "sed", "seq", "setpriv", "setsid", "sleep",
    "stat", "stty", "tee", "timeout", "touch", "tr", "true", "uname", "mount", "modprobe",
    "unshare",
    # wiring and proof of path
    "ip", "bridge", "tc", "ethtool", "sysctl", "nft", "nsenter", "taskset", "ping",
    "ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovs-appctl",
    # the way in
    "sshd",
)  # fmt: skip
# Generators, and what single schemes need.
IF_THERE = ("iperf3", "iperf", "sockperf", "curl", "nginx", "wg", "base64", "dd",
            "iptables", "iptables-restore", "ip6tables", "ip6tables-restore",
            *(f"/usr/lib/cni/{name}" for name in ("bridge", "ptp", "macvlan", "ipvlan", "static"))
)  # fmt: skip

FILES = ("/usr/share/openvswitch/vswitch.ovsschema", "/etc/os-release")
STANDARD = "*/xtables/libxt_standard.so"  # below /usr/lib: what iptables loads for any rule

# By name or pattern; what they need comes with them.
MODULES = (
    "virtio_pci", "virtio_net", "af_packet", "veth", "bridge", "br_netfilter", "macvlan", "ipvlan",
    "vxlan", "geneve", "ipip", "wireguard", "openvswitch", "vport-*", "tun", "sch_tbf",
    "sch_ingress", "cls_bpf", "tcp_*",
    "nf_tables*", "nft_*", "nfnetlink*", "nf_conntrack*", "nf_nat*",
)  # fmt: skip
LOADED = ("virtio_pci", "virtio_net", "af_packet")  # the kernel asks for the others itself

PACKAGES = ("cniperf", "pyroute2")  # of Python, beside its standard library
NEVER_IMPORTED = ("test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip",
                  "pydoc_data", "site-packages", "dist-packages", "config-*", "*.opt-?.pyc",
                  "notebooks", "locale", "templates", "_tkinter*", "_test*")  # fmt: skip

USERS = """root:x:0:0::/root:/bin/sh
sshd:x:100:100::/run/sshd:/bin/sh
www-data:x:33:33::/:/bin/sh
"""
GROUPS = "root:x:0:\nwww-data:x:33:\n"

INIT = Path(__file__).with_name("init.sh")


@cache  # to look at each of some thousand files takes a second
def image(own: Kernel) -> Path:
    """Return the guests' initramfs for a kernel, made first where there is none yet.

    Raises:
        NotAble: a program is missing here.
    """
    files = sorted({*_programs(), *_python(), *map(Path, FILES), *Path("/usr/lib").glob(STANDARD)})
    seed = f"{own.release} {MODULES} {INIT.read_text(encoding='utf-8')}"
    told = (f"{file} {(s := file.stat()).st_size} {s.st_mtime_ns}" for file in files)
    key = hashlib.sha256("\n".join([seed, *told]).encode()).hexdigest()[:16]
    made = kept(f"initramfs-{key}", partial(_build, own=own, files=files))
    for other in cache_dir().glob("initramfs-*"):  # of programs that are no more
        if other != made:
            shutil.rmtree(other, ignore_errors=True)
    return made / "initramfs"


def prepare(tell: Callable[[str], None]) -> Path:
    """Make what guests still lack, and return how long that took, and how much disk.

    Raises:
        NotAble: it cannot be made here.
    """
    began, before = time.monotonic(), _sizes()
    if not any(name.startswith("linux-image") for name in before):
        tell("fetching the guests' kernel: once, some 30 MB")
    made = image(kernel())
    new = {name: bytes_ for name, bytes_ in _sizes().items() if name not in before}
    if new:
        told = ", ".join(f"{name} ({bytes_ / 1e6:.0f} MB)" for name, bytes_ in new.items())
        took = time.monotonic() - began
        tell(f"made {told} in {cache_dir()} within {took:.1f} s; the next start has it")
    return made


def _sizes() -> dict[str, int]:
    return {folder.name: size(folder) for folder in cache_dir().glob("[!.]*")}


def archive(folder: Path, file: Path) -> None:
    """Write a folder as an archive that the kernel unpacks; the same folder gives the same bytes.

    Documentation/driver-api/early-userspace/buffer-format.rst has the format, and that several of
    them may follow each other in one file.
    """
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    options = ["--quiet", "--create", "--format=newc", "--owner=0:0", "--reproducible"]
    run(["cpio", *options, f"--file={file}"], text="\n".join(names) + "\n", folder=folder)


def _build(folder: Path, own: Kernel, files: Iterable[Path]) -> None:
    root = folder / "root"
    root.mkdir()
    for name in ("bin", "sbin", "lib", "lib64"):  # as here: a folder, or a link into /usr
        if (here := Path("/", name)).is_symlink():
            (root / name).symlink_to(here.readlink())
    for file in files:
        _copy(file, root)
    _modules(own, root)
    for name in ("dev", "proc", "sys", "run", "tmp", "root", "var/empty", "var/lib/nginx"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "var/run").symlink_to("/run")
    shutil.copy(INIT, root / "init")
    (root / "init").chmod(0o755)
    (root / "usr/bin/python3").symlink_to(Path(sys.executable).resolve())
    (root / "etc/passwd").write_text(USERS, encoding="utf-8")
    (root / "etc/group").write_text(GROUPS, encoding="utf-8")
    (root / "etc/modules").write_text("\n".join(LOADED) + "\n", encoding="utf-8")
    packages = [str(found) for name in PACKAGES for found in root.rglob(name)]
    run([sys.executable, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode",
         "unchecked-hash", "-s", str(root), *packages])  # fmt: skip
    archive(root, folder / "initramfs")
    shutil.rmtree(root)


def _copy(file: Path, root: Path) -> None:
    """Copy a file to the folder that it really lies in; what its own name is a link to."""
    target = root / file.parent.resolve().relative_to("/") / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, target)


# ── programs ──────────────────────────────────────────────────────────────────────────────────


def _programs() -> Iterator[Path]:
    """Yield the programs and the libraries that they load, each under every name that it has."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=path) for name in (*PROGRAMS, *IF_THERE)}
    if missing := [name for name in PROGRAMS if not found[name]]:
        raise NotAble(f"a guest cannot be made: {', '.join(missing)} not found here")
    own = [Path(file) for file in found.values() if file]
    yield from own
    yield from libraries([*own, Path(sys.executable), *extensions()])


def libraries(files: Iterable[Path]) -> set[Path]:
    """Return the libraries that programs load, each under every name that it has.

    Raises:
        NotAble: one of the files is no program.
    """
    try:
        said = run(["ldd", *(str(file.resolve()) for file in files)])
    except CommandFailed as problem:  # a script among them
        raise NotAble(f"a guest cannot be made: {problem}") from None
    return {Path(name) for name in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", said, re.MULTILINE)}


# ── this Python ───────────────────────────────────────────────────────────────────────────────


def standard() -> Path:
    """Return the folder of Python's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def _python() -> Iterator[Path]:
    """Yield this interpreter, its standard library, and the packages, where they lie here."""
    yield Path(sys.executable).resolve()
    yield from tree(standard())
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None and spec.origin is not None
        # What this machine has compiled of it so far is chance: the image compiles it all.
        yield from (file for file in tree(Path(spec.origin).parent) if file.suffix != ".pyc")


def search_path() -> str:
    """Return where a guest's Python finds the packages: as ``PYTHONPATH`` has it."""
    found = (find_spec(package) for package in PACKAGES)
    return ":".join(str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin)


def extensions() -> list[Path]:
    """Return the parts of the standard library that load libraries."""
    return [file for file in tree(standard()) if file.suffix == ".so"]


def tree(folder: Path) -> Iterator[Path]:
    """Yield the files of a Python package that a program can import."""
    for entry in os.scandir(folder):
        if any(fnmatch(entry.name, pattern) for pattern in NEVER_IMPORTED):
            continue
        if entry.is_dir():
            yield from tree(Path(entry.path))
        elif entry.name.endswith((".py", ".so", ".pyc")):
            yield Path(entry.path)


# ── modules ───────────────────────────────────────────────────────────────────────────────────


def _modules(own: Kernel, root: Path) -> None:
    """Copy the modules that are wanted, with those that they need, and index them."""
    base = own.modules.parents[2]
    run(["depmod", "-b", str(base), own.release])
    lines = (own.modules / "modules.dep").read_text(encoding="utf-8").splitlines()
    needs = {path: needed.split() for path, _, needed in (line.partition(":") for line in lines)}
    wanted = [path for path in needs if _is_wanted(Path(path).stem)]
    for path in {*wanted, *chain.from_iterable(needs[name] for name in wanted)}:
        target = root / "lib/modules" / own.release / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(own.modules / path, target)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy2(own.modules / name, root / "lib/modules" / own.release)
    run(["depmod", "-b", str(root), own.release])


def _is_wanted(module: str) -> bool:
    return any(fnmatch(module, pattern) for pattern in MODULES)

"""The control groups of a node: one of its own in every hierarchy, below which its pods' are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cniperf.beds import cpus as cpulist


def folders(name: str) -> Iterator[Path]:
    """Yield where a control group lies, in every hierarchy that this machine has mounted."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            yield Path(place, name)


def make(name: str, cpus: Sequence[int]) -> None:
    """Make a control group whose processes run on some CPUs only, in every hierarchy."""
    for folder in folders(name):
        folder.mkdir()
        if (own := folder / "cpuset.cpus").exists():
            own.write_text(cpulist.text(tuple(cpus)), encoding="utf-8")
            # Version 1: no process may enter before both are set.
            if not (memory := folder / "cpuset.mems").read_text(encoding="utf-8").strip():
                above = folder.parent / memory.name
                if above.exists():
                    memory.write_text(above.read_text(encoding="utf-8"), encoding="utf-8")

"""CPU quotas: how much of the CPUs a control group may use, and how often the quota throttled it.

A container's limit stops all its processes for the rest of a period (100 ms) once they have used
their share. Nothing else of the machine shows that. Every group from a process's own up may have
one; what is above a container's own root cannot be seen from inside.

This file is also run by itself on remote hosts, so it needs nothing but the standard library.
"""

import json
from pathlib import Path
from typing import Any

# What each group with a quota has: ``cpus`` (how many it may use), ``periods``, ``throttled``.
Reading = list[dict[str, Any]]


def read(proc: Path = Path("/proc/self")) -> Reading | None:
    """Return the quotas of a process's groups, its own first; None where none can be seen.

    Args:
        proc: the process's folder in ``/proc``.
    """
    try:
        mounts = (proc / "mountinfo").read_text(encoding="utf-8").splitlines()
        groups = [
            line.split(":", 2)
            for line in (proc / "cgroup").read_text(encoding="utf-8").splitlines()
        ]
    except OSError:
        return None
    seen, found = False, []
    for mount in mounts:
        head, _, tail = mount.partition(" - ")
        root, point = head.split()[3:5]
        kind, _, options = tail.split(" ", 2)
        for _, controllers, path in groups:
            if kind == "cgroup2" and not controllers:
                read_one = _version2
            elif kind == "cgroup" and "cpu" in controllers.split(",") and _has(options, "cpu"):
                read_one = _version1
            else:
                continue
            seen = True
            found += [quota for folder in _up(point, root, path) if (quota := read_one(folder))]
    return found if seen else None


def _has(options: str, name: str) -> bool:
    return name in options.split(",")


def _up(point: str, root: str, path: str) -> list[Path]:
    """Return the folders of a group and of all above it, down to where they are mounted."""
    top = Path(point)
    inside = path if root == "/" else path[len(root) :] if path.startswith(root) else ""
    words = [] if ".." in inside else inside.strip("/").split("/")
    return [top.joinpath(*words[:depth]) for depth in range(len([*filter(None, words)]), -1, -1)]


def _version2(folder: Path) -> dict[str, Any] | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        return None if quota == "max" else _quota(folder, int(quota) / int(period))
    except (OSError, ValueError):  # the root has none
        return None


def _version1(folder: Path) -> dict[str, Any] | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="utf-8"))
        return None if quota < 0 else _quota(folder, quota / period)
    except (OSError, ValueError):
        return None


def _quota(folder: Path, cpus: float) -> dict[str, Any]:
    words = (folder / "cpu.stat").read_text(encoding="utf-8").split()
    stat = dict(zip(words[::2], words[1::2], strict=False))
    return {"group": str(folder), "cpus": cpus, "periods": int(stat["nr_periods"]),
            "throttled": int(stat["nr_throttled"])}  # fmt: skip


def told(said: str) -> Reading | None:
    """Return what :func:`read` found on another machine, from what this file printed there."""
    try:
        found: Reading | None = json.loads(said)
    except ValueError:
        return None
    return found


def allowed(reading: Reading | None) -> float | None:
    """Return how many CPUs may be used at most; None where no quota was seen."""
    return min((group["cpus"] for group in reading or []), default=None)


def throttled(before: Reading | None, after: Reading | None) -> tuple[int, int] | None:
    """Return in how many periods a group was throttled, and of how many.

    Args:
        before: a reading.
        after: a later one of the same process.

    Returns:
        Those of the group that was throttled most; (0, 0) where there is no quota, None where
        none could be seen.
    """
    if before is None or after is None:
        return None
    was = {group["group"]: group for group in before}
    spans = [
        (group["throttled"] - was[group["group"]]["throttled"],
         group["periods"] - was[group["group"]]["periods"])
        for group in after if group["group"] in was
    ]  # fmt: skip
    return max(spans, key=lambda span: span[0] / max(span[1], 1), default=(0, 0))


def summary(
    before: "dict[str, Reading | None]", after: "dict[str, Reading | None]"
) -> dict[str, Any]:
    """Return what the quotas did to the hosts of a load, as its summary has it.

    Args:
        before: readings by host.
        after: later ones.

    Returns:
        ``throttled``: the share of its periods in which the host that suffered most was throttled,
        in %; ``throttled_periods``: how many, and of how many. Both None where it is not known.
    """
    spans = [span for host in after if (span := throttled(before[host], after[host]))]
    if not spans:
        return {"throttled": None, "throttled_periods": None}
    most = max(spans, key=lambda span: span[0] / max(span[1], 1))
    return {"throttled": 100 * most[0] / max(most[1], 1), "throttled_periods": list(most)}


if __name__ == "__main__":
    print(json.dumps(read()))

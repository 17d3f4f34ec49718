"""The machine and the versions behind a figure."""

import os
import platform
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cniperf
from cniperf.generators import all_generators

TOOLS = {
    "iproute2": ["ip", "-V"],
    "ethtool": ["ethtool", "--version"],
    "openvswitch": ["ovs-vsctl", "--version"],
}

SYSCTLS = (
    "net/core/rmem_max",
    "net/core/wmem_max",
    "net/core/default_qdisc",
    "net/core/netdev_max_backlog",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_wmem",
)


def fingerprint() -> dict[str, Any]:
    """Return what distinguishes this machine and these tools, without the machine's name.

    Keys: ``kernel``, ``os``, ``arch``, ``cpu`` (model), ``cpus`` (count), ``memory`` (GiB),
    ``python``, ``versions`` (tool or package to version, None where missing), ``sysctl``.
    """
    return {
        "kernel": platform.release(),
        "os": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "arch": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "versions": {
            "cniperf": cniperf.__version__,
            "pyroute2": version("pyroute2"),
            **{tool: _tool_version(*argv) for tool, argv in _tools().items()},
        },
        "sysctl": {name.replace("/", "."): _sysctl(name) for name in SYSCTLS},
    }


def questions() -> dict[str, str]:
    """Return shell lines that ask another machine for the same, by name; see :func:`answered`."""
    tools = {f"version {tool}": f"{shlex.join(argv)} 2>&1" for tool, argv in _tools().items()}
    sysctls = {f"sysctl {name}": f"cat /proc/sys/{name}" for name in SYSCTLS}
    return {
        "kernel": "uname -r", "os": '. /etc/os-release; echo "$PRETTY_NAME"', "arch": "uname -m",
        "cpuinfo": "cat /proc/cpuinfo", "cpus": "nproc --all",
        "memory": "grep MemTotal /proc/meminfo",
        "python": "python3 --version", **tools, **sysctls,
    }  # fmt: skip


def answered(said: Mapping[str, str]) -> dict[str, Any]:
    """Return another machine's fingerprint, from its answers to :func:`questions`."""
    memory = re.search(r"\d+", said["memory"])
    return {
        "kernel": said["kernel"].strip(),
        "os": said["os"].strip(),
        "arch": said["arch"].strip(),
        "cpu": _model(said["cpuinfo"]) or said["arch"].strip(),
        "cpus": int(said["cpus"]) if said["cpus"].strip().isdigit() else 0,
        "memory": round(int(memory[0]) / 2**20, 1) if memory else None,
        "python": _version(said["python"]),
        "versions": {
            "cniperf": cniperf.__version__,
            "pyroute2": version("pyroute2"),
            **{tool: _version(said[f"version {tool}"]) for tool in _tools()},
        },
        "sysctl": {
            name.replace("/", "."): said[f"sysctl {name}"].strip().replace("\t", " ") or None
            for name in SYSCTLS
        },
    }


def _tools() -> dict[str, Sequence[str]]:
    """Return the command that prints the version of each tool: generators and wiring."""
    makers = (each.versions for each in all_generators().values())
    return {tool: argv for each in (*makers, TOOLS) for tool, argv in each.items()}


def congestion_controls() -> list[str]:
    """Return the TCP congestion controls that this kernel has ready."""
    return (_sysctl("net/ipv4/tcp_available_congestion_control") or "").split()


def _cpu_model() -> str:
    model = _model(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return model or platform.processor() or platform.machine()


def _model(cpuinfo: str) -> str | None:
    found = re.search(r"^model name\s*: (.+)$", cpuinfo, re.MULTILINE)
    return found[1] if found else None


@cache
def _tool_version(*argv: str) -> str | None:
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
            encoding="utf-8",
            errors="replace",
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return _version(done.stdout + done.stderr)


def _version(said: str) -> str | None:
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else None


def _sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text(encoding="utf-8").strip().replace("\t", " ")
    except OSError:
        return None

"""What tests share: runs made up on disk, and the guard that each lab test leaves nothing behind."""

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from cniperf.beds.journal import sweep_dead
from cniperf.beds.lab import ovs
from cniperf.beds.privilege import is_rootless
from cniperf.doctor import lacking_kinds
from cniperf.schemes import find
from cniperf.schemes.scheme import Scheme

ROOT = Path(__file__).parent.parent

pytest_plugins = ["apart", "rehearsed", "reporting", "trials", "cluster.session"]
os.environ["CNIPERF_DEBUG"] = "1"  # a fault stays a traceback, which no test takes for a refusal
os.environ["PYTHONFAULTHANDLER"] = "1"  # what a test starts can tell where it hangs: see ended()


def cannot_here(reason: str, *, kernel: bool = False) -> None:
    """Skip with a reason; in CI only what the kernel truly lacks may skip."""
    if os.environ.get("CI") and not kernel:
        pytest.fail(f"in CI nothing else may be missing: {reason}")
    pytest.skip(reason)


def pytest_sessionstart() -> None:
    """Sweep what killed runs left before: a test that sweeps it would be taken for its owner."""
    sweep_dead()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("lab"):
        return
    if os.geteuid() != 0:
        cannot_here("tests of the lab make network namespaces: run them as root, or by "
                    "python -m cniperf.beds.rootless pytest")  # fmt: skip
    if item.get_closest_marker("root") and is_rootless():
        cannot_here("it needs more than a user namespace's root", kernel=True)
    if callspec := getattr(item, "callspec", None):
        the_kernel_makes(callspec.params.get("scheme"))


def the_kernel_makes(scheme: Scheme | str | None) -> None:
    """Skip a test of a scheme some of whose devices cannot be made here."""
    if not scheme:
        return
    found = find(scheme.partition(" ")[0]) if isinstance(scheme, str) else scheme
    if found.root and is_rootless():
        cannot_here(f"only root of the machine may wire {found.name}", kernel=True)
    if found.ovs and ovs.closed():
        cannot_here(f"only root may open {ovs.TUN}", kernel=True)
    for kind in found.devices:
        if kind in lacking():
            cannot_here(f"this kernel makes no {kind}: {lacking()[kind]}", kernel=True)


@cache
def lacking() -> dict[str, str]:
    return lacking_kinds()


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A lab test leaves the root namespace, the namespaces and the processes as they were."""
    if not request.node.get_closest_marker("lab"):
        yield
        return
    before = machine_state()
    yield
    assert settled(before) == before


def machine_state() -> dict[str, object]:
    """What a run must leave as it was: addresses, routes, links, namespaces, processes, journals."""

    def ip(*words: str) -> object:
        found = json.loads(subprocess.check_output(["ip", "-j", *words]) or b"[]")
        for entry in found:  # lifetimes tick
            for address in entry.get("addr_info", []):
                address.pop("valid_life_time", None)
                address.pop("preferred_life_time", None)
            entry.pop("expires", None)
        return found

    journals = Path(os.environ.get("CNIPERF_STATE_DIR", "/run/cniperf")).glob("*.journal")
    return {
        "addr": ip("addr"),
        "link": ip("link"),
        "route": ip("route", "show", "table", "all"),
        "route6": ip("-6", "route", "show", "table", "all"),
        "netns": sorted(subprocess.check_output(["ip", "netns"], text=True).splitlines()),
        "processes": our_processes(),
        "journals": sorted(file.name for file in journals),
    }


def our_processes() -> list[str]:
    """The processes that only a lab starts, by their command line."""
    from apart import is_own  # a plugin: pytest imports it first

    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and is_own(folder):
            try:
                words = (folder / "cmdline").read_text().split("\0")
            except OSError:
                continue
            names = {Path(word).name for word in words[:8]}
            if names & {"iperf3", "ovs-vswitchd", "ovsdb-server", "cniperf.beds.reaper"}:
                found.append(" ".join(words))
    return sorted(found)


def settled(wanted: dict[str, object], within: float = 5.0) -> dict[str, object]:
    """Wait until the machine is as wanted, or time is up; return how it is."""
    deadline = time.monotonic() + within
    while (now := machine_state()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


def ended(process: subprocess.Popen[str], within: float) -> tuple[str, str]:
    """Wait for the end of a process and return what it said; where it hangs, tell where."""
    try:
        return process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        holders = [
            line for line in process_lines() if pipes(process) & set(open_files(line.split()[0]))
        ]
        process.send_signal(signal.SIGABRT)  # faulthandler tells where each thread is
        try:
            said = process.communicate(timeout=5)
        except subprocess.TimeoutExpired as still:
            said = (str(still.stdout), str(still.stderr))
        pytest.fail("\n".join([f"no end within {within} s; its pipes:", *holders, *said]))


def pipes(process: subprocess.Popen[str]) -> set[str]:
    both = [pipe.fileno() for pipe in (process.stdout, process.stderr) if pipe and not pipe.closed]
    return {str(Path(f"/proc/self/fd/{number}").readlink()) for number in both}


def process_lines() -> list[str]:
    done = subprocess.run(
        ["ps", "-ww", "-eo", "pid,ppid,stat,wchan:20,args"], capture_output=True, text=True
    )
    return [line for line in done.stdout.splitlines()[1:] if line.split()[0] != str(os.getpid())]


def open_files(pid: str) -> list[str]:
    """What a process has open, as far as it is still there."""
    files = []
    with suppress(FileNotFoundError, PermissionError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError, PermissionError):
                files.append(str(file.readlink()))
    return files


RECORD = {
    "format": 1,
    "status": "ok",
    "suite": "",
    "round": 1,
    "started": "2026-01-02T03:04:05+00:00",
    "params": {
        "scheme": "calico", "bed": "lab", "nic": "virtio", "mtu": 1500, "duration": 5, "omit": 1,
        "rounds": 1, "streams": 1, "window": "", "congestion": "cubic", "gro": "default",
        "udpcsum": False, "length": 0, "direction": "forward", "rate": 0.0,
        "design": "separate", "slice": 0.0, "mode": "stream", "generator": "iperf3", "pairs": 1, "max_loss": 0.1, "erms": False, "config": "",
        "ip": 4, "label": "",
    },
    "scheme": {"name": "calico", "order": 50, "summary": "", "path": ""},
    "bed": {"bed": "lab", "nic": "virtio", "cpus": {"a": [0], "b": [1]}, "ovs_datapath": None,
            "awake": False, "idle_restart": None, "meter": "clock", "accelerator": "", "seed": None},
    "environment": {
        "kernel": "6.1.0", "os": "Debian", "arch": "x86_64", "cpu": "A <CPU>", "cpus": 2,
        "memory": 8.0, "python": "3.11", "sysctl": {},
        "versions": {"iperf3": "3.12", "qemu": None, "openvswitch": "3.1"},
    },
}  # fmt: skip

SUMMARY = {"gbps": 0.0, "retransmits": 0, "mss": 1448, "pod_mtu": 1500, "cpu_a": 100.0,
           "cpu_b": 70.0, "cpu_per_gb_a": None, "cpu_per_gb_b": None, "cpu_each_a": None,
           "cpu_each_b": None, "per_second": None, "jain": None, "pair_figures": None,
           "stolen": 0.0, "throttled": 0.0, "others": 0.0, "handover": None,
           "insn_per_byte": None, "insn_per_byte_a": None, "insn_per_byte_b": None,
           "base": None, "log_ratio": None, "blocks": None, "base_cpu_per_gb_a": None,
           "base_cpu_per_gb_b": None,
           "trend": 0.0, "trend_low": -0.01, "trend_high": 0.01}  # fmt: skip

ORDER = {"hostnetwork": 10, "macvlan": 20, "ovs": 30, "ovs-bridge": 40, "calico": 50,
         "flannel-hostgw": 60, "flannel-vxlan": 70, "canal": 80}  # fmt: skip

# What a run of bed counted is and has, and what it does not have.
COUNTED = {"bed": "counted", "meter": "instructions", "accelerator": "tcg", "cpus": {},
           "qemu": "7.2", **dict.fromkeys(("retransmits", "cpu_a", "cpu_b", "stolen", "others",
                                           "trend", "trend_low", "trend_high"))}  # fmt: skip


class Shelf:
    """A folder of made-up runs, for tests of what reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0

    def add(self, scheme: str, gbps: float | None = None, **changes: object) -> Path:
        """Add a run; without a figure it is a failed one."""
        self._count += 1
        record = json.loads(json.dumps(RECORD))
        record["id"] = f"20260102T030405Z-{self._count:04d}-{scheme}"
        record["scheme"] = {
            "name": scheme,
            "order": ORDER.get(scheme, 90),
            "summary": "",
            "path": "",
        }
        record["params"]["scheme"] = scheme
        if gbps is None and "insn_per_byte" not in changes:
            record |= {"status": "failed", "error": "host a: `ip link add` failed: no"}
        else:
            record["summary"] = {**SUMMARY, "gbps": gbps}
        for name, value in changes.items():
            parts = [record.get(part, {}) for part in ("params", "bed", "summary", "environment")]
            parts.append(record["environment"]["versions"])
            place = next((part for part in parts if name in part), record)
            place[name] = value
        record["bed"]["bed"] = record["params"]["bed"]
        run = self.folder / str(record["id"])
        run.mkdir(parents=True)
        (run / "run.json").write_text(json.dumps(record))
        for host in "ab":
            (run / f"host-{host}.sh").write_text(f"# host {host}: wire\nip link add <{scheme}>\n")
        return run

    def count(self, scheme: str, insn: float, seed: int = 1, **changes: object) -> Path:
        """Add a run of bed counted: instructions per byte under a seed."""
        facts = {**COUNTED, "suite": "c", "round": seed, "seed": seed, "insn_per_byte": insn}
        return self.add(scheme, None, **{**facts, **changes})

    def lab(self, scheme: str, ratio: float, base: float = 20.0, **changes: object) -> Path:
        """Add an interleaved run: a lab in which a scheme carried a share of hostnetwork's."""
        facts = {"design": "interleaved", "slice": 0.2, "base": base, "log_ratio": math.log(ratio),
                 "blocks": [math.log(ratio)] * 4}  # fmt: skip
        return self.add(scheme, base * ratio, **{**facts, **changes})

    def add_labs(self, **columns: Sequence[float]) -> None:
        """Add an interleaved suite: a share of hostnetwork a round for each scheme."""
        for number in range(1, 1 + min(map(len, columns.values()))):
            for scheme, ratios in columns.items():
                self.lab(scheme.replace("_", "-"), ratios[number - 1], suite="s", round=number)

    def add_rounds(self, **columns: Sequence[float]) -> None:
        """Add a suite: a figure a round for each scheme; a list of pairs runs it twice."""
        for number in range(1, 1 + min(map(len, columns.values()))):
            for scheme, figures in columns.items():
                found = figures[number - 1]
                for gbps in found if isinstance(found, tuple) else (found,):
                    self.add(scheme.replace("_", "-"), gbps, suite="s", round=number)


@pytest.fixture
def still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes that this test starts see CPUs that stay where they are.

    A hypervisor that moves them adds rounds of its own, so that no exact number could be held to.
    """
    folder = tmp_path / "still"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import cniperf.beds.caches\ncniperf.beds.caches.handover = lambda *_: 1.8\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.fixture
def one_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let labs of this process see CPUs that stay where they are."""
    monkeypatch.setattr("cniperf.beds.lab.bed.handover", lambda *_: 1.8)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "data")

"""Runs on disk: one folder each, written whole or not at all, read into one tidy table.

A run folder holds

=====================  =======================================================================
``run.json``           format version, status, parameters, environment, plan, summary
``host-a.sh`` ``-b``   the plan as applied on each host, as shell commands
``evidence.json``      which way a probe's packets went, hop by hop, before the load
``iperf3-client.json`` what the generator on host a said, untouched; may be gzipped (``….gz``)
``iperf3-server.json`` what the generator on host b said, untouched; the same
``latency.csv``        how many transactions took how long (modes rr and crr)
=====================  =======================================================================

This module needs neither root nor Linux.
"""

import gzip
import json
import os
import secrets
import shutil
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cniperf.errors import BadRun, CannotWrite, CniperfError
from cniperf.modes import Mode, find

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1

# Columns that say under which conditions a run was made: figures of two runs meet in one ratio
# only where all of these are equal.
CONDITIONS = (
    "bed", "meter", "accelerator", "erms", "between", "nic", "mtu", "mode", "generator", "version",
    "pairs", "streams", "window", "congestion", "gro", "udpcsum", "length", "direction", "rate",
    "max_loss", "design", "slice", "duration", "omit", "kernel", "cpu", "cpus",
)  # fmt: skip

COLUMNS = (
    "run", "suite", "round", "scheme", "order", "status", "error", "started",
    *CONDITIONS,
    "figure", "cost", "base", "base_cost", "log_ratio", "gbps", "per_second",
    "insn_per_byte", "insn_per_byte_a", "insn_per_byte_b",
    "lost", "p50", "p90", "p99", "p999", "jain",
    "retransmits", "mss", "pod_mtu", "sender_cpu", "receiver_cpu", "cpu_a", "cpu_b",
    "cpu_per_gb_a", "cpu_per_gb_b", "cpu_each_a", "cpu_each_b", "stolen", "throttled", "others",
    "trend", "trend_low", "trend_high", "seed", "cache", "ovs_datapath", "path", "flags",
)  # fmt: skip

NUMBERS = COLUMNS[COLUMNS.index("figure") : COLUMNS.index("cache")]

# CPUs that share a last-level cache hand data over in less than this (1.9 at most where it was
# tried), CPUs that do not in more (3.8 at least); see cniperf.beds.caches.
SHARED_BELOW = 2.6

# What runs made before a parameter existed had.
BEFORE: dict[str, Any] = {
    "gro": "default", "udpcsum": False, "length": 0, "direction": "forward", "rate": 0.0,
    "mode": "stream", "generator": "iperf3", "pairs": 1, "max_loss": 0.1, "between": "",
    "grace": 30, "allow_shared_nic": False, "erms": False, "design": "separate", "slice": 0.0,
}  # fmt: skip


class BrokenRunWarning(UserWarning):
    """A folder among the runs is no complete run and was left out."""


def default_data_dir() -> Path:
    """Return the project's ``data/`` where this is a checkout or below one, else ``./data``."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "notebooks" / "run_scheme.ipynb").exists():
            return folder / "data"
    return Path("data")


class Draft:
    """A run folder in the making. It has a hidden name until :meth:`finish` makes it a run.

    Leaving the ``with`` block without that removes it.
    """

    def __init__(self, data_dir: Path, name: str) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for _ in range(100):  # a short suffix reads well, and may be taken
            self.id = f"{stamp}-{name}-{secrets.token_hex(2)}"
            self.final = data_dir / self.id
            self.path = data_dir / f".partial-{self.id}"
            if not self.final.exists() and not self.path.exists():
                break

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True)
        except OSError as problem:
            raise CannotWrite(f"cannot write to {self.path.parent}: {problem.strerror}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if isinstance(problem, OSError) and not isinstance(problem, CniperfError):
            raise CannotWrite(
                f"cannot write to {self.final.parent}: {problem.strerror}"
            ) from problem

    def write(self, name: str, text: str) -> None:
        """Write a file of the run."""
        (self.path / name).write_text(text)

    def finish(self, record: Mapping[str, Any]) -> Path:
        """Write ``run.json`` and give the folder its name, in one step; return the folder."""
        whole = {"format": FORMAT, "id": self.id, **record}
        file = self.path / "run.json"
        with file.open("w") as out:
            json.dump(whole, out, indent=1)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())  # a full disk must speak before the rename
        self.path.rename(self.final)
        return self.final


def read_run(folder: Path) -> dict[str, Any]:
    """Return a run's ``run.json``.

    Raises:
        BadRun: the file is missing, is no JSON, lacks a part, or is of another format.
    """
    record = _record(folder)
    _row(folder, record)
    return record


def _record(folder: Path) -> dict[str, Any]:
    try:
        with open(f"{folder}/run.json", encoding="utf-8") as file:  # noqa: PTH123  a third faster
            record: dict[str, Any] = json.load(file)
        version = record["format"]
    except FileNotFoundError:
        raise BadRun(f"{folder}: there is no run.json") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise _broken(folder, problem) from None
    if version != FORMAT:
        raise BadRun(f"{folder}: format {version}, this cniperf reads {FORMAT}")
    return record


def _broken(folder: Path, problem: Exception) -> BadRun:
    return BadRun(f"{folder}: run.json is broken ({type(problem).__name__}: {problem})")


def run_folders(data_dir: Path | str) -> list[Path]:
    """Return the run folders in a folder, oldest first; the folder may be a run itself.

    Raises:
        BadRun: there is no such folder.
    """
    root = Path(data_dir)
    if not root.is_dir():
        raise BadRun(f"there is no folder {root}: give the folder that holds the runs")
    if (root / "run.json").exists():
        return [root]
    with os.scandir(root) as entries:  # a folder may hold many thousand runs
        names = sorted(entry.name for entry in entries if entry.is_dir())
    return [root / name for name in names if name[:1].isdigit()]


def load_runs(data_dir: Path | str | None = None, *, suite: str | None = None) -> "pd.DataFrame":
    """Load runs into one tidy table, one row a run, oldest first.

    Args:
        data_dir: folder of run folders; the project's ``data/`` if not given.
        suite: only the runs of this suite.

    Returns:
        A DataFrame of these columns:

        ``run`` id, ``suite``, ``round``, ``scheme``, ``order`` (its place in charts), ``status``
        (``ok`` or ``failed``), ``error`` (why it failed), ``started`` (UTC), the conditions
        ``bed``, ``meter`` (what the figure was read from: ``clock`` or ``instructions``),
        ``accelerator`` (of guests: ``tcg``, a CPU that software emulates, or ``kvm``; else
        empty), ``erms`` (True where a guest's CPU claims to copy strings fast, and the kernel
        copies a byte an instruction instead of eight),
        ``between`` (which hosts, bed ssh), ``nic``, ``mtu`` (bytes, of the underlay),
        ``mode``, ``generator``, its ``version``, ``pairs`` (of pods), ``streams``,
        ``window``, ``congestion``, ``gro``, ``udpcsum``, ``length`` (bytes a write,
        message or datagram), ``direction``, ``rate`` (offered, Gbit/s; 0 for as much as
        goes), ``max_loss`` (%), ``design`` (``interleaved``: hostnetwork and the scheme are loaded
        in turns, in one lab; ``separate``: each has runs of its own), ``slice`` (s that count of a
        turn; 0 in separate runs), ``duration``, ``omit`` (s),
        ``kernel``, ``cpu``, ``cpus``, and the results ``figure`` (what schemes are compared by:
        ``gbps``, ``per_second`` or ``insn_per_byte``, see :mod:`cniperf.modes`), ``cost`` (CPU time
        of both hosts: seconds for 10⁹ bytes, or µs for a transaction or datagram), ``base`` and
        ``base_cost`` (the same two of hostnetwork in the turns between, in the same lab;
        NaN in separate runs), ``log_ratio`` (natural logarithm of ``figure / base``: of each
        block of turns, and of these the Hodges-Lehmann estimate), ``gbps``
        (goodput at the receiver, Gbit/s, the sum of all pairs), ``per_second`` (transactions, or
        datagrams that arrived), ``insn_per_byte`` (instructions of both hosts for a byte of
        goodput),
        ``insn_per_byte_a``, ``insn_per_byte_b`` (of each host, where they are guests of their
        own), ``lost`` (share of the datagrams), ``p50``, ``p90``, ``p99``, ``p999``
        (percentiles of a transaction's time, µs), ``jain`` (fairness among pairs),
        ``retransmits`` (segments), ``mss``, ``pod_mtu`` (bytes),
        ``sender_cpu``, ``receiver_cpu`` (% of one CPU, the generator's own figure), ``cpu_a``,
        ``cpu_b`` (% of the busiest CPU of each host that was in use), ``cpu_per_gb_a``,
        ``cpu_per_gb_b`` (CPU seconds of each host, softirq included, for 10⁹ bytes of goodput),
        ``cpu_each_a``, ``cpu_each_b`` (CPU µs of each host for a transaction or datagram),
        ``stolen`` (% of the CPUs' time), ``throttled`` (% of the periods of a CPU quota in which
        it held a host back), ``others`` (% of one CPU that other processes used),
        ``trend``, ``trend_low``, ``trend_high`` (rise of the throughput within the run, as a
        fraction, and its 95 % interval), ``seed`` (of the guest's chance, bed counted: the same
        seed gives the same digits), ``cache`` (``shared`` or ``apart``: whether the two
        hosts' CPUs have one last-level cache; ``moved`` where that changed within the run, empty
        where it is not known), ``ovs_datapath``, ``path`` (the folder) and ``flags`` (kinds of
        :func:`cniperf.analysis.flags.run_flags`, commas between; empty is good).

        ``attrs["broken"]`` lists what was left out as ``(folder, reason)``.

    Warns:
        BrokenRunWarning: for each folder that is no complete run.

    Raises:
        BadRun: there is no such folder.
    """
    return runs_table(run_folders(data_dir or default_data_dir()), suite=suite)


def runs_table(folders: Iterable[Path], *, suite: str | None = None) -> "pd.DataFrame":
    """Load some run folders; :func:`load_runs` tells what comes back."""
    import pandas as pd

    from cniperf.analysis.flags import run_flags

    rows, broken = [], []
    for folder in folders:
        try:
            row = _row(folder, _record(folder))
        except BadRun as problem:
            warnings.warn(str(problem), BrokenRunWarning, stacklevel=3)
            broken.append((folder.name, str(problem).removeprefix(f"{folder}: ")))
            continue
        if suite is None or row["suite"] == suite:
            rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["started"] = pd.to_datetime(table["started"], utc=True)
    table[list(NUMBERS)] = table[list(NUMBERS)].astype(float)
    table["flags"] = run_flags(table)
    table.attrs["broken"] = broken
    return table


def load_intervals(run: Path | str) -> "pd.DataFrame":
    """Load the throughput over time of one run.

    Returns:
        A DataFrame with ``second`` (end of the interval, from the start of the load), ``gbps``
        (sent, all pairs together), ``retransmits`` and ``omitted`` (True for the seconds that do
        not count). Empty where the generator is not iperf3.
    """
    import pandas as pd

    said = load_raw(run).items()
    parts = [_intervals(text) for name, text in said if name.startswith("iperf3-client")]
    if not parts:
        return pd.DataFrame({"second": [], "gbps": [], "retransmits": [], "omitted": []})
    shortest = min(map(len, parts))
    whole = parts[0].iloc[:shortest].copy()
    for other in parts[1:]:
        whole[["gbps", "retransmits"]] += other[["gbps", "retransmits"]].iloc[:shortest]
    return whole


def load_raw(run: Path | str) -> dict[str, str]:
    """Load what the generators of one run said, untouched, by the name of the file."""
    own = ("run.json", "evidence.json", "latency.csv", "host-a.sh", "host-b.sh")
    found = {}
    for file in sorted(Path(run).iterdir()):
        if file.name not in own:
            read = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            found[file.name.removesuffix(".gz")] = read.decode(errors="replace")
    return found


def _intervals(text: str) -> "pd.DataFrame":
    import pandas as pd

    # A warning may stand before it, and more may follow (esnet/iperf#1716).
    client = json.JSONDecoder().raw_decode(text, text.find("{"))[0]
    rows = []
    for part in client["intervals"]:
        total, back = part["sum"], part.get("sum_bidir_reverse", {})
        rows.append(
            {
                "gbps": (total["bits_per_second"] + back.get("bits_per_second", 0)) / 1e9,
                "retransmits": total.get("retransmits"),
                "omitted": total["omitted"],
                "seconds": total["seconds"],
            }
        )
    table = pd.DataFrame(rows, columns=["gbps", "retransmits", "omitted", "seconds"])
    table.insert(0, "second", table.pop("seconds").cumsum().round(2))
    return table


def load_evidence(run: Path | str) -> dict[str, Any]:
    """Load which way the packets of a run went, as counted before its load.

    Returns:
        ``packets`` (sent each way), ``payload`` (bytes of each), ``arrived`` (at the other pod,
        ``there`` from a to b and ``back``), ``hops`` (in order: ``place``, ``name``, ``kind``,
        ``wants`` (all, none, any, or those of one way: there, back), ``wrapped`` in a tunnel and
        its ``encapsulation``, ``translated`` by NAT (on the way back, on both), packets ``there``
        and ``back``, ``size`` of one on its way there in bytes), ``senders`` (MAC and IPv4
        addresses of frames that arrived at the hosts' NICs), ``macs`` and ``pods`` (addresses by
        host), ``policy`` (packets ``sent``, ``dropped`` by a rule in host a's forward hook,
        ``arrived``) and ``problem``.
        Empty where the run has none.
    """
    file = Path(run) / "evidence.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def load_plans(runs: "pd.DataFrame") -> Iterator[tuple[str, str, str]]:
    """Iterate over ``(scheme, commands on host a, on host b)``, as applied in the last run."""
    for scheme, group in runs.groupby("scheme", sort=False):
        wired = [Path(path) for path in group["path"] if (Path(path) / "host-b.sh").exists()]
        if wired:
            a, b = ((wired[-1] / f"host-{name}.sh").read_text() for name in "ab")
            yield str(scheme), a, b


def _cost(summary: Mapping[str, Any], mode: Mode, whose: str = "") -> float | None:
    if not mode.cost:
        return None
    own: list[Any] = [summary.get(f"{whose}{mode.cost}_{host}") for host in "ab"]
    return None if None in own else float(sum(own))


def cache(handover: float | None) -> str:
    """Tell from how CPUs hand data over whether they share a cache; empty if it is not known."""
    if handover is None:
        return ""
    return "shared" if handover < SHARED_BELOW else "apart"


def _cache(summary: Mapping[str, Any]) -> str:
    before, after = (cache(ratio) for ratio in summary.get("handover") or (None, None))
    return before if before == after else "moved"


def _row(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    try:
        params, environment, bed = record["params"], record["environment"], record["bed"]
        summary = record.get("summary") or {}
        row = {
            "run": record["id"],
            "suite": record["suite"],
            "round": record["round"],
            "scheme": record["scheme"]["name"],
            "order": record["scheme"]["order"],
            "status": record["status"],
            "error": record.get("error") or "",
            "started": record["started"],
            "kernel": environment["kernel"],
            "cpu": environment["cpu"],
            "cpus": environment["cpus"],
            "cache": _cache(summary),
            "meter": bed.get("meter", "clock"),
            "accelerator": bed.get("accelerator") or "",
            "seed": bed.get("seed"),
            "ovs_datapath": bed.get("ovs_datapath"),
            "path": str(folder),
        }
        found = BEFORE | params | summary | row
        found["version"] = environment["versions"].get(found["generator"])
        mode = find(found["mode"], row["meter"])
        found["figure"] = summary.get(mode.figure)
        found["cost"], found["base_cost"] = _cost(summary, mode), _cost(summary, mode, "base_")
    except (KeyError, TypeError, AttributeError) as problem:
        raise _broken(folder, problem) from None
    if row["status"] == "ok" and not isinstance(found["figure"], float | int):
        raise BadRun(f"{folder}: run.json says ok but has no figure")
    return {column: found.get(column) for column in COLUMNS}

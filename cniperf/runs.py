"""Runs on disk: one folder each, written whole or not at all, read into one tidy table.

A run folder contains

=====================  =======================================================================
``run.json``           format version, status, parameters, environment, plan, summary
``host-a.sh`` ``-b``   the plan as applied on each host, as shell commands
``evidence.json``      which way a probe's packets went, hop by hop, before the load
``iperf3-client.json`` the generator's output on host a, unchanged; may be gzipped (``….gz``)
``iperf3-server.json`` the generator's output on host b, unchanged; the same
``turns.csv``          the turns of the scheme and of hostnetwork (design interleaved)
``latency.csv``        how many transactions took how long (modes rr and crr)
=====================  =======================================================================

This module needs neither root nor Linux.
"""

import gzip
import io
import os
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf import files, stop
from cniperf.archive import NAME, shelf
from cniperf.conflist import Conflist, digest
from cniperf.errors import BadRun, one_line
from cniperf.proof import Proof
from cniperf.record import BEFORE, FORMAT, Record, Summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BEFORE", "FORMAT"]

# Columns with the conditions of a run: figures of two runs meet in one ratio
# only where all of these are equal.
CONDITIONS = (
    "label", "bed", "meter", "accelerator", "steered", "awake", "idle_restart", "erms", "between",
    "nic", "ip", "mtu",
    "mode", "generator", "version", "pairs", "streams", "window", "congestion", "gro", "udpcsum",
    "length", "config", "direction", "rate", "max_loss", "design", "slice", "duration", "omit",
    "kernel", "cpu", "cpus",
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

# CPUs that share a last-level cache hand data over in less than this (2.0 at most where it was
# tried), CPUs that do not in more (2.3 at least); see cniperf.beds.caches.
SHARED_BELOW = 2.15

MOVED = "moved"  # the placement of a run whose CPUs lay one way before it and another way after

LARGEST = 2**22  # bytes of a run.json: more is none of ours


class BrokenRunWarning(UserWarning):
    """A folder among the runs is no complete run, or a file of a run is damaged: it is left out.

    Attributes:
        name: of the folder, or of the file with its folder.
        why: in a few words.
    """

    def __init__(self, name: str, why: str, place: Path) -> None:
        self.name, self.why = one_line(name), one_line(why)
        super().__init__(one_line(f"{place / name}: {why}"))


def default_data_dir() -> Path:
    """Return the project's ``data/`` where this is a checkout or below one, else ``./data``."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "notebooks" / "run_scheme.ipynb").exists():
            return folder / "data"
    return Path("data")


def read_run(folder: Path) -> Record:
    """Return a run's ``run.json``.

    Raises:
        BadRun: the file is missing, is no JSON, lacks a part, has something that is not allowed,
            or is of another format.
    """
    if not files.is_text(folder.name):
        raise BadRun(f"{folder}: its name is no UTF-8")
    try:
        return Record.of(files.read_json(f"{folder}/run.json", LARGEST))
    except FileNotFoundError:
        raise BadRun(f"{folder}: there is no run.json") from None
    except (OSError, ValueError) as problem:
        raise BadRun(f"{folder}: run.json is broken ({files.reason(problem)})") from None


def run_folders(data_dir: Path | str) -> list[Path]:
    """Return the run folders in a folder, oldest first; the folder may be a run itself.

    Those of an archive (:mod:`cniperf.archive`) come before those that lie beside it.

    Raises:
        BadRun: there is no such folder, it cannot be read, its name is no text, or its archive is
            damaged.
    """
    root = Path(data_dir)
    if not files.is_text(root):
        raise BadRun(f"cannot read {root}: {files.NO_TEXT}")
    try:
        with os.scandir(root) as entries:  # a folder may have many thousand runs
            found = {entry.name: entry for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        raise BadRun(f"there is no folder {root}: give the folder of the runs") from None
    except (OSError, ValueError) as problem:
        raise BadRun(f"cannot read {root}: {files.reason(problem)}") from None
    if "run.json" in found:
        return [root]
    own = [root / name for name in sorted(found)
           if name[:1].isdigit() and _is_folder(found[name])]  # fmt: skip
    if NAME not in found:
        return own
    inside = shelf(root)
    if inside == root:
        raise BadRun(f"{root / NAME} is no archive of runs: it is no plain file; move it away")
    return [*run_folders(inside), *own]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Return whether a run may be there; a dangling link counts as a broken one."""
    return not Path(entry).is_file() if entry.is_symlink() else entry.is_dir()


def load_runs(data_dir: Path | str | None = None, *, suite: str | None = None) -> "pd.DataFrame":
    """Load runs into one tidy table, one row a run, oldest first.

    Args:
        data_dir: folder of run folders; the project's ``data/`` if not given.
        suite: only the runs of this suite.

    Returns:
        A DataFrame of these columns:

        ``run`` id, ``suite``, ``round``, ``scheme``, ``order`` (its place in charts), ``status``
        (``ok`` or ``failed``), ``error`` (why it failed), ``started`` (UTC), the conditions
        ``label`` (what was measured, where that has a name), ``bed``,
        ``meter`` (what the figure was read from: ``clock`` or ``instructions``),
        ``accelerator`` (of guests: ``tcg``, a CPU that software emulates, or ``kvm``; else
        empty), ``erms`` (True where a guest's CPU claims to copy strings fast, and the kernel
        copies a byte an instruction instead of eight),
        ``between`` (which hosts, bed ssh, or nodes, bed k8s), ``nic``, ``ip`` (version: 4 or 6),
        ``mtu`` (bytes, of the underlay), ``mode``, ``generator``, its ``version``,
        ``pairs`` (of pods), ``streams``, ``window``, ``congestion``, ``gro``, ``udpcsum``,
        ``length`` (bytes a write, message or datagram), ``direction``, ``rate`` (offered, Gbit/s;
        0: no limit), ``max_loss`` (%), ``design`` (``interleaved``: hostnetwork and the
        scheme are loaded in turns, in one lab; ``separate``: each has runs of its own), ``slice``
        (s that count of a turn; 0 in separate runs), ``duration``, ``omit`` (s),
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
        it throttled a host), ``others`` (% of one CPU that other processes used),
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
    """Load some run folders; :func:`load_runs` describes the result."""
    import pandas as pd

    from cniperf.analysis.flags import run_flags

    rows: list[dict[str, Any]] = []
    broken = []
    for folder in folders:
        stop.look()
        try:
            record = read_run(folder)
        except BadRun as problem:
            why = str(problem).removeprefix(one_line(f"{folder}: "))
            left_out = BrokenRunWarning(folder.name, why, folder.parent)
            warnings.warn(left_out, stacklevel=3)
            broken.append((left_out.name, left_out.why))
            continue
        if suite is None or record.suite == suite:
            rows.append(_row(folder, record))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["started"] = pd.to_datetime(table["started"], utc=True)
    table[list(NUMBERS)] = table[list(NUMBERS)].astype(float)
    table["flags"] = run_flags(table)
    table.attrs["broken"] = broken
    return table


def load_raw(run: Path | str) -> dict[str, str]:
    """Load the generators' output of one run, unchanged, by the name of the file.

    Warns:
        BrokenRunWarning: for each file that cannot be read.
    """
    own = ("run.json", "evidence.json", "latency.csv", "turns.csv", "host-a.sh", "host-b.sh")
    found = {}
    for file in _listed(Path(run)):
        if file.name not in own:
            with leaving_out(file):
                found[one_line(file.name.removesuffix(".gz"))] = _raw(file).decode(errors="replace")
    return found


def _listed(run: Path) -> list[Path]:
    """Return the files in a run folder, by name."""
    try:
        return sorted(run.iterdir())
    except OSError as problem:
        raise BadRun(f"cannot read {run}: {files.reason(problem)}") from None


def _raw(file: Path) -> bytes:
    said = files.read(file)
    if file.suffix != ".gz":
        return said
    try:
        with gzip.open(io.BytesIO(said)) as whole:
            found = whole.read(files.LARGEST + 1)
    except (EOFError, zlib.error) as problem:
        raise ValueError(f"it is no gzip: {problem}") from None
    if len(found) > files.LARGEST:
        raise ValueError(f"it has more than {files.LARGEST:,} bytes")
    return found


def load_evidence(run: Path | str) -> dict[str, Any]:
    """Load which way the packets of a run went, as counted before its load.

    Returns:
        ``packets`` (sent each way), ``payload`` (bytes of each), ``arrived`` (at the other pod,
        ``there`` from a to b and ``back``), ``hops`` (in order: ``place``, ``name``, ``kind``,
        ``wants`` (all, none, any, or those of one way: there, back), ``wrapped`` in a tunnel and
        its ``encapsulation``, ``translated`` by NAT (on the way back, on both), packets ``there``
        and ``back``, ``size`` of one on its way there in bytes), ``senders`` (MAC and IP
        addresses of frames that arrived at the hosts' NICs), ``macs`` and ``pods`` (addresses by
        host), ``policy`` (packets ``sent``, ``dropped`` by a rule in host a's forward hook,
        ``arrived``) and ``problem``.
        Empty where the run has none, or it is damaged.

    Warns:
        BrokenRunWarning: it is damaged.
    """
    file = Path(run) / "evidence.json"
    with leaving_out(file):
        return Proof.of(files.read_json(file)).model_dump()
    return {}


def load_plans(runs: "pd.DataFrame") -> Iterator[tuple[str, str, str]]:
    """Iterate over ``(scheme, commands on host a, on host b)``, as applied in the last run.

    Warns:
        BrokenRunWarning: for each file that cannot be read.
    """
    for scheme, group in runs.groupby("scheme", sort=False):
        plans = (_plan(Path(path)) for path in group["path"][::-1])
        if found := next(filter(None, plans), None):
            yield str(scheme), *found


def _plan(run: Path) -> tuple[str, str] | None:
    """Return the commands on both hosts; None where the run has none."""
    both = []
    for name in "ab":
        with leaving_out(run / f"host-{name}.sh"):
            both.append(files.read_text(run / f"host-{name}.sh"))
    return (both[0], both[1]) if len(both) == 2 else None


@contextmanager
def leaving_out(file: Path) -> Iterator[None]:
    """Leave out a file that is damaged, with a warning, and one that is not there, without."""
    try:
        yield
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as problem:
        run = file.parent
        why = f"it is broken ({files.reason(problem)})"
        warnings.warn(BrokenRunWarning(f"{run.name}/{file.name}", why, run.parent), stacklevel=4)


def _network(config: str) -> str:
    """Name a CNI network and what its configuration is, in a few characters."""
    try:
        return str(Conflist(config)) if config else ""
    except (ValueError, TypeError, KeyError):
        return f"unknown {digest(config)}"


def cache(handover: float | None) -> str:
    """Return from how CPUs hand data over whether they share a cache; empty if unknown."""
    if handover is None:
        return ""
    return "shared" if handover < SHARED_BELOW else "apart"


def placement(handover: Sequence[float | None] | None) -> str:
    """Return how the hosts' CPUs lay before and after a load, as :func:`cache` does, or moved."""
    before, after = (cache(ratio) for ratio in handover or (None, None))
    return before if before == after else MOVED


def _row(folder: Path, record: Record) -> dict[str, Any]:
    """Return a run's row of the table, among other facts."""
    bed, environment, mode = record.bed, record.environment, record.mode
    summary = record.summary or Summary()
    return {
        **vars(record.params), **vars(summary),
        "run": record.id,
        "suite": record.suite,
        "round": record.round,
        "scheme": record.scheme.name,
        "order": record.scheme.order,
        "status": record.status,
        "error": record.error or "",
        "started": record.started,
        "version": environment.versions.get(record.params.generator),
        "between": record.params.between or bed.between,
        "config": _network(record.params.config),
        "kernel": environment.kernel,
        "cpu": environment.cpu,
        "cpus": environment.cpus,
        "cache": placement(summary.handover),
        "meter": bed.meter,
        "accelerator": bed.accelerator or "",
        "steered": bed.steered,
        "awake": bed.awake,
        # Without turns, a load never rests.
        "idle_restart": bool(bed.idle_restart) and record.params.design == "interleaved",
        "seed": bed.seed,
        "ovs_datapath": bed.ovs_datapath,
        "figure": record.figure,
        "cost": summary.cost(mode),
        "base_cost": summary.cost(mode, "base_"),
        "path": str(folder),
    }  # fmt: skip

"""The summary of a load: one figure each for throughput, latency, CPU time and instructions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf.analysis.latency import added, percentiles, write_counts
from cniperf.analysis.trend import trend
from cniperf.errors import MeasurementFailed
from cniperf.generators import Figures
from cniperf.measure.placed import in_one_placement
from cniperf.record import UNTOLD
from cniperf.timeline import load_intervals, load_turns

if TYPE_CHECKING:
    import pandas as pd

    from cniperf.beds.cputime import CpuTimes

# Bytes of an interface for a byte that TCP counts there: headers (at the smallest MTU 0.13 of it)
# and what the peer sends back are more, and a slice begins and ends amid what is on its way.
WITNESS = (0.97, 1.4)

SLOWEST = 1e-6  # Gbit/s: what a slice counts as whose logarithm would be none

# A look at the hosts: the time that their CPUs have spent and, where a counter exists, the
# instructions that they have executed.
Look = tuple["Mapping[str, CpuTimes]", Mapping[str, int] | None]
Watched = tuple[Look, Look]  # once bytes flow, and shortly before they end


def summary(
    figures: Sequence[Figures], watched: Watched, cpus: Mapping[str, Sequence[int]], folder: Path
) -> dict[str, Any]:
    """Return the figures of a load, as :meth:`cniperf.measure.load.Load.run` lists them.

    Args:
        figures: what each pair came to.
        watched: the hosts at the begin and at the end.
        cpus: the CPUs of each host.
        folder: of the run; ``latency.csv`` is written there.
    """
    whole = together(figures)
    latency = whole.pop("latency")
    if latency is not None:
        write_counts(folder, latency)
        whole |= percentiles(latency)
    (before, began), (after, executed) = watched
    found = busy(before, after, cpus)
    used, intervals = found.pop("used"), load_intervals(folder)
    return (
        whole
        | found
        | costs(used, whole, intervals)
        | instructions(pace(began, executed, before, after), whole, intervals)
        | trend(intervals)
    )


def turns(
    folder: Path,
    before: "Mapping[str, CpuTimes]",
    after: "Mapping[str, CpuTimes]",
    cpus: Mapping[str, Sequence[int]],
) -> dict[str, Any]:
    """Return the figures of a load in turns, from the ``turns.csv`` in the run's folder.

    They are those of :meth:`cniperf.measure.load.Load.run` as far as turns have them, all of the
    turns' slices: ``gbps`` is the geometric mean over them. Beside them ``base``,
    ``base_cpu_per_gb_a`` and ``_b`` (the same of hostnetwork), ``blocks`` (natural logarithm of
    the scheme's rate over hostnetwork's, a block each), ``log_ratio`` (their Hodges-Lehmann
    estimate) and ``handover`` (see :func:`in_one_placement`).

    Raises:
        MeasurementFailed: a connection broke or carried nothing, or the interface disagrees.
    """
    from cniperf.analysis.interval import hodges_lehmann

    table, handover = in_one_placement(load_turns(folder))
    for leg, own in table.groupby("leg"):
        witnessed(str(leg), own)
    blocks = block_ratios(table)
    ours, base = (table[table["leg"].eq(leg)] for leg in ("scheme", "hostnetwork"))
    return {
        **dict.fromkeys(UNTOLD),
        "gbps": geometric(ours["gbps"]),
        "base": geometric(base["gbps"]),
        "log_ratio": hodges_lehmann(blocks),
        "handover": handover,
        "blocks": blocks,
        **pairs_of(ours),
        "retransmits": int(ours["retransmits"].sum()),
        "mss": int(ours["mss"].max()),
        **turn_costs(ours),
        **{f"base_{name}": cost for name, cost in turn_costs(base).items() if "per_gb" in name},
        "stolen": busy(before, after, cpus)["stolen"],
    }


def witnessed(leg: str, turns: "pd.DataFrame") -> None:
    """Check what TCP counted in a leg's turns against what the interface did.

    Each turn begins and ends with empty buffers, so both counts are of the same data. The interface
    also counts headers and the way back, and never less than the payload.

    Raises:
        MeasurementFailed: the connection broke, carried nothing, or the two disagree.
    """
    acked = turns["acked_ended"] - turns["acked_settled"]
    if (acked < 0).any() or (acked > turns["acked"]).any() or not acked.sum() > 0:
        raise MeasurementFailed(f"the connection of {leg} broke during its turns")
    whole, carried = turns["acked"].sum(), turns["carried"].sum()
    low, high = WITNESS
    if not low * whole <= carried <= high * whole:
        raise MeasurementFailed(
            f"TCP counted {whole:,.0f} bytes of {leg}, its interface "
            f"{carried:,.0f}: {low} to {high} times TCP's count is allowed"
        )


def block_ratios(table: "pd.DataFrame") -> list[float]:
    """Return the logarithm of the scheme's rate over hostnetwork's in each block of turns."""
    import numpy as np

    rates = np.log(table["gbps"].clip(lower=SLOWEST)).groupby(
        [table["sitting"], table["block"], table["leg"]]
    )
    means = rates.mean().unstack("leg")
    return [float(each) for each in (means["scheme"] - means["hostnetwork"])]


def pairs_of(ours: "pd.DataFrame") -> dict[str, Any]:
    """Return ``pair_figures``, Gbit/s that add up to the whole, and ``jain``; {} of one pair."""
    import numpy as np

    carried = np.array(list(ours["shares"]), dtype=float).sum(axis=0)
    if len(carried) == 1:
        return {}
    own = geometric(ours["gbps"]) * carried / carried.sum()
    return {"pair_figures": [float(each) for each in own], "jain": jain(list(own))}


def geometric(rates: "pd.Series[float]") -> float:
    """Return the geometric mean of rates; a slice without a byte counts as nearly nothing."""
    import numpy as np

    return float(np.exp(np.log(rates.clip(lower=SLOWEST)).mean()))


def turn_costs(turns: "pd.DataFrame") -> dict[str, float | None]:
    """Return what the slices of one leg cost each host, and how full its busiest CPU was."""
    gigabytes = (turns["acked_ended"] - turns["acked_settled"]).sum() / 1e9
    spans = (turns["ended"] - turns["settled"]).sum()
    found: dict[str, float | None] = {}
    for host in "ab":
        used, busiest = turns[f"used_{host}"].sum(), turns[f"busiest_{host}"].sum()
        known = turns[f"used_{host}"].notna().all()
        found[f"cpu_per_gb_{host}"] = float(used / gigabytes) if known else None
        found[f"cpu_{host}"] = float(min(100.0, 100 * busiest / spans)) if known else None
    return found


def busy(
    before: "Mapping[str, CpuTimes]",
    after: "Mapping[str, CpuTimes]",
    cpus: Mapping[str, Sequence[int]],
) -> dict[str, Any]:
    """Return how busy the CPUs of the hosts were between two looks at them."""
    if after == before:  # the load ended before a second look
        return {"cpu_a": None, "cpu_b": None, "stolen": None, "used": None}
    spans = {host: after[host].at - before[host].at for host in cpus}
    stolen = {host: after[host].stolen_since(before[host], own) for host, own in cpus.items()}
    return {
        "used": {
            host: after[host].used(before[host], own) / spans[host] for host, own in cpus.items()
        },
        **{f"cpu_{host}": after[host].busiest(before[host], own) for host, own in cpus.items()},
        "stolen": sum(stolen[host] * len(own) for host, own in cpus.items())
        / sum(map(len, cpus.values())),
    }


def pace(
    began: Mapping[str, int] | None,
    executed: Mapping[str, int] | None,
    before: "Mapping[str, CpuTimes]",
    after: "Mapping[str, CpuTimes]",
) -> dict[str, float] | None:
    """Return the instructions that each host executed a second between two looks at it."""
    if began is None or executed is None or after == before:
        return None
    return {host: (executed[host] - began[host]) / (after[host].at - before[host].at)
            for host in began}  # fmt: skip


SUMS = ("gbps", "gbps_sent", "per_second", "retransmits", "sender_cpu", "receiver_cpu")


def together(figures: Sequence[Figures]) -> dict[str, Any]:
    """Return the figures of all pairs as those of one load, with ``pair_figures`` and ``jain``."""
    whole = dict(vars(figures[0]))
    if len(figures) == 1:
        return whole
    for name in SUMS:
        parts = [getattr(each, name) for each in figures]
        whole[name] = None if None in parts else sum(parts)
    latencies = [each.latency for each in figures if each.latency is not None]
    whole["latency"] = added(latencies) if latencies else None
    own = [each.gbps if each.per_second is None else each.per_second for each in figures]
    return whole | {"pair_figures": own, "jain": jain([x or 0.0 for x in own])}


def jain(shares: Sequence[float]) -> float:
    """Return Jain's fairness index: 1 where all have the same, 1/n where one has everything.

    Jain, Chiu, Hawe: A Quantitative Measure of Fairness and Discrimination for Resource
    Allocation in Shared Computer Systems (DEC-TR-301, 1984).
    """
    squares = sum(share**2 for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def costs(
    used: dict[str, float] | None, figures: dict[str, Any], intervals: "pd.DataFrame"
) -> dict[str, float | None]:
    """Return what the load cost each host, from the CPU seconds that it spent a second."""
    gbps, each = _watched(figures, intervals), figures["per_second"]
    return {
        **{f"cpu_per_gb_{host}": used[host] / (gbps / 8) if used and gbps else None
           for host in "ab"},
        **{f"cpu_each_{host}": 1e6 * used[host] / each if used and each else None
           for host in "ab"},
    }  # fmt: skip


def instructions(
    executed: dict[str, float] | None, figures: dict[str, Any], intervals: "pd.DataFrame"
) -> dict[str, float | None]:
    """Return the instructions for a byte of goodput, from those that a second took."""
    gbps = _watched(figures, intervals)
    own = {f"insn_per_byte_{host}": executed[host] / (gbps * 1e9 / 8) if executed and gbps else None
           for host in "ab"}  # fmt: skip
    parts = [part for part in own.values() if part is not None]
    return {**own, "insn_per_byte": sum(parts) if parts else None}


def _watched(figures: dict[str, Any], intervals: "pd.DataFrame") -> float | None:
    """Return the goodput while the hosts were watched, in Gbit/s, also over the omitted seconds.

    The intervals have how much more it was then than in the seconds that count. How much it was in
    these, the figure has: intervals may lack bytes, see :mod:`cniperf.iperf3_result`.
    """
    found: float | None = figures["gbps"]
    counted = intervals[~intervals["omitted"].astype(bool)]
    if found is None or not (rate := _mean_rate(counted)):
        return found
    return found * _mean_rate(intervals) / rate


def _mean_rate(intervals: "pd.DataFrame") -> float:
    seconds = intervals["seconds"]
    return float((intervals["gbps"] * seconds).sum() / seconds.sum()) if len(seconds) else 0.0

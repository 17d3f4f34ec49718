"""The gate on cost: instructions per byte of two sets of bed counted, scheme by scheme.

A count has no noise but its seed, and one seed is enough where the bound is above what seeds do.
The same seed is no closer than another: a changed file in the guest is enough for other digits.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import usable
from cniperf.analysis.interval import extremes
from cniperf.analysis.loss import is_userspace
from cniperf.errors import Unlike
from cniperf.modes import INSTRUCTIONS
from cniperf.runs import read_run

# What counts as the same, as a fraction: above what seeds do (see data/counted), below what one
# more device on the way costs.
WITHIN = 0.03

# Conditions that may differ between two sets that are set against each other, if one insists.
VERSIONS = ("kernel", "version")

APART = "one set is of Open vSwitch's userspace datapath"
WHY = {"missing": "it is not in both sets", "not comparable": APART}

COLUMNS = ("scheme", "before", "after", "change", "change_low", "change_high", "seen", "verdict")


def versions(runs: pd.DataFrame) -> dict[str, str]:
    """Return the versions that a count depends on, as some runs have recorded them.

    Returns:
        ``kernel`` (the guest's), ``qemu``, the generator and ``openvswitch``; commas between,
        where the runs disagree.
    """
    tools = ("qemu", *runs["generator"].unique(), "openvswitch")
    found: dict[str, set[str]] = {"kernel": set(runs["kernel"]), **{tool: set() for tool in tools}}
    for path in runs["path"]:
        said = read_run(Path(path)).environment.versions
        for tool in tools:
            found[tool].add(str(said.get(tool) or "none"))
    return {name: ", ".join(sorted(each)) for name, each in found.items()}


def check_versions(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Reject two sets with counts from different versions.

    Raises:
        Unlike: names each version that differs, and what to do.
    """
    one, other = versions(before), versions(after)
    differ = [f"{name} {one.get(name, 'none')} and {other.get(name, 'none')}"
              for name in {**one, **other} if one.get(name) != other.get(name)]  # fmt: skip
    if differ:
        raise Unlike(
            f"the two sets differ in {'; '.join(differ)}, and a count is valid only for its own "
            "versions: measure the baseline again, or compare with --anyway"
        )


def gate(before: pd.DataFrame, after: pd.DataFrame, within: float = WITHIN) -> pd.DataFrame:
    """Compare what each scheme costs by itself, hostnetwork as any other.

    Args:
        before: the baseline, runs of one condition of bed counted.
        after: the new ones.
        within: what counts as the same, as a fraction.

    Returns:
        A DataFrame as :func:`cniperf.analysis.compare.compare` returns it, but for ``before`` and
        ``after`` (instructions per byte, median over the seeds), ``change`` (of these; positive:
        more instructions), ``change_low``, ``change_high`` (of any seed against any; NaN where
        both sets have one) and ``seen`` (``within``).
    """
    rows = []
    order = pd.concat([before, after]).groupby("scheme")["order"].min().sort_values()
    for scheme in map(str, order.index):
        a, b = (good[good["scheme"].eq(scheme)] for good in map(usable, (before, after)))
        one, other = a["figure"].median(), b["figure"].median()
        each = extremes(np.divide.outer(b["figure"].to_numpy(), a["figure"].to_numpy()).ravel() - 1)
        change = other / one - 1
        unlike = is_userspace(a).any() != is_userspace(b).any() and len(a) and len(b)
        verdict = "not comparable" if unlike else _verdict(change, within)
        rows.append((scheme, one, other, change, each.low, each.high, within, verdict))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).set_index("scheme")
    table.attrs["unit"] = INSTRUCTIONS.unit
    return table


def sentence(row: "pd.Series[Any]") -> str:
    """Return a row of :func:`gate` in words."""
    if row["verdict"] in WHY:
        return f"{row['verdict']}: {WHY[row['verdict']]}"
    seeds = ""
    if np.isfinite(row["change_low"]):
        seeds = f", seeds {share(row['change_low'], '+')} to {share(row['change_high'], '+')}"
    return (
        f"{row['verdict']}: {INSTRUCTIONS.form.format(row['before'])} → "
        f"{INSTRUCTIONS.spoken(row['after'])} ({share(row['change'], '+')}{seeds}; "
        f"up to {100 * row['seen']:g} % is the same)"
    )


def _verdict(change: float, within: float) -> str:
    if np.isnan(change):
        return "missing"
    if abs(change) <= within:
        return "same"
    return "worse" if change > 0 else "better"


def share(fraction: float, sign: str = "") -> str:
    """Return a fraction in %; with ``sign="+"`` a plus stands before what is not negative."""
    return f"{100 * fraction:{sign}.1f} %"

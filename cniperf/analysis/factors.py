"""A factorial experiment: every combination of some settings, and what each setting does."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, is_interleaved, log, usable, worth
from cniperf.analysis.interval import estimate
from cniperf.language import N_, _

Cell = dict[str, Any]


@dataclass(frozen=True)
class Factor:
    """One knob with two settings.

    Attributes:
        name: the parameter.
        low: the setting that the effect starts from.
        high: the setting that it leads to.
        words: the step from one to the other, for people.
        baseline: False where hostnetwork does not have the knob.
    """

    name: str
    low: Any
    high: Any
    words: str
    baseline: bool = True


# What may make VXLAN slow. Each step is the setting that was expected to cost.
WHY_VXLAN = (
    Factor("scheme", "flannel-hostgw", "flannel-vxlan", N_("VXLAN around each packet"),
           baseline=False),
    Factor("nic", "offload", "virtio", N_("no tunnel segmentation in the NIC")),
    Factor("udpcsum", False, True, N_("checksum in the outer UDP header"), baseline=False),
    Factor("gro", "on", "off", N_("no GRO on the hosts' NICs")),
)  # fmt: skip


def factors_table(factors: tuple[Factor, ...] = WHY_VXLAN) -> pd.DataFrame:
    """Return the knobs: ``name``, ``low``, ``high``, and ``words`` in the reader's language."""
    rows = [(factor.name, factor.low, factor.high, _(factor.words)) for factor in factors]
    return pd.DataFrame(rows, columns=["name", "low", "high", "words"])


def factorial_cells(factors: tuple[Factor, ...] = WHY_VXLAN) -> list[Cell]:
    """Return every combination of the settings, and hostnetwork for each NIC, as suite cells."""
    all_ways = [
        dict(zip([f.name for f in factors], values, strict=True))
        for values in itertools.product(*((f.low, f.high) for f in factors))
    ]
    ways = [way for way in all_ways if way["scheme"] == "flannel-vxlan" or not way["udpcsum"]]
    host = {"scheme": BASELINE, "udpcsum": False}
    bases = {tuple(sorted({**way, **host}.items(), key=lambda item: item[0])) for way in ways}
    return [*(dict(base) for base in sorted(bases, key=str)), *ways]


def shares(runs: pd.DataFrame, factors: tuple[Factor, ...] = WHY_VXLAN) -> pd.DataFrame:
    """Return what each combination keeps of hostnetwork's on the same NIC, round by round.

    Returns:
        A DataFrame of natural logarithms of shares, with a row a round (indexed by ``suite`` and
        ``round``), a column a combination (levels named after the factors); only rounds that have
        every one.
    """
    names = [factor.name for factor in factors]
    good = usable(runs)
    own = log(worth(good)).where(~is_interleaved(good), good["log_ratio"])
    good = good.assign(own=own.where(~(is_interleaved(good) & good["scheme"].eq(BASELINE)), 0.0))
    table = good[good["suite"].ne("")].pivot_table(
        index=["suite", "round"], columns=names, values="own", aggfunc="mean", observed=True
    )
    wanted = [tuple(cell[name] for name in names) for cell in factorial_cells(factors)]
    table = table.reindex(columns=pd.MultiIndex.from_tuples(wanted, names=names)).dropna()
    found: dict[Any, pd.Series] = {}
    for column in table.columns:
        way = dict(zip(names, column, strict=True))
        base = tuple({**way, "scheme": BASELINE, "udpcsum": False}[name] for name in names)
        if way["scheme"] != BASELINE:
            found[column] = table[column] - table[base]
    return pd.DataFrame(found, index=table.index).rename_axis(columns=names)


def cells_table(runs: pd.DataFrame, factors: tuple[Factor, ...] = WHY_VXLAN) -> pd.DataFrame:
    """Return the loss of every combination.

    Returns:
        A DataFrame with a column a factor, ``words`` (the combination, for people), ``loss``,
        ``loss_low``, ``loss_high`` (fractions of hostnetwork on the same NIC, with the 95 %
        interval), the smallest loss first.
    """
    table = shares(runs, factors)
    names = [factor.name for factor in factors]
    rows = []
    for column in table.columns if len(table) else ():
        way: Cell = dict(zip(names, column, strict=True))
        low, middle, high = estimate(table[column].to_numpy()).as_change()
        rows.append({**way, "words": _words(way), "loss": -middle, "loss_low": -high,
                     "loss_high": -low})  # fmt: skip
    columns = [*(f.name for f in factors), "words", "loss", "loss_low", "loss_high"]
    return pd.DataFrame(rows, columns=columns).sort_values("loss", ignore_index=True)


def effects_table(runs: pd.DataFrame, factors: tuple[Factor, ...] = WHY_VXLAN) -> pd.DataFrame:
    """Return what each knob does to VXLAN's loss, and what wrapping itself does.

    The main effect of a knob is the difference that it makes, averaged over the settings of the
    other knobs, within a round (Fisher's factorial design). The knobs of a tunnel are averaged
    over the combinations with VXLAN; VXLAN itself over those that also exist without it.

    Returns:
        A DataFrame with ``factor``, ``words``, ``effect``, ``low``, ``high`` (over the rounds,
        with the 95 % interval, in fractions of hostnetwork's goodput; positive: more loss),
        the largest first.
    """
    table = shares(runs, factors).map(lambda log: -np.expm1(log))
    columns = ["factor", "words", "effect", "low", "high"]
    names = [factor.name for factor in factors]
    if table.empty:
        return pd.DataFrame(columns=columns)
    rows = []
    for factor in factors:
        pairs = []
        for column in table.columns:
            way: Cell = dict(zip(names, column, strict=True))
            other = tuple({**way, factor.name: factor.high}[name] for name in names)
            tunnel = factor.name == "scheme" or way["scheme"] == "flannel-vxlan"
            if way[factor.name] == factor.low and other in table.columns and tunnel:
                pairs.append(table[other] - table[column])
        found = estimate(np.mean(pairs, axis=0))
        rows.append((factor.name, _(factor.words), found.middle, found.low, found.high))
    return pd.DataFrame(rows, columns=columns).sort_values(
        "effect", key=lambda effect: -effect.abs(), ignore_index=True
    )


def _words(way: Mapping[str, Any]) -> str:
    if way["udpcsum"]:
        return _("{scheme}, outer checksum · NIC {nic}, GRO {gro}").format(**way)
    return _("{scheme} · NIC {nic}, GRO {gro}").format(**way)

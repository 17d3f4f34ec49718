"""The hop ladder: schemes that differ by one piece, so that each piece's own cost can be read."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, Blocks
from cniperf.language import N_, _


@dataclass(frozen=True)
class Rung:
    """One step of the ladder.

    Attributes:
        adds: what a packet passes here that it did not pass one step before.
        scheme: the scheme that has it.
    """

    adds: str
    scheme: str


# No scheme has a veth without routing, so the two come in one step.
LADDER = (
    Rung(N_("the host's own stack"), BASELINE),
    Rung(N_("a namespace (macvlan)"), "macvlan"),
    Rung(N_("a veth and routing"), "calico"),
    Rung(N_("a bridge"), "flannel-hostgw"),
    Rung(N_("encapsulation (VXLAN)"), "flannel-vxlan"),
)


def ladder_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what each step of the ladder costs, from rounds that climbed the whole ladder.

    Returns:
        A DataFrame with ``adds`` (in the reader's language), ``scheme``, ``left`` (median share of
        what hostnetwork carries that is left after the step), ``cost`` (median over the rounds of
        what the step itself takes, as a fraction of that; negative where it gains), ``cost_low``,
        ``cost_high`` (its 95 % interval; of bed counted, the spread of the seeds). Empty
        where no round has every step.

        Medians of differences need not add up to the difference of the medians.
    """
    columns = ["adds", "scheme", "left", "cost", "cost_low", "cost_high"]
    blocks = Blocks(runs)
    table = blocks.table
    names = [rung.scheme for rung in LADDER]
    if not set(names) <= set(table.columns):
        return pd.DataFrame(columns=columns)
    share = table[names].dropna()
    share = share.div(share[BASELINE], axis=0)
    rows = []
    for before, rung in zip([BASELINE, *names], LADDER, strict=False):
        cost = blocks.spread.of((share[before] - share[rung.scheme]).to_numpy())
        if rung.scheme == BASELINE:
            cost = cost._replace(low=np.nan, high=np.nan)
        rows.append((_(rung.adds), rung.scheme, share[rung.scheme].median(),
                     cost.middle, cost.low, cost.high))  # fmt: skip
    return pd.DataFrame(rows, columns=columns)

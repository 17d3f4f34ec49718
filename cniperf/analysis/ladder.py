"""The hop ladder: schemes that differ by one piece, so that each piece's own cost can be read."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE, laid_out
from cniperf.analysis.memo import once
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


@once
def ladder_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what each step of the ladder costs, from runs of every scheme on it.

    Returns:
        A DataFrame with ``adds`` (in the reader's language), ``scheme``, ``left`` (share of what
        hostnetwork carries that is left after the step: one minus the scheme's loss), ``cost``
        (what the step itself takes, as a fraction of that: the difference to the step before;
        negative where it gains), ``cost_low``, ``cost_high`` (its 95 % interval, from the ratio of
        the two schemes; of bed counted, the spread of the seeds). Empty where a scheme is missing.
    """
    columns = ["adds", "scheme", "left", "cost", "cost_low", "cost_high"]
    blocks = laid_out(runs)
    left = {rung.scheme: 1 + blocks.change(rung.scheme).middle for rung in LADDER}
    if np.isnan(list(left.values())).any():
        return pd.DataFrame(columns=columns)
    rows: list[tuple[object, ...]] = [(_(LADDER[0].adds), BASELINE, 1.0, 0.0, np.nan, np.nan)]
    for before, rung in pairwise(LADDER):
        start, end = left[before.scheme], left[rung.scheme]
        step = blocks.change(rung.scheme, before.scheme)
        ends = -start * step.high, start - end, -start * step.low
        low, high = (np.nan, np.nan) if np.isnan(step.low) else (min(ends), max(ends))
        rows.append((_(rung.adds), rung.scheme, end, start - end, low, high))
    return pd.DataFrame(rows, columns=columns)

"""What a scheme means where a link between the hosts, and not their CPUs, may be the limit."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.loss import by_loss, loss_table
from cniperf.modes import mode_of

LINKS = (1.0, 10.0, 25.0)  # Gbit/s, of common NICs
GB = 8.0  # Gbit


def link_table(group: pd.DataFrame, links: Sequence[float] = LINKS) -> pd.DataFrame:
    """Return what each scheme carries over a link, and the CPU time that this takes.

    The CPU time of a byte is taken as it was at the highest rate. At a lower rate it may differ,
    because packets then arrive in smaller bursts.

    Args:
        group: runs of one condition.
        links: their rates, in Gbit/s.

    Returns:
        A DataFrame, one row a scheme and a link: ``scheme``, ``link`` (Gbit/s), ``fills`` (True
        where the scheme carries as much as the link), ``carries`` (Gbit/s), ``cores`` (of both
        hosts together, busy with it), ``more``, ``more_low``, ``more_high`` (cores more than
        hostnetwork at that rate, and the 95 % interval). Empty where no CPU time is known, where
        the figure is no rate, or without hostnetwork.
    """
    columns = ["scheme", "link", "fills", "carries", "cores", "more", "more_low", "more_high"]
    table = by_loss(loss_table(group))
    table = table[(table["runs"] > 0) & ~table["userspace"].astype(bool)]
    known = BASELINE in table.index and mode_of(group).cost == "cpu_per_gb"
    if not known or not np.isfinite(table["cost"].get(BASELINE, np.nan)):
        return pd.DataFrame(columns=columns)
    base = float(table["cost"][BASELINE])
    rows = []
    for scheme, row in table.iterrows():
        for link in links:
            carries = min(link, float(row["figure"]))
            more = (
                base * carries / GB * float(row[f"cost_more{end}"]) for end in ("", "_low", "_high")
            )
            rows.append((scheme, link, row["figure"] >= link, carries,
                         float(row["cost"]) * carries / GB, *more))  # fmt: skip
    return pd.DataFrame(rows, columns=columns)

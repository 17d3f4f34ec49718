"""How pairs of pods that were loaded at once shared what there was."""

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import laid_out, usable
from cniperf.runs import read_run

COLUMNS = ("scheme", "runs", "pairs", "figure", "median", "low", "high", "jain")


def load_pairs(runs: pd.DataFrame) -> pd.DataFrame:
    """Load what each pair of each run got.

    Returns:
        A DataFrame with ``scheme``, ``order``, ``run``, ``pair`` (from 1) and ``figure`` (Gbit/s,
        or transactions a second); runs of one pair have none.
    """
    from pathlib import Path

    rows = []
    for _, run in usable(runs[runs["pairs"].gt(1)]).iterrows():
        summary = read_run(Path(run["path"])).summary
        each = summary.pair_figures or [] if summary else []
        rows += [(run["scheme"], run["order"], run["run"], n, x) for n, x in enumerate(each, 1)]
    return pd.DataFrame(rows, columns=["scheme", "order", "run", "pair", "figure"])


def pairs_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise how pairs shared, one row a scheme.

    Args:
        runs: runs of one condition, of several pairs each.

    Returns:
        A DataFrame indexed by ``scheme`` with ``runs``, ``pairs``, ``figure`` (all pairs
        together, see :func:`cniperf.analysis.loss.loss_table`), ``median``, ``low``,
        ``high`` (of a pair, over all runs) and ``jain``
        (:func:`cniperf.measure.summary.jain`, median over the runs).
    """
    each, blocks = load_pairs(runs), laid_out(runs)
    good = blocks.runs
    rows = []
    for (_, scheme), part in each.groupby(["order", "scheme"], sort=True):
        own = good[good["scheme"].eq(str(scheme))]
        shares = np.asarray(part["figure"], dtype=float)
        spread = np.median(shares), shares.min(), shares.max()
        rows.append((scheme, len(own), int(own["pairs"].iloc[0]), blocks.figure(str(scheme)),
                     *spread, own["jain"].median()))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).set_index("scheme")

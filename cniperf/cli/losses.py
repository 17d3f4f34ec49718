"""The result of a load, as lines of a terminal."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.compare import heading
from cniperf.analysis.completed import completing, completing_of
from cniperf.analysis.loss import by_loss, loss_table, sittings
from cniperf.modes import emulated, mode_of
from cniperf.sections.html import percent, ranged
from cniperf.sections.verdicts import tally


def losses(runs: pd.DataFrame) -> Iterator[str]:
    """Yield the throughput and loss of each scheme by condition, and the article's claims.

    Args:
        runs: of any conditions, as :func:`cniperf.load_runs` gives them.
    """
    counted, parts = completing(runs), list(sittings(runs))
    for condition, group in parts:
        completes = counted[group.index].any()
        beside = [each for each, other in parts if counted[other.index].any() == completes]
        yield heading(condition, beside)
        rows = [*_rows(group)]
        width = max(16, *(len(name) for name, _figure, _loss in rows))
        yield from (_line(*row, width) for row in rows)
        if not completes:
            other = completing_of(runs, group)
            yield from (f"  {sentence}" for sentence in tally(group, other))


def _rows(group: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    mode = mode_of(group)
    for scheme, row in by_loss(loss_table(group)).iterrows():
        name = f"{scheme}*" if row["userspace"] else str(scheme)
        if not row["runs"]:
            yield name, "–", f"failed: {row['error']}"
        elif scheme == BASELINE or np.isnan(row["loss"]) or emulated(group).any():
            yield name, mode.spoken(row["figure"]), ""
        else:
            interval = ranged(row["loss_low"], row["loss_high"], "{:.1%}")
            spread = "no interval" if interval == "–" else interval
            yield name, mode.spoken(row["figure"]), f"loses {percent(row['loss'])} ({spread})"


def _line(name: str, figure: str, loss: str, width: int) -> str:
    return f"  {name:<{width}} {figure:>14}   {loss}".rstrip()

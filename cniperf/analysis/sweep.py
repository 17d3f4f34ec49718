"""What a loss depends on: the runs of a sweep, point by point."""

from collections.abc import Iterator, Sequence

import pandas as pd

from cniperf.analysis.blocks import by_placement, that_count, usable
from cniperf.analysis.loss import conditions, loss_table
from cniperf.analysis.memo import once
from cniperf.language import listed
from cniperf.runs import CONDITIONS

COLUMNS = ("scheme", "runs", "figure", "loss", "loss_low", "loss_high", "cost", "cost_more",
           "pod_mtu", "mss", "userspace")  # fmt: skip


def varied(runs: pd.DataFrame) -> list[str]:
    """Return the conditions that differ among some runs, those with the most values first."""
    counts = {name: runs[name].nunique(dropna=False) for name in CONDITIONS}
    return sorted((name for name in counts if counts[name] > 1), key=lambda name: -counts[name])


@once
def sweep_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return each scheme's loss at each point of a sweep.

    Args:
        runs: the runs of one sweep, as :func:`cniperf.load_runs` gives them.

    Returns:
        A DataFrame with a column for each condition that was varied, and ``cache`` where the hosts'
        CPUs lay in two ways that count, so that a moved CPU does not look like an effect;
        ``scheme``, ``runs`` (that count), ``figure``, ``loss``, ``loss_low``, ``loss_high``,
        ``cost``, ``cost_more`` (see :func:`cniperf.analysis.loss.loss_table`), ``pod_mtu``, ``mss``
        (bytes, as the kernel and the generator report) and ``userspace``; sorted by the varied
        conditions and the order of schemes.
    """
    placed = by_placement(runs)
    places = [name for name in that_count(placed) if len(placed[name])]
    names, parts = [*varied(runs), *["cache"][: len(places) > 1]], []
    for place in places:
        for condition, group in conditions(placed[place]):
            table = loss_table(group)
            table = table.join(usable(group).groupby("scheme")[["pod_mtu", "mss"]].median())
            table["order"] = range(len(table))
            table = table.reset_index()
            for name in names:
                table[name] = {**condition, "cache": place}[name]  # type: ignore[call-overload]
            parts.append(table)
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    whole = pd.concat(parts).sort_values([*names, "order"], ignore_index=True)
    return whole[[*names, *COLUMNS]]


def panels(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Split a sweep's table into the panels of its charts.

    The variable with the most values runs along the axis; there is a panel for each combination
    of the others.

    Yields:
        The variable on the axis, the words for the others, and the rows.
    """
    names = [name for name in table.columns if name not in COLUMNS]
    if not names:
        return
    axis, *others = names
    if not others:
        yield axis, "", table
        return
    for values, part in table.groupby(others, sort=True):
        yield axis, words(others, values), part


def words(names: Sequence[str], values: Sequence[object]) -> str:
    """Return some variables with their values, for people."""
    return listed([f"{name} {value}" for name, value in zip(names, values, strict=True)])

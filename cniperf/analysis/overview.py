"""What was measured: the suites among some runs, and under which conditions."""

import pandas as pd

from cniperf.analysis.sweep import varied


def overview_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise what some runs are of, a row for each suite and condition.

    Returns:
        A DataFrame with ``suite`` (empty for single runs), a column for each condition that
        differs among the runs, ``schemes`` and ``rounds`` (how many), ``runs``, ``failed`` and
        ``started`` (the first, UTC); oldest first.
    """
    keys = ["suite", *varied(runs)]
    rows = [
        {
            **dict(zip(keys, values, strict=True)),
            "schemes": group["scheme"].nunique(),
            "rounds": group["round"].nunique(),
            "runs": len(group),
            "failed": int(group["status"].ne("ok").sum()),
            "started": group["started"].min(),
        }
        for values, group in runs.groupby(keys, dropna=False, sort=False)
    ]
    columns = [*keys, "schemes", "rounds", "runs", "failed", "started"]
    return pd.DataFrame(rows, columns=columns).sort_values("started", ignore_index=True)

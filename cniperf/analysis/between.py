"""Every pair of hosts, where a suite has measured several."""

import pandas as pd

from cniperf.analysis.loss import loss_table, sittings

COLUMNS = ("client", "server", "scheme", "order", "runs", "figure", "loss")


def between_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise what each pair of hosts carries, one row a pair and scheme.

    Args:
        runs: runs that differ in the hosts at most (``between``), or others, which are left out.

    Returns:
        A DataFrame with ``client``, ``server`` (names of the hosts file), ``scheme``, ``order``,
        ``runs`` (that count), ``figure`` and ``loss`` (of the same two hosts'
        hostnetwork, as a fraction).
    """
    rows = []
    groups: dict[object, pd.DataFrame] = {}
    for condition, group in sittings(runs[runs["between"].ne("")]):
        groups.setdefault(condition["between"], group)  # of several suites the one with most runs
    for between, group in groups.items():
        client, server = str(between).split(",")
        orders = dict(zip(group["scheme"], group["order"], strict=True))
        for scheme, row in loss_table(group).iterrows():
            own = [row[name] for name in ("runs", "figure", "loss")]
            rows.append((client, server, scheme, orders.get(str(scheme), 0), *own))
    return pd.DataFrame(rows, columns=list(COLUMNS))

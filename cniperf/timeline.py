"""The throughput of one run over time: iperf3's report of each second, or the turns of a lab.

This module needs neither root nor Linux.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf import files
from cniperf.errors import BadRun, MeasurementFailed, one_line
from cniperf.runs import load_raw

if TYPE_CHECKING:
    import pandas as pd

# Columns of a run's turns.csv.
TURNS = (
    "sitting", "leg", "block", "began", "settled", "ended", "drained", "acked_settled",
    "acked_ended", "acked", "carried", "retransmits", "mss", "shares", "used_a", "used_b",
    "busiest_a", "busiest_b", "handover",
)  # fmt: skip
ADDED = ("handover", "acked")  # which runs of older versions lack
# What may be unknown in a turn, as between two machines.
UNKNOWN = ("used_a", "used_b", "busiest_a", "busiest_b", "handover")

INTERVALS = ["second", "seconds", "gbps", "retransmits", "omitted"]  # see load_intervals


def load_intervals(run: Path | str) -> "pd.DataFrame":
    """Load the throughput over time of one run.

    Returns:
        A DataFrame with ``second`` (end of the interval, from the start of the load), ``seconds``
        (how long its bytes took), ``gbps`` (sent, all pairs together), ``retransmits`` and
        ``omitted`` (True for the seconds that do not count). Empty where the generator is not
        iperf3.

    Raises:
        BadRun: iperf3's output is damaged.
    """
    import pandas as pd

    said = load_raw(run).items()
    try:
        parts = [_intervals(text) for name, text in said if name.startswith("iperf3-client")]
    except MeasurementFailed as problem:
        raise BadRun(f"{run}: {problem}") from None
    if not parts:
        return pd.DataFrame(columns=INTERVALS, dtype=float)
    shortest = min(map(len, parts))
    whole = parts[0].iloc[:shortest].copy()
    for other in parts[1:]:
        whole[["gbps", "retransmits"]] += other[["gbps", "retransmits"]].iloc[:shortest]
    return whole


def _intervals(text: str) -> "pd.DataFrame":
    """Return the intervals of a client: their bytes over the time that these took.

    Each interval's bytes are those since the one before it, or since the count restarted when the
    omitted seconds were over. iperf3 adds the ``seconds`` of the last omitted interval to the
    first one that counts, where it drops the former (3.12 in every other run, 3.18 now and then).
    """
    import pandas as pd

    from cniperf.iperf3_result import read_timeline

    read = read_timeline(text, "client")
    rows: list[dict[str, Any]] = []
    last = begin = 0.0
    for part in read.intervals:
        way, back = part.sum, part.sum_bidir_reverse
        if rows and rows[-1]["omitted"] and not way.omitted:
            last, begin = 0.0, read.start.test_start.omit
        seconds = way.end - last
        rows.append(
            {
                "second": round(begin + way.end, 2),
                "seconds": seconds,
                "gbps": (way.bytes + (back.bytes if back else 0)) * 8 / 1e9 / seconds,
                "retransmits": way.retransmits,
                "omitted": way.omitted,
            }
        )
        last = way.end
    return pd.DataFrame(rows, columns=INTERVALS)


def load_turns(run: Path | str) -> "pd.DataFrame":
    """Load the turns of a run whose design is interleaved, in their order.

    Returns:
        A DataFrame with ``sitting`` (which opening of the connections), ``leg`` (``scheme`` or
        ``hostnetwork``), ``block`` (of four turns), ``began``, ``settled``, ``ended`` (when the
        turn began, and its slice; s from the first turn), ``drained`` (when all that was sent had
        been acknowledged), ``acked_settled``, ``acked_ended`` (bytes that the peer had
        acknowledged by then), ``acked``, ``carried`` (bytes that it acknowledged in the whole turn,
        and bytes of the sender's interface; runs without ``acked`` have ``carried`` of the slice),
        ``retransmits``, ``mss``, ``shares`` (bytes of each sender, a tuple), ``used_a``,
        ``used_b``, ``busiest_a``, ``busiest_b`` (CPU seconds of each host, and of its busiest CPU),
        ``handover`` (how near their CPUs were before the block, see
        :class:`cniperf.beds.metronome.Handover`; NaN where both are not on one machine)
        and ``gbps`` (goodput of the slice). Empty where
        the run has no turns.

    Raises:
        BadRun: the table is damaged.
    """
    import numpy as np
    import pandas as pd

    file = Path(run) / "turns.csv"
    if not file.exists():
        return pd.DataFrame(columns=[*TURNS, "gbps"])
    try:
        table = pd.read_csv(io.BytesIO(files.read(file)), encoding="utf-8", index_col=False)
        lacks = set(ADDED) - set(table.columns)
        table = table.reindex(columns=table.columns.union([*ADDED]))[list(TURNS)]
        table["leg"] = table["leg"].map({"s": "scheme", "h": "hostnetwork"})
        numbers = table[[name for name in TURNS if name not in ("leg", "shares")]].astype(float)
        table["shares"] = [tuple(map(int, str(each).split(";"))) for each in table["shares"]]
    except (OSError, ValueError, KeyError) as problem:
        raise BadRun(f"{run}: turns.csv cannot be read: {one_line(str(problem))}") from None
    known = numbers.drop(columns=[*lacks.union(UNKNOWN)])
    if table["leg"].isna().any() or not np.isfinite(known).all(axis=None):
        raise BadRun(f"{run}: turns.csv is damaged: a turn has no leg, or lacks a number")
    table[numbers.columns] = numbers
    moments = ["began", "settled", "ended", "drained"]
    table[moments] -= table["began"].min()
    acked = table["acked_ended"] - table["acked_settled"]
    table["gbps"] = acked * 8 / 1e9 / (table["ended"] - table["settled"])
    return table

"""What is computed once for a table of runs."""

import gc

import pandas as pd

from cniperf.analysis import memo
from cniperf.analysis.memo import once
from cniperf.language import speaking


def counting():
    asked = []

    @once
    def lengths(runs: pd.DataFrame, extra: int = 0) -> list[int]:
        asked.append(extra)
        return [len(runs) + extra]

    return lengths, asked


def test_a_table_is_asked_once_for_each_argument_and_language():
    (lengths, asked), runs = counting(), pd.DataFrame({"a": [1, 2]})
    assert [lengths(runs), lengths(runs), lengths(runs, extra=1)] == [[2], [2], [3]]
    with speaking("zh"):
        lengths(runs)
    assert asked == [0, 1, 0]
    assert lengths(pd.DataFrame({"a": [1, 2]})) == [2] and len(asked) == 4


def test_what_a_caller_adds_is_not_kept():
    (lengths, _), runs = counting(), pd.DataFrame({"a": [1]})
    lengths(runs).append(9)
    assert lengths(runs) == [1]


def alive():
    """How many tables there are of which something is kept."""
    gc.collect()
    return sum(table() is not None for table, _ in memo._kept.values())


def test_a_table_that_is_gone_leaves_nothing():
    before = alive()  # those of other tests' widgets, which ipywidgets keeps
    lengths, asked = counting()
    for number in range(20):
        lengths(pd.DataFrame({"a": [number]}))
    gc.collect()
    lengths(pd.DataFrame({"a": [0]}))
    assert len(asked) == 21 and alive() == before
    assert sum(table() is None for table, _ in memo._kept.values()) <= 1  # the last one's

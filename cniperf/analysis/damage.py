"""Files of runs that are damaged, while the runs themselves are whole."""

import warnings
from pathlib import Path

import pandas as pd

from cniperf.analysis.latency import load_latency
from cniperf.errors import ParameterError
from cniperf.runs import BrokenRunWarning, load_evidence, load_plans
from cniperf.suites import read_suite, suite_file


def damaged(runs: pd.DataFrame) -> list[BrokenRunWarning]:
    """Return a warning for each file beside some runs that a report has to leave out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BrokenRunWarning)
        for path in runs["path"]:
            load_evidence(path)
            load_latency(path)
        for _ in load_plans(runs):
            pass
        for name, path in runs.groupby("suite")["path"].first().items():
            _look_at_suite(Path(path).parent, str(name))
    return [each.message for each in caught if isinstance(each.message, BrokenRunWarning)]


def _look_at_suite(data: Path, name: str) -> None:
    file = suite_file(data, name)
    if not name or not file.exists():
        return
    try:
        read_suite(data, name)
    except ParameterError as problem:
        why = str(problem).removeprefix(f"{file} ")
        warnings.warn(BrokenRunWarning(f"suites/{file.name}", why, data), stacklevel=2)

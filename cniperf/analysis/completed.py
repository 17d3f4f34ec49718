"""What a suite has from a guest: schemes that this machine's own kernel does not carry.

Where the kernel has no Open vSwitch, a suite of the lab counts its schemes in a guest whose kernel
has it. These runs are of the same suite and of another bed, and complete it; a figure of theirs is
never divided by one of the lab.
"""

import pandas as pd

from cniperf.analysis.claims import claims_table


def completing(runs: pd.DataFrame) -> pd.Series:
    """Return which runs complete a suite of goodput: those of it that counted instructions."""
    clocked = runs.loc[runs["meter"].eq("clock") & runs["suite"].ne(""), "suite"]
    return runs["meter"].eq("instructions") & runs["suite"].isin(clocked)


def completing_of(runs: pd.DataFrame, group: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that complete the suite of a group of runs; often there are none."""
    return runs[completing(runs) & runs["suite"].isin(group["suite"].unique())]


def claims_of_both(group: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Judge each of the article's claims by a suite's own runs or, where these cannot, by others.

    Args:
        group: runs of one condition.
        other: those that complete their suite, also of one condition.

    Returns:
        What :func:`cniperf.analysis.claims.claims_table` does, with ``completed``: True where the
        other runs decide.
    """
    own = claims_table(group)
    if other.empty:
        return own.assign(completed=False)
    second = claims_table(other)
    use = ~_judged(own) & _judged(second)
    return own.where(~use, second).assign(completed=use)


def _judged(table: pd.DataFrame) -> "pd.Series[bool]":
    return table["comparable"].astype(bool) & table["ours"].notna()

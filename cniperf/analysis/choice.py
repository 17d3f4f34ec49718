"""Which scheme to pick: those that meet some needs, the cheapest first."""

import pandas as pd

from cniperf.analysis.blocks import BASELINE
from cniperf.analysis.groups import groups
from cniperf.analysis.loss import loss_table
from cniperf.analysis.memo import once
from cniperf.analysis.paths import UNDERLAY, control_table
from cniperf.errors import ParameterError, unknown


@once
def choice_table(
    runs: pd.DataFrame, *, allows: str = UNDERLAY[-1], policy: bool = False
) -> pd.DataFrame:
    """Rank the schemes by what they lose, and mark those that meet some needs.

    Args:
        runs: runs of one condition, with evidence, hostnetwork among them.
        allows: what of the pods the network between the hosts lets through: one of
            :data:`cniperf.analysis.paths.UNDERLAY`.
        policy: True to ask that a drop rule on the host stops a pod's packets.

    Returns:
        A DataFrame indexed by ``scheme``, hostnetwork left out, with ``fits``, ``pick`` (True for
        the fitting scheme that loses least, and for those that neither a test nor their interval
        separates from it), ``loss``, ``loss_low``, ``loss_high``, ``cost_more``, ``userspace`` (see
        :func:`cniperf.analysis.loss.loss_table`), ``underlay``, ``policy`` and ``pod_mtu`` (see
        :func:`cniperf.analysis.paths.control_table`). Those that fit come first. Open vSwitch's
        userspace datapath never fits, because its figures compare with no others.

    Raises:
        ParameterError: the network cannot allow such a thing.
    """
    if allows not in UNDERLAY:
        raise ParameterError(unknown("allows", allows, UNDERLAY))
    figures = ["loss", "loss_low", "loss_high", "cost_more", "userspace"]
    table = loss_table(runs)[figures].join(control_table(runs)[["underlay", "policy", "pod_mtu"]])
    table = table[(table.index != BASELINE) & table["loss"].notna()]
    through = table["underlay"].isin(UNDERLAY[: UNDERLAY.index(allows) + 1])
    effective = table["policy"].eq("takes effect") | (not policy)
    table.insert(0, "fits", through & effective & ~table["userspace"].astype(bool))
    table.insert(1, "pick", table.index.isin(_least(runs, table[table["fits"]])))
    return table.sort_values(["fits", "loss"], ascending=[False, True])


def _least(runs: pd.DataFrame, fitting: pd.DataFrame) -> list[str]:
    """Return the scheme that loses least, and those that no test separates from it."""
    if fitting.empty:
        return []
    best = str(fitting["loss"].idxmin())
    alike = {best}.union(*(group.schemes for group in groups(runs) if best in group.schemes))
    # Few rounds separate no pair, even if the intervals are far from each other.
    apart = fitting["loss_low"] > fitting["loss_high"][best]
    return [name for name in fitting.index[~apart] if name in alike]

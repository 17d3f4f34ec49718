"""Which blocks of turns count: those that one placement of the hosts' CPUs has in common.

A hypervisor moves virtual CPUs, most of all when a load begins, and a loss depends on how near
they are. So how near is measured before each block (:class:`cniperf.beds.metronome.Handover`).
"""

from typing import TYPE_CHECKING

from cniperf.runs import cache

if TYPE_CHECKING:
    import pandas as pd

Handovers = tuple[float | None, float | None]

FEWEST = 4  # blocks in one placement; of fewer there is no ratio


def in_one_placement(turns: "pd.DataFrame") -> tuple["pd.DataFrame", Handovers]:
    """Return the turns of the blocks that count, and the handover before and after them.

    A block has a placement where it began as the next one did. Of the placements the one with most
    blocks counts. Where that has fewer than four, all turns are returned, with the lowest and the
    highest handover: the run was moved.

    Args:
        turns: see :func:`cniperf.timeline.load_turns`.
    """
    block = turns.groupby(["sitting", "block"], sort=True)["handover"].first()
    if block.isna().any():
        return turns, (None, None)
    place = block.map(cache)
    # The last block of an opening has no next one.
    after = place.groupby("sitting").shift(-1).fillna(place)
    still = place[place.eq(after)]
    own = still[still.isin(still.mode().iloc[:1])].index
    if len(own) < min(FEWEST, len(block)):
        return turns, (float(block.min()), float(block.max()))
    middle = float(block[own].median())
    return turns.set_index(["sitting", "block"]).loc[own].reset_index(), (middle, middle)

"""Which blocks of turns count, as a hypervisor moves the hosts' CPUs."""

import math

import pandas as pd
import pytest

from cniperf.measure.placed import in_one_placement

NEAR, FAR = 1.2, 3.1


def turns(*sittings):
    """Turns of openings of the connections, each a list of the handovers before its blocks."""
    return pd.DataFrame(
        {"sitting": number, "block": block, "leg": leg, "handover": ratio}
        for number, ratios in enumerate(sittings, 1)
        for block, ratio in enumerate(ratios, 1)
        for leg in "shhs"
    )


@pytest.mark.parametrize(
    ("sittings", "counted", "handover"),
    [
        (([FAR, FAR, FAR], [FAR]), [(1, 1), (1, 2), (1, 3), (2, 1)], FAR),
        (([NEAR, FAR, FAR, FAR, FAR],), [(1, 2), (1, 3), (1, 4), (1, 5)], FAR),  # the first moved
        (([FAR, FAR, FAR, NEAR, FAR, FAR],), [(1, 1), (1, 2), (1, 5), (1, 6)], FAR),
        (([NEAR] * 5 + [FAR], [FAR]), [(1, 1), (1, 2), (1, 3), (1, 4)], NEAR),
        (([NEAR], [NEAR, FAR, FAR, FAR, FAR]), [(2, 2), (2, 3), (2, 4), (2, 5)], FAR),
    ],
)
def test_blocks_of_the_placement_that_most_had_count(sittings, counted, handover):
    found, (before, after) = in_one_placement(turns(*sittings))
    assert list(dict.fromkeys(zip(found["sitting"], found["block"], strict=True))) == counted
    assert len(found) == 4 * len(counted)
    assert before == after == handover


def test_a_run_without_four_blocks_in_one_placement_was_moved():
    found, handover = in_one_placement(turns([FAR, NEAR, FAR, FAR, NEAR], [NEAR, FAR, FAR]))
    assert len(found) == 32 and handover == (NEAR, FAR)


@pytest.mark.parametrize("ratios", [[FAR], [NEAR, NEAR]])
def test_a_run_of_few_blocks_needs_all_of_them(ratios):
    found, (before, after) = in_one_placement(turns(ratios))
    assert len(found) == 4 * len(ratios) and before == after


def test_where_both_hosts_are_not_on_one_machine_all_blocks_count():
    found, handover = in_one_placement(turns([math.nan] * 3))
    assert len(found) == 12 and handover == (None, None)

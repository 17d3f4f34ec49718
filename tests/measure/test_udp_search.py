import pytest

from cniperf.errors import MeasurementFailed
from cniperf.measure.udp_search import FIRST, highest_rate

BOUND = 0.001


def path(capacity, sender=float("inf"), stalls=()):
    """Return an attempt on a path that carries so much, from a sender that can do so much."""
    tried = []

    def attempt(datagrams, *, confirm):
        tried.append((datagrams, confirm))
        sent = min(datagrams, sender)
        arrived = min(sent, capacity)
        if len(tried) in stalls:
            arrived *= 0.9
        return {"per_second": arrived, "lost": 1 - arrived / sent}

    return attempt, tried


@pytest.mark.parametrize("capacity", [900, 7_000, 20_001, 123_456, 3_000_000])
def test_the_rate_found_is_close_to_what_the_path_carries_and_within_the_bound(capacity):
    attempt, tried = path(capacity)
    found = highest_rate(attempt, bound=BOUND)
    assert 0.94 * capacity <= found["per_second"] <= capacity * (1 + BOUND)
    assert found["lost"] <= BOUND and tried[-1][1]
    assert [step["confirm"] for step in found["search"]].count(True) == 1
    assert len(found["search"]) == len(tried) < 30


def test_a_sender_that_cannot_do_more_ends_the_search():
    attempt, tried = path(1_000_000, sender=110_000)
    found = highest_rate(attempt, bound=BOUND)
    assert found["per_second"] == 110_000 and len(tried) == 5  # 20, 40, 80, 160 thousand, confirm


def test_a_sender_that_loses_at_its_limit_is_searched_below():
    attempt, _ = path(90_000, sender=110_000)
    assert 0.94 * 90_000 <= highest_rate(attempt, bound=BOUND)["per_second"] <= 90_090


def test_one_stall_is_forgiven_and_a_stalled_confirmation_steps_back():
    attempt, tried = path(50_000, stalls={1})
    assert highest_rate(attempt, bound=BOUND)["per_second"] > 0.94 * 50_000
    assert [rate for rate, _ in tried[:2]] == [FIRST, FIRST]
    attempt, tried = path(50_000)
    highest_rate(attempt, bound=BOUND)
    attempt, tried = path(50_000, stalls={len(tried)})
    found = highest_rate(attempt, bound=BOUND)
    assert [confirm for _, confirm in tried[-2:]] == [True, True] and found["lost"] <= BOUND


def test_a_path_that_loses_at_every_rate_is_a_failure():
    attempt, tried = path(100)
    with pytest.raises(MeasurementFailed, match=r"more than 0.1 % got lost"):
        highest_rate(attempt, bound=BOUND)
    assert min(rate for rate, _ in tried) < FIRST

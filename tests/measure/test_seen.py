import pytest

from cniperf.errors import MeasurementFailed
from cniperf.generators import Figures
from cniperf.measure.seen import Seen


def seen(gbps, *, begin=1.0, end=3.0, omit=1.0):
    """An interface that carried so much a second, looked at three times, and once too early."""
    found = Seen(omit)
    for second in (0.5, begin, (begin + end) / 2, end):
        found.look(second, round(second * gbps * 1e9 / 8))
    return found


def test_an_interface_is_seen_in_the_seconds_that_count():
    found = Seen(1.0)
    for second, total in ((0.5, 0), (1.0, 10**9), (2.0, 2 * 10**9), (3.0, None), (3.0, 3 * 10**9)):
        found.look(second, total)
    assert found.gbps == 8


@pytest.mark.parametrize("gbps", [5.6, 2.6, float("nan")])
def test_a_goodput_that_the_interface_did_not_carry_is_none(gbps):
    with pytest.raises(
        MeasurementFailed, match=r"by the generator, 4\.4 by the pod's interface"
    ) as it:
        seen(4.4).prove(Figures(gbps=gbps))
    assert "\n" not in str(it.value)


def test_headers_and_lost_datagrams_are_carried_and_are_no_goodput():
    seen(4.4).prove(Figures(gbps=4.0))
    seen(4.4).prove(Figures(gbps=0.5, lost=0.8))
    with pytest.raises(MeasurementFailed):
        seen(4.4).prove(Figures(gbps=6.0, lost=0.0))


def test_what_cannot_be_seen_proves_nothing():
    seen(4.4, end=1.5).prove(Figures(gbps=100.0))
    seen(4.4).prove(Figures(per_second=9.0))
    Seen(0).prove(Figures(gbps=1.0))

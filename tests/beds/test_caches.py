import os

from cniperf.beds.caches import handover
from cniperf.beds.metronome import Handover


def test_hosts_without_cpus_of_their_own_have_no_handover():
    assert handover((0,), (0,)) is None


def test_what_another_cpu_wrote_takes_longer_to_read_and_the_affinity_stays():
    before = os.sched_getaffinity(0)
    one, *others = sorted(before)
    if others:
        ratio = handover((one,), (others[0],))
        assert ratio is not None and 0.5 < ratio < 50
    assert os.sched_getaffinity(0) == before


def test_a_cpu_reads_what_it_wrote_itself_as_fast_as_what_it_wrote_itself():
    before = os.sched_getaffinity(0)
    one = min(before)
    looks = sorted(Handover(one, one).look() for _ in range(9))
    assert 0.7 < looks[4] < 1.4
    assert os.sched_getaffinity(0) == before

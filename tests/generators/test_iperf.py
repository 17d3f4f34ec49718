import pytest

from cniperf.errors import MeasurementFailed
from cniperf.generators import Job, all_generators
from cniperf.generators.iperf import client, per_second
from cniperf.params import Experiment

# As iperf 2.1.8 prints them: two connections, three seconds, then the whole.
SERVER = """\
20260101000001,10.0.0.1,5,10.0.0.2,5001,1,0.0-1.0,1,1000000000
20260101000001,10.0.0.1,6,10.0.0.2,5001,2,0.0-1.0,1,2000000000
20260101000002,10.0.0.1,5,10.0.0.2,5001,1,1.0-2.0,1,3000000000
20260101000002,10.0.0.1,6,10.0.0.2,5001,2,1.0-2.0,1,4000000000
20260101000003,10.0.0.1,5,10.0.0.2,5001,1,2.0-3.0,1,5000000000
20260101000003,10.0.0.1,6,10.0.0.2,5001,2,2.0-3.0,1,5000000000
20260101000003,10.0.0.1,5,10.0.0.2,5001,1,0.0-3.0,3,3000000000
20260101000003,10.0.0.1,6,10.0.0.2,5001,2,0.0-3.0,3,3600000000
"""
CLIENT = """\
[  1] local 10.0.0.1 port 5 connected with 10.0.0.2 port 5001 (icwnd/mss/irtt=14/1448/36)
[  1] 0.0000-1.0000 sec  2910 KBytes  25000 Kbits/sec  23863/0         15     1023K/59(16) us  5
[  1] 1.0000-2.0000 sec  3160 KBytes  27100 Kbits/sec  25890/0         40      895K/63(9) us  5
[  1] 2.0000-3.0000 sec  2970 KBytes  25500 Kbits/sec  24313/0          2      895K/63(9) us  5
[  1] 0.0000-3.0160 sec  9040 KBytes  25800 Kbits/sec  74067/0         57     1023K/61(20) us  5
"""


@pytest.fixture
def job(tmp_path):
    experiment = Experiment.of(generator="iperf", duration=2, omit=1, streams=2)
    return Job(experiment=experiment, address="10.0.0.2", port=5001, folder=tmp_path, seconds=2,
               omit=1)  # fmt: skip


def test_connections_add_up_and_the_first_seconds_are_left_out(job):
    assert per_second(SERVER) == [3, 7, 10]
    job.file("server").write_text(SERVER)
    job.file("client").write_text(CLIENT)
    found = all_generators()["iperf"].read(job)
    assert (found.gbps, found.retransmits, found.mss) == (8.5, 42, 1448)


def test_no_result_is_told_in_one_line(job):
    job.file("server").write_text("")
    job.file("client").write_text("connect failed:\nNo route to host\n")
    with pytest.raises(MeasurementFailed, match="connect failed: No route to host"):
        all_generators()["iperf"].read(job)


def test_it_sends_for_all_seconds_as_it_cannot_leave_any_out(job):
    words = client(job)
    assert words[words.index("-t") + 1] == "3" and words[words.index("-P") + 1] == "2"

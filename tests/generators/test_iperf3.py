import copy
import json

import pytest

from cniperf.errors import MeasurementFailed
from cniperf.generators import Job, all_generators
from cniperf.generators.iperf3 import client, explain, parse, server
from cniperf.params import Experiment

SAID = {
    "start": {"tcp_mss_default": 1448},
    "end": {
        "sum_sent": {"bits_per_second": 2e9, "retransmits": 3},
        "sum_received": {"bits_per_second": 1e9},
        "cpu_utilization_percent": {"host_total": 90.0, "remote_total": 50.0},
    },
}


@pytest.fixture
def job(tmp_path):
    """A job whose client has not spoken yet."""

    def made(said=None, **parameters):
        experiment = Experiment.of(**parameters)
        job = Job(experiment=experiment, address="1.2.3.4", port=5201, folder=tmp_path,
                  seconds=experiment.duration, omit=experiment.omit, rate=experiment.rate)  # fmt: skip
        if said is not None:
            job.file("client").write_text(json.dumps(said))
        return job

    return made


def read(job):
    return all_generators()["iperf3"].read(job)


def test_the_figure_is_what_the_receiver_counted(job):
    found = read(job(SAID))
    assert (found.gbps, found.gbps_sent, found.retransmits, found.mss) == (1.0, 2.0, 3, 1448)
    assert (found.sender_cpu, found.receiver_cpu) == (90.0, 50.0)


def test_both_ways_are_one_figure(job):
    both = copy.deepcopy(SAID)
    both["end"]["sum_received_bidir_reverse"] = {"bits_per_second": 3e9}
    assert read(job(both)).gbps == 4.0


def test_a_result_without_a_figure_is_no_result(job):
    empty = copy.deepcopy(SAID)
    empty["end"]["sum_received"]["bits_per_second"] = 0
    with pytest.raises(MeasurementFailed, match="no byte arrived"):
        read(job(empty))
    del empty["end"]["sum_received"]
    with pytest.raises(MeasurementFailed, match="sum_received"):
        read(job(empty))


def test_datagrams_that_arrived_are_counted_not_those_that_were_sent(job):
    end = {"sum": {"packets": 1000, "lost_packets": 100, "seconds": 2, "bits_per_second": 1e9},
           "sum_received": {"bits_per_second": 9e8},
           "cpu_utilization_percent": SAID["end"]["cpu_utilization_percent"]}  # fmt: skip
    found = read(job({"start": {}, "end": end}, mode="udp"))
    assert (found.per_second, found.lost, found.gbps) == (450.0, 0.1, 0.9)


def test_every_parameter_reaches_the_generator(job):
    asked = job(duration=7, omit=2, streams=3, window="1M", congestion="reno", length=999, rate=6)
    words = " ".join(client(asked))
    for part in (
        "-c 1.2.3.4",
        "-t 7",
        "-O 2",
        "-P 3",
        "-w 1M",
        "-C reno",
        "-J",
        "-l 999",
        "-b 2.0",
    ):
        assert part in words
    assert not {"-w", "-l", "-b", "-R", "--bidir"} & set(client(job()))
    assert "-R" in client(job(direction="reverse")) and "--bidir" in client(job(direction="both"))
    assert "-B 1.2.3.4" in " ".join(server(asked))


def test_datagrams_are_never_sent_without_a_rate(job):
    words = client(job(mode="udp", length=200, rate=0))
    assert "-u" in words and words[words.index("-l") + 1] == "200"
    assert "-b" in words  # Load puts the rate of each attempt into the job


@pytest.mark.parametrize("text", ["", "not json", json.dumps({"error": "unable to\nconnect"})])
def test_what_is_no_result_is_told_in_one_line(tmp_path, text):
    file = tmp_path / "iperf3.json"
    file.write_text(text)
    with pytest.raises(MeasurementFailed) as problem:
        parse(file, "client")
    assert "client" in str(problem.value) and "\n" not in str(problem.value)


def test_a_warning_before_the_json_hides_nothing(tmp_path):
    file = tmp_path / "iperf3.json"
    file.write_text("warning: UDP block size 1400 exceeds TCP MSS\n" + json.dumps(SAID) + "\nmore")
    assert parse(file, "client") == SAID


def test_the_servers_last_words_are_its_error():
    assert explain(json.dumps({"start": {}, "error": "Address in use"})) == "Address in use"
    assert explain("no json\nat all") == "no json at all"

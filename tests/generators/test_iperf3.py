import copy
import json

import pytest
from cniperf.measure.iperf3 import _read, client_argv, server_argv, summary

from cniperf.errors import MeasurementFailed
from cniperf.params import Experiment

SAID = {
    "start": {"tcp_mss_default": 1448},
    "end": {
        "sum_sent": {"bits_per_second": 2e9, "retransmits": 3},
        "sum_received": {"bits_per_second": 1e9},
        "cpu_utilization_percent": {"host_total": 90.0, "remote_total": 50.0},
    },
}


def test_the_figure_is_what_the_receiver_counted():
    assert summary(SAID) == {
        "gbps": 1.0, "gbps_sent": 2.0, "retransmits": 3, "mss": 1448, "sender_cpu": 90.0,
        "receiver_cpu": 50.0,
    }  # fmt: skip


def test_a_result_without_a_figure_is_no_result():
    empty = copy.deepcopy(SAID)
    empty["end"]["sum_received"]["bits_per_second"] = 0
    with pytest.raises(MeasurementFailed, match="no byte arrived"):
        summary(empty)
    del empty["end"]["sum_received"]
    with pytest.raises(MeasurementFailed, match="sum_received"):
        summary(empty)


def test_every_parameter_reaches_the_generator():
    experiment = Experiment.of(duration=7, omit=2, streams=3, window="1M", congestion="reno")
    words = " ".join(client_argv(experiment, "1.2.3.4"))
    for part in ("-c 1.2.3.4", "-t 7", "-O 2", "-P 3", "-w 1M", "-C reno", "-J"):
        assert part in words
    assert "-w" not in client_argv(Experiment.of(), "1.2.3.4")
    assert "-B 1.2.3.4" in " ".join(server_argv("1.2.3.4"))


@pytest.mark.parametrize("text", ["", "not json", json.dumps({"error": "unable to\nconnect"})])
def test_what_is_no_result_is_told_in_one_line(tmp_path, text):
    file = tmp_path / "iperf3.json"
    file.write_text(text)
    with pytest.raises(MeasurementFailed) as problem:
        _read(file, "client")
    assert "client" in str(problem.value) and "\n" not in str(problem.value)

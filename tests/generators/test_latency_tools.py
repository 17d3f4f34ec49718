"""sockperf and curl: their commands, and what is read from what they leave."""

import pytest

from cniperf.errors import MeasurementFailed
from cniperf.generators import Job, all_generators
from cniperf.params import Experiment


@pytest.fixture
def job(tmp_path):
    def made(mode, **parameters):
        experiment = Experiment.of(mode=mode, duration=2, omit=1, **parameters)
        return Job(traffic=experiment.traffic, address="10.0.0.2", port=7, folder=tmp_path, seconds=2,
                   omit=1)  # fmt: skip

    return made


def test_sockperf_is_told_the_size_and_a_second_more(job):
    words = " ".join(all_generators()["sockperf"].client(job("rr", length=512)))
    assert "-m 512" in words and "-t 4" in words and "--full-rtt" in words


def test_sockperfs_samples_of_the_omitted_second_do_not_count(job):
    asked = job("rr")
    rows = [(n, 5 + 0.5 * n, 5 + 0.5 * n, 10.0 * (n + 1)) for n in range(8)]  # half a second each
    lines = ["---", "packet, txTime(sec), rxTime(sec), rtt(usec)",
             *(", ".join(map(str, row)) for row in rows), "-" * 30]  # fmt: skip
    (asked.folder / "samples.csv").write_text("\n".join(lines) + "\n")
    found = all_generators()["sockperf"].read(asked)
    assert found.latency.index.tolist() == [30, 40, 50, 60] and found.per_second == 2
    assert not (asked.folder / "samples.csv").exists()


def test_curls_transactions_of_the_omitted_second_do_not_count(job):
    asked = job("crr")
    lines = [f"0.0001 {0.0001 * (n + 1):.6f} 200" for n in range(9)]
    asked.file("client").write_text("\n".join([*lines, "0.0001 0.9"]))  # the last one cut short
    found = all_generators()["curl"].read(asked)
    assert found.latency.index.tolist() == [400, 500, 600, 700, 800, 900]
    assert found.per_second == 3


@pytest.mark.parametrize("said", ["", "0.1 0.2 200\n0.1 0.2 404\n0.1 0.2 200\n0", "boom\nboom\n"])
def test_requests_that_were_not_answered_are_a_failure(job, said):
    asked = job("crr")
    asked.file("client").write_text(said)
    with pytest.raises(MeasurementFailed, match="not all answered"):
        all_generators()["curl"].read(asked)


def test_a_log_without_samples_is_a_failure_in_one_line(job):
    asked = job("rr")
    asked.file("client").write_text("sockperf: ERROR:\nConnection refused\n")
    with pytest.raises(MeasurementFailed, match="Connection refused"):
        all_generators()["sockperf"].read(asked)


@pytest.mark.parametrize("line", ["nan 0.2 200", "0.1 inf 200", "-0.1 0.2 200", "0.3 0.2 200", "0,1 0,2 200",
                                  "0.1 9.9 200"])  # fmt: skip
def test_times_that_curl_never_writes_are_refused(job, line):
    asked = job("crr")
    asked.file("client").write_text(f"0.1 0.2 200\n{line}\n0.1")
    with pytest.raises(MeasurementFailed, match=r"damaged|disagree") as problem:
        all_generators()["curl"].read(asked)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("odd", ["1, 5.5, 5.5, nan", "1, 5.5, 5.5, -3", "1, x, 5.5, 3", "1, 4.5, 4.5, 3",
                                 "1, 5.5", "1, 5.5, 5.5, 1e10", "1, 5.5, 5.5, 9e6", "\0"])  # fmt: skip
def test_samples_that_sockperf_never_writes_are_refused(job, odd):
    asked = job("rr")
    rows = ["0, 5.0, 5.0, 10", odd, "2, 6.0, 6.0, 10", "3, 6.5, 6.5, 10"]
    (asked.folder / "samples.csv").write_text("---\n" + "\n".join(rows) + "\n")
    with pytest.raises(MeasurementFailed, match=r"damaged|disagree") as problem:
        all_generators()["sockperf"].read(asked)
    assert "\n" not in str(problem.value)

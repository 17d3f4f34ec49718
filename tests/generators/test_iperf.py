import pytest

from cniperf.errors import MeasurementFailed
from cniperf.generators import Job, all_generators
from cniperf.generators.iperf import client, server
from cniperf.params import Experiment

SECOND = 125_000_000  # bytes of a connection at 1 Gbit/s


def nine(rates, seconds=3, version="2.1.8 (12 August 2022) pthreads"):
    """What servers of 2.0.14 and 2.1 print of connections of so many Gbit/s: a line a second."""
    lines = [f"iperf version {version}"]
    for second in range(seconds):
        for number, gbps in enumerate(rates, 1):
            figures = round(gbps * SECOND), round(gbps * 1e9)
            lines.append(f"2026010100000{second},10.0.0.1,5,10.0.0.2,5001,{number},{second}.0-{second + 1}.0,{figures[0]},{figures[1]}")  # fmt: skip
    for number, gbps in enumerate(rates, 1):
        lines.append(f"20260101000003,10.0.0.1,5,10.0.0.2,5001,{number},0.0-{seconds}.0,{round(gbps * SECOND * seconds)},{round(gbps * 1e9)}")  # fmt: skip
    return "\n".join(lines) + "\n"


def with_header(rates, seconds=3):
    """What servers of 2.2 print: a header, a time zone, other columns; sums as before."""
    lines = [
        "time,srcaddress,srcport,dstaddr,dstport,transferid,istart,iend,bytes,speed,readcnt,bin0"
    ]
    for line in nine(rates, seconds, "2.2.1 (4 Nov 2024) pthreads").splitlines()[1:]:
        fields = line.split(",")
        fields[6:7] = fields[6].split("-")
        lines.append(f"+0000:{','.join(fields)},9,9")
    if len(rates) > 1:
        for second in range(seconds):
            lines.append(f"2026010100000{second},10.0.0.1,0,10.0.0.2,5001,-1,{second}.0-{second + 1}.0,{round(sum(rates) * SECOND)},{round(sum(rates) * 1e9)}")  # fmt: skip
    return "iperf version 2.2.1 (4 Nov 2024) pthreads\n" + "\n".join(lines) + "\n"


def reported(rates, again, seconds=3, summed=" {transfer}        {again}"):
    """What a client prints: a line a second and connection, their sum, and the whole."""
    lines = ["iperf version 2.1.8 (12 August 2022) pthreads",
             "[  1] local 10.0.0.1 port 5 connected with 10.0.0.2 port 5001 (icwnd/mss/irtt=14/1448/36)"]  # fmt: skip
    for second in range(seconds):
        for number, gbps in enumerate(rates, 1):
            lines.append(f"[  {number}] {second}.0000-{second + 1}.0000 sec  {row(gbps)}  800/0          {again[second]}     1023K/59(16) us  5")  # fmt: skip
        if len(rates) > 1:
            lines.append(f"[SUM] {second}.0000-{second + 1}.0000 sec  {row(sum(rates))}  1600/0        {again[second] * len(rates)}")  # fmt: skip
    for number, gbps in enumerate(rates, 1):
        lines.append(f"[  {number}] 0.0000-{seconds}.0160 sec  {round(gbps * SECOND * seconds / 1024)} KBytes  {round(gbps * 1e6)} Kbits/sec  2400/0  {sum(again)}  1023K/61(20) us  5")  # fmt: skip
    return "\n".join(lines) + "\n"


def row(gbps):
    return f"{gbps * SECOND / 1024:.0f} KBytes  {gbps * 1e6:.0f} Kbits/sec"


@pytest.fixture
def read(tmp_path):
    """Read what the two ends said of two connections, the first second left out."""

    def figures(came, went, streams=2):
        experiment = Experiment.of(generator="iperf", duration=2, omit=1, streams=streams)
        job = Job(traffic=experiment.traffic, address="10.0.0.2", port=5001, folder=tmp_path, seconds=2,
                  omit=1)  # fmt: skip
        job.file("server").write_text(came)
        job.file("client").write_text(went)
        return all_generators()["iperf"].read(job)

    return figures


@pytest.mark.parametrize("came", [nine, with_header])
def test_connections_add_up_and_the_first_seconds_are_left_out(read, came):
    found = read(came([1.0, 2.0]), reported([1.0, 2.0], [5, 7, 11]))
    assert found.gbps == pytest.approx(3.0)
    assert (found.retransmits, found.mss) == (36, 1448)  # [SUM] repeats them: not 72
    found = read(came([1.0]), reported([1.0], [5, 7, 11]), streams=1)
    assert (found.gbps, found.retransmits) == (pytest.approx(1.0), 18)


def test_a_sum_may_be_of_another_moment_than_its_connections(read):
    came = with_header([1.0, 2.0]).replace(",375000000,3000000000", ",380000000,3040000000")
    assert read(came, reported([1.0, 2.0], [5, 7, 11])).gbps == pytest.approx(3.0)


def test_what_2_0_14_prints_is_read(read):
    went = reported([1.0], [5, 7, 11]).replace(
        "(icwnd/mss/irtt=14/1448/36)", "(MSS=1448) (ct=0.64 ms)"
    )
    tail = "[  1] 3.0000-3.0024 sec   256 KBytes  880047 Kbits/sec  2/0          0     4220K/64 us  1.80\n"
    came = nine([1.0], version="2.0.14a (2 October 2020) pthreads")
    found = read(came + came.splitlines()[-1].replace("0.0-3.0", "3.0-3.0") + "\n", went + tail, 1)
    assert (found.gbps, found.retransmits, found.mss) == (pytest.approx(1.0), 18, 1448)


def test_where_the_client_has_no_line_the_servers_last_one_is_the_witness(read):
    came = with_header([1.0, 2.0])
    found = read(came, "")
    assert (found.gbps, found.retransmits) == (pytest.approx(3.0), None)
    with pytest.raises(MeasurementFailed, match="its last line"):
        read(came.replace("0.0,3.0,375000000", "0.0,3.0,975000000"), "")
    with pytest.raises(MeasurementFailed, match="no line of the load"):
        read("\n".join(line for line in came.splitlines() if ",0.0,3.0," not in line), "")


def test_no_result_is_told_in_one_line(read):
    with pytest.raises(MeasurementFailed, match="connect failed: No route to host"):
        read("", "connect failed:\nNo route to host\n")
    with pytest.raises(MeasurementFailed, match="it printed nothing"):
        read("", "")


@pytest.mark.parametrize(
    "version", ["2.3.0 (1 Jan 2027)", "2.0.5 (08 Jul 2010)", "1.7.0", "3.12", ""]
)
def test_a_version_that_is_not_known_is_refused_by_name(read, version):
    with pytest.raises(MeasurementFailed, match=r"2\.0\.14 to 2\.2\.x") as problem:
        read(nine([1.0, 2.0], version=version), reported([1.0, 2.0], [1, 1, 1]))
    assert version in str(problem.value)


GOOD = with_header([1.0, 2.0]), reported([1.0, 2.0], [5, 7, 11])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("istart,iend", "interval"),  # columns that are not known
        (",125000000,1000000000,", ",125000000,9000000000,"),
        (",125000000,1000000000,", ",-125000000,1000000000,"),
        (",125000000,1000000000,", ",nan,nan,"),
        (",125000000,1000000000,", ",125000000,"),
        (",-1,1.0-2.0,375000000,3000000000", ",-1,1.0-2.0,875000000,7000000000"),
        (",1,1.0,2.0,", ",2,1.0,2.0,"),  # a connection is there twice, another not
        (",1,1.0,2.0,", ",1,2.0,1.0,"),
        ("244141 KBytes", "944141 KBytes"),
        ("1000000 Kbits", "9000000 Kbits"),
        ("0          7 ", "0          70 "),  # not what the sum says
        ("0          7 ", f"0          {'7' * 400} "),
        ("0          7     1023K", "0          1023K"),  # a column that is gone
        ("[  2] 1.0", "[  1] 1.0"),
        ("[  2] 1.0", "[  x] 1.0"),
        ("[  1] 0.0000-3.0160 sec  366211 KBytes", "[  1] 0.0000-3.0160 sec  96211 KBytes"),
        ("122070 KBytes  1000000 Kbits/sec", "61035 KBytes  500000 Kbits/sec"),
    ],
)
def test_what_does_not_add_up_is_a_failure_in_one_line(read, old, new):
    assert any(old in text for text in GOOD)
    with pytest.raises(MeasurementFailed) as problem:
        read(*(text.replace(old, new) for text in GOOD))
    assert "\n" not in str(problem.value) and len(str(problem.value)) < 300


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[  1] 1.0000-2.0000 sec  122070 KBytes  1000000 Kbits/sec  800/0          7", None),
        ("1600/0        14", "1600/0        15"),
        ("2400/0  23", "2400/0  22"),  # less than its seconds
    ],
)
def test_segments_sent_again_are_no_figure_where_two_lines_differ_a_little(read, old, new):
    came, went = GOOD
    assert read(came, went).retransmits == 2 * (7 + 11)
    assert old in went
    found = read(came, went.replace(old, new or old[:-1] + "6"))
    assert found.retransmits is None and found.gbps == pytest.approx(3.0)


def test_a_load_that_ended_early_is_a_failure(read):
    with pytest.raises(MeasurementFailed, match="second 2 to 3 has 0 lines of 2 connections"):
        read(nine([1.0, 2.0], seconds=2), reported([1.0, 2.0], [5, 7, 11]))


def test_it_sends_for_all_seconds_as_it_cannot_leave_any_out(tmp_path):
    asked = Experiment.of(generator="iperf", duration=2, omit=1, streams=2)
    job = Job(
        traffic=asked.traffic, address="10.0.0.2", port=5001, folder=tmp_path, seconds=2, omit=1
    )
    words = client(job)
    assert words[words.index("-t") + 1] == "3" and words[words.index("-P") + 1] == "2"
    assert all("iperf --version" in words[2] for words in (client(job), server(job)))

import json

import pytest
from iperf3_said import CPU, DATAGRAMS, STREAM, part, said, whole

from cniperf.errors import MeasurementFailed
from cniperf.generators import Job, all_generators
from cniperf.generators.iperf3 import client, explain, server
from cniperf.iperf3_result import load_json
from cniperf.params import Experiment


@pytest.fixture
def job(tmp_path):
    """A job whose client, and whose server, have said this."""

    def made(said=None, counted=None, **parameters):
        experiment = Experiment.of(**parameters)
        job = Job(traffic=experiment.traffic, address="1.2.3.4", port=5201, folder=tmp_path,
                  seconds=experiment.duration, omit=experiment.omit, rate=experiment.rate)  # fmt: skip
        for end, text in (("client", said), ("server", counted)):
            if text is not None:
                job.file(end).write_text(text if isinstance(text, str) else json.dumps(text))
        return job

    return made


def read(job):
    return all_generators()["iperf3"].read(job)


def test_the_figure_is_what_the_receiver_counted(job):
    sent = whole(1.04, retransmits=3, sender=True)
    found = read(job(said(sum_sent=sent, streams=[], intervals=[])))
    assert (found.gbps, found.gbps_sent, found.retransmits, found.mss) == (1.0, 1.04, 3, 1448)
    assert (found.sender_cpu, found.receiver_cpu) == (90.0, 50.0)


def test_the_sender_of_a_reverse_load_is_the_server(job):
    turned = {**STREAM["start"]["test_start"], "reverse": 1}
    sums = {name: whole(1.0, sender=False) for name in ("sum_sent", "sum_received")}
    found = read(job(said(test_start=turned, streams=[], **sums), direction="reverse"))
    assert (found.sender_cpu, found.receiver_cpu) == (50.0, 90.0)


BACK = {"sum_sent_bidir_reverse": whole(3.0, retransmits=4, sender=False),
        "sum_received_bidir_reverse": whole(3.0, sender=False)}  # fmt: skip


def test_both_ways_are_one_figure(job):
    found = read(job(said(streams=[], **BACK), direction="both"))
    assert (found.gbps, found.gbps_sent, found.retransmits) == (4.0, 4.0, 7)


def test_segments_sent_again_are_those_of_both_ways_or_none(job):
    back = {**BACK, "sum_sent_bidir_reverse": whole(3.0, sender=False)}
    with pytest.raises(MeasurementFailed, match="no retransmits of one way"):
        read(job(said(streams=[], **back), direction="both"))


def old(**changes):
    """What 3.7 to 3.11 make of both ways: two sums of one name."""
    made = said(version="iperf 3.9", intervals=[], streams=[], **BACK, **changes)
    return json.dumps(made).replace("_bidir_reverse", "")


def test_before_3_12_both_ways_have_one_name(job):
    found = read(job(old(), direction="both"))
    assert (found.gbps, found.gbps_sent, found.retransmits) == (4.0, 4.0, 7)
    with pytest.raises(MeasurementFailed, match=r"iperf 3\.9 has figures of both ways"):
        read(job(old()))


def test_the_way_back_has_the_clocks_of_its_own_ends(job):
    # The server of 3.9 counts 40 ms more; what comes back is counted by the client's clock.
    ends = {"sum_sent": whole(1.0, 1.0, sender=True), "sum_received": whole(1.0, 1.04, sender=True)}
    back = {"sum_sent_bidir_reverse": whole(3.12, 1.0, sender=False),
            "sum_received_bidir_reverse": whole(2.88, 1.04, sender=False)}  # fmt: skip
    start = {**STREAM["start"], "version": "iperf 3.9"}
    start["test_start"] = {**start["test_start"], "omit": 1}
    found = read(job(said(start=start, intervals=[], streams=[], **ends, **back), direction="both"))
    assert found.gbps == pytest.approx(1.0 + 2.88 * 1.04)
    assert found.gbps_sent == pytest.approx(1.0 + 3.12 / 1.04)


@pytest.mark.parametrize("named", ["iperf 3.12", "iperf 3.18", None])
def test_since_3_12_no_name_is_there_twice(job, named):
    text = old().replace('"iperf 3.9"', json.dumps(named))
    with pytest.raises(MeasurementFailed, match="twice"):
        read(job(text, direction="both"))


@pytest.mark.parametrize(
    "named", ["iperf 3.1.3", "iperf 3.6", "iperf 4.0", "iperf 2.1.8", "x" * 99]
)
def test_a_version_that_is_not_known_is_refused_by_name(job, named):
    with pytest.raises(MeasurementFailed, match=r"3\.7 and later of 3\.x") as problem:
        read(job(said(version=named)))
    assert named in str(problem.value)


def test_facts_that_each_connection_repeats_are_no_damage(job):
    text = json.dumps(STREAM).replace('"tcp_mss_default"', '"sock_bufsize": 0, "rcvbuf_actual": 1, '
                                      '"sock_bufsize": 0, "rcvbuf_actual": 2, "tcp_mss_default"')  # fmt: skip
    assert read(job(text)).gbps == 1.0


def test_a_result_without_a_figure_is_no_result(job):
    nothing = {**whole(0.0), "bytes": 0}
    with pytest.raises(MeasurementFailed, match="no byte arrived"):
        read(job(said(sum_received=nothing)))
    with pytest.raises(MeasurementFailed, match="has no sum_received"):
        read(job(said(sum_received=None)))
    with pytest.raises(MeasurementFailed, match=r"damaged: it is one of UDP"):
        read(job(DATAGRAMS))


WRONG = {
    "a rate that is not the bytes over the seconds": {
        "sum_received": whole(1.0) | {"bytes": 10**8}
    },
    "a receiver with half of it": {"sum_received": whole(0.4, 5.0), "sum_sent": whole(1.0, 5.0)},
    "seconds that were not asked for": {
        "sum_sent": whole(1.0, 4.0),
        "sum_received": whole(1.0, 4.0),
    },
    "intervals with half of it": {"intervals": [{"sum": part(0, 1, 0.5)}]},
    "a connection with half of it": {"streams": [{"sender": whole(0.5, sender=True)}]},
    "a connection that is not there": {"streams": 2 * STREAM["end"]["streams"]},
    "a sender that is the other end": {"sum_sent": whole(1.0, sender=False)},
    "retransmits": {"streams": [{"sender": whole(1.0, sender=True, retransmits=70)}]},
    "CPU time": {"cpu_utilization_percent": {**CPU, "host_user": 50.0}},
    "time that goes back": {"intervals": [{"sum": part(0, 1, 1)}, {"sum": part(0.5, 0.9, 1)}]},
}


def test_since_there_are_threads_intervals_may_lack_bytes_and_have_no_more(job):
    def read_with(version, gbps):
        own = [{"sum": part(0, 1, gbps)}]
        return read(job(said(version=version, streams=[], intervals=own)))

    assert read_with("iperf 3.16", 0.7).gbps == pytest.approx(1.0)
    for version, gbps in (("iperf 3.16", 1.2), ("iperf 3.15", 0.7), ("iperf 3.12", 0.7)):
        with pytest.raises(MeasurementFailed, match="bytes of the load disagree"):
            read_with(version, gbps)


@pytest.mark.parametrize("wrong", WRONG)
def test_where_two_counts_disagree_the_run_fails_and_both_are_told(job, wrong):
    changes = {"streams": [], "intervals": [], **WRONG[wrong]}
    with pytest.raises(
        MeasurementFailed, match=r"disagree|make no|it reports|follows|requested|other end"
    ) as problem:
        read(job(said(**changes)))
    assert "\n" not in str(problem.value)


def test_two_clocks_of_a_slow_guest_do_not_agree_to_the_millisecond(job):
    clocks = {**CPU, "host_total": 46.36, "host_user": 5.38, "host_system": 40.2}
    changes = {"streams": [], "intervals": [], "cpu_utilization_percent": clocks}
    assert read(job(said(**changes))).gbps == 1.0  # 8 ms of a second
    long = {"sum_sent": whole(1.0, 10.0), "sum_received": whole(1.0, 10.0)}
    with pytest.raises(MeasurementFailed, match="make no"):  # 80 ms of ten
        read(job(said(**changes, **long), duration=10))


@pytest.mark.parametrize("value", ["NaN", "-nan", "Infinity", "-Infinity", "-5", '"9"', "true", "null",
                                   "1" + "0" * 400, "1" + "0" * 5000, "[]", "1e999"])  # fmt: skip
@pytest.mark.parametrize("name", ["bits_per_second", "seconds", "host_total"])
def test_what_is_no_figure_is_refused_with_its_place(job, name, value):
    text = json.dumps(STREAM)
    place = text.index(f'"{name}": ', text.index('"sum_sent"')) + len(name) + 4
    end = min(text.index(mark, place) for mark in ",}" if mark in text[place:])
    with pytest.raises(MeasurementFailed, match="the result of the iperf3 client is damaged") as it:
        read(job(text[:place] + value + text[end:]))
    assert "\n" not in str(it.value) and len(str(it.value)) < 400


# ── datagrams ─────────────────────────────────────────────────────────────────────────────────


def test_datagrams_that_arrived_are_counted_not_those_that_were_sent(job):
    found = read(job(DATAGRAMS, mode="udp"))
    assert (found.per_second, found.lost) == (450.0, 0.1)
    assert (found.gbps, found.gbps_sent) == pytest.approx((0.0036, 0.004))


def omitting(of=DATAGRAMS, **changes):
    start = {**of["start"], **changes.pop("start", {})}
    start["test_start"] = {**start["test_start"], "omit": 2}
    return said(of=of, start=start, **changes)


def counted(*parts, **start):
    """A server's result: intervals of packets, lost ones, and seconds."""
    sums = [
        {"end": end, "bytes": (packets - lost) * 1000, "packets": packets, "lost_packets": lost,
         "omitted": omitted, "seconds": 1.0}
        for packets, lost, end, omitted in parts
    ]  # fmt: skip
    return {"start": {**DATAGRAMS["start"], **start}, "intervals": [{"sum": each} for each in sums],
            "end": {}}  # fmt: skip


def test_losses_of_the_omitted_seconds_do_not_count(job):
    total = {**DATAGRAMS["end"]["sum"], "lost_packets": 770}  # 670 of them in the omitted seconds
    found = read(job(omitting(sum=total), mode="udp"))
    assert (found.per_second, found.lost) == (450.0, pytest.approx(0.1))
    server = counted((1000, 670, 2.0, True), (1000, 98, 2.0, False))
    received = whole(0.003608, 2.0)
    found = read(job(omitting(sum=total, sum_received=received), server, mode="udp"))
    assert (found.per_second, found.lost) == (451.0, 0.098)


def test_a_sum_received_without_seconds_has_the_clock_of_the_sum(job):
    total = {"packets": 1000, "lost_packets": 770, "seconds": 2.0, "bits_per_second": 4e6}
    found = read(job(omitting(sum=total, sum_received={"bits_per_second": 2e6}), mode="udp"))
    assert (found.per_second, found.lost) == (250.0, 0.5)


def test_before_3_12_the_server_alone_counts_what_arrived(job):
    old = omitting(start={"version": "iperf 3.9"}, sum_received=None)
    with pytest.raises(MeasurementFailed, match=r"iperf 3\.9 .* the server wrote no result"):
        read(job(old, mode="udp"))
    server = counted((1000, 670, 2.0, True), (1000, 98, 2.0, False), (20, 0, 2.04, False))
    found = read(job(old, server, mode="udp"))
    assert found.per_second == pytest.approx(922 / 2.04) and found.lost == pytest.approx(98 / 1020)


SUM = DATAGRAMS["end"]["sum"]
ODD = [
    {"sum": {**SUM, "packets": 0}},
    {"sum": {**SUM, "packets": 2000}},
    {"sum": {**SUM, "bytes": 2_000_000}},
    {"sum": None},
    {"sum_received": whole(0.0, 2.0)},
    {"sum_received": whole(0.005, 2.0)},
]
# Where seconds are omitted, the sum's losses are those of all seconds, and are not read.
LOSSES = [{"sum": {**SUM, "lost_packets": lost}} for lost in (500, -100)]


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        *((omitting, odd) for odd in ODD),
        *((lambda **c: said(of=DATAGRAMS, **c), odd) for odd in ODD + LOSSES),
    ],
)
def test_datagrams_that_do_not_add_up_are_a_failure(job, made, changes):
    with pytest.raises(MeasurementFailed) as problem:
        read(job(made(**changes), mode="udp"))
    assert "\n" not in str(problem.value)


def test_a_server_that_disagrees_with_its_client_is_a_failure(job):
    for told in (counted((1000, 500, 2.0, False)), counted((0, 0, 2.0, False)),
                   counted((5000, 4100, 2.0, False)), "{"):  # fmt: skip
        with pytest.raises(MeasurementFailed):
            read(job(DATAGRAMS, told, mode="udp"))


# ── commands, and what is no result ───────────────────────────────────────────────────────────


def test_every_parameter_reaches_the_generator(job):
    asked = job(duration=7, omit=2, streams=3, window="1M", congestion="reno", length=999, rate=6)
    words = " ".join(client(asked))
    for option in (
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
        assert option in words
    assert not {"-w", "-l", "-b", "-R", "--bidir"} & set(client(job()))
    assert "-R" in client(job(direction="reverse")) and "--bidir" in client(job(direction="both"))
    assert "-B 1.2.3.4" in " ".join(server(asked))


def test_datagrams_are_never_sent_without_a_rate(job):
    words = client(job(mode="udp", length=200, rate=0))
    assert "-u" in words and words[words.index("-l") + 1] == "200"
    assert "-b" in words  # Load puts the rate of each attempt into the job


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "gave no JSON: it printed nothing"),
        ("not\njson", "gave no JSON: not json"),
        (json.dumps({"error": "unable to\nconnect"}), "unable to connect"),
        (json.dumps({"error": ""}), "it gave no reason"),
        (json.dumps(STREAM)[:-200], "damaged"),
        ("[" * 5000, "gave no JSON"),
        ('{"end": ' + "[" * 100_000, "damaged"),
        (json.dumps(STREAM) + "\n" + json.dumps(said(streams=[])), "there are two"),
    ],
)
def test_what_is_no_result_is_told_in_one_line(job, text, told):
    with pytest.raises(MeasurementFailed, match=told) as problem:
        read(job(text))
    assert "client" in str(problem.value) and "\n" not in str(problem.value)


def test_a_result_that_is_not_there_is_told(job):
    with pytest.raises(MeasurementFailed, match="it printed nothing"):
        read(job())


@pytest.mark.parametrize("more", ["\nmore", "\n" + json.dumps(STREAM), "\n{", "\udcff"])
def test_words_around_the_json_and_a_copy_hide_nothing(more):
    text = "warning: UDP block size {1400} exceeds TCP MSS\n" + json.dumps(STREAM) + more
    assert load_json(text, "client") == STREAM


def test_the_servers_last_words_are_its_error():
    assert explain(json.dumps({"start": {}, "error": "Address in use"})) == "Address in use"
    assert explain("no json\nat all") == "no json at all"
    assert explain("") == explain('{"error": ""}') == "it printed nothing"
    assert explain("[" * 9999 + "{" * 9) and explain('{"error": 5}')

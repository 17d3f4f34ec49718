"""The interleaved design: hostnetwork and the scheme take turns in one lab."""

import io
import json
import math

import pandas as pd
import pytest

import cniperf
from cniperf.beds import metronome, open_bed
from cniperf.errors import BadRun, MeasurementFailed, ParameterError
from cniperf.measure import turns as measure
from cniperf.measure.summary import block_ratios, geometric, witnessed
from cniperf.plan import make_plan
from cniperf.timeline import TURNS, load_turns

MEGA = 1_000_000
STOLEN = 0.5  # % of the CPUs' time


def table(*rates, carried=1.05):
    """Turns of 0.1 s in the order of their rates, as ``(leg, Gbit/s)``; four make a block."""
    rows = []
    for place, (leg, gbps) in enumerate(rates):
        acked = gbps * 1e9 / 8 * 0.1
        rows.append([1, leg, place // 4 + 1, place, place, place + 0.1, place + 0.11, 5 * MEGA,
                     5 * MEGA + acked, 2 * acked, carried * 2 * acked, 0, 1448, int(acked), 0.1, 0.1, 0.1, 0.1,
                     math.nan])  # fmt: skip
    return pd.DataFrame(rows, columns=list(TURNS))


def loaded(folder, turns):
    (folder / "turns.csv").write_text(turns.to_csv(index=False))
    return load_turns(folder)


def test_a_steady_drift_within_a_block_cancels(tmp_path):
    drift = [("s", 10.0), ("h", 22.0), ("h", 24.2), ("s", 13.31)]  # ×1.1 from turn to turn
    assert block_ratios(loaded(tmp_path, table(*drift))) == pytest.approx([math.log(0.5)])


def test_a_block_is_one_of_four_turns_of_one_opening(tmp_path):
    found = block_ratios(loaded(tmp_path, table(*[("s", 5.0), ("h", 10.0)] * 2,
                                                *[("h", 8.0), ("s", 2.0)] * 2)))  # fmt: skip
    assert found == pytest.approx([math.log(0.5), math.log(0.25)])


def test_rates_are_what_tcp_counted_over_the_slice_alone(tmp_path):
    turns = loaded(tmp_path, table(("s", 5.0), ("h", 10.0)))
    assert turns["gbps"].tolist() == pytest.approx([5.0, 10.0])
    assert turns["leg"].tolist() == ["scheme", "hostnetwork"]
    assert geometric(pd.Series([4.0, 9.0])) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("carried", "words"), [(0.9, "its interface"), (1.6, "its interface"), (1.0, ""), (1.3, "")]
)
def test_the_interface_is_a_second_witness(tmp_path, carried, words):
    turns = loaded(tmp_path, table(("s", 5.0), ("s", 6.0), carried=carried))
    if words:
        with pytest.raises(MeasurementFailed, match=words):
            witnessed("scheme", turns)
    else:
        witnessed("scheme", turns)


def test_runs_from_before_the_whole_turn_was_counted_can_be_read(tmp_path):
    turns = loaded(tmp_path, table(("s", 5.0), ("h", 10.0)).drop(columns=["acked"]))
    assert turns["acked"].isna().all()
    assert turns["gbps"].tolist() == pytest.approx([5.0, 10.0])


def test_a_turn_that_lacks_a_number_is_damaged(tmp_path):
    turns = table(("s", 5.0), ("h", 10.0))
    turns["acked"] = [1.0, math.nan]
    with pytest.raises(BadRun, match="lacks a number"):
        loaded(tmp_path, turns)


def test_a_slice_with_more_than_its_turn_has_no_figure(tmp_path):
    turns = loaded(tmp_path, table(("s", 5.0), ("s", 5.0)))
    turns.loc[0, "acked"] /= 3
    with pytest.raises(MeasurementFailed, match="broke"):
        witnessed("scheme", turns)


def test_a_connection_that_broke_has_no_figure(tmp_path):
    turns = loaded(tmp_path, table(("s", 5.0), ("s", -5.0)))
    with pytest.raises(MeasurementFailed, match="broke"):
        witnessed("scheme", turns)


def test_the_metronomes_table_is_the_runs():
    assert tuple(f"sitting,{metronome.HEAD}".split(",")) == TURNS
    assert pd.read_csv(io.StringIO(metronome.HEAD)).columns.tolist() == list(TURNS[1:])


@pytest.mark.parametrize(
    ("given", "design"),
    [
        ({}, "interleaved"), ({"streams": 4, "pairs": 2, "direction": "reverse"}, "interleaved"),
        ({"generator": "iperf"}, "interleaved"), ({"design": "separate"}, "separate"),
        ({"mode": "rr"}, "separate"), ({"mode": "udp"}, "separate"), ({"rate": 1}, "separate"),
        ({"direction": "both"}, "separate"), ({"bed": "counted"}, "separate"),
    ],
)  # fmt: skip
def test_turns_are_taken_where_that_goes(given, design):
    asked = cniperf.Experiment.of(scheme="calico", **given)
    assert (asked.design, asked.slice > 0) == (design, design == "interleaved")
    assert cniperf.Experiment.of(**asked.model_dump(exclude_none=True)) == asked


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "rr"}, "mode='rr'"), ({"rate": 2}, "rate=2"), ({"direction": "both"}, "both"),
        ({"bed": "counted"}, "bed='counted'"),
    ],
)  # fmt: skip
def test_turns_are_refused_where_they_cannot_be_taken(given, words):
    with pytest.raises(ParameterError, match=words):
        cniperf.Experiment.of(design="interleaved", **given)
    with pytest.raises(ParameterError, match="slice goes with design='interleaved' only"):
        cniperf.Experiment.of(slice=0.1, **{**given, "design": "separate"})


# ── in a lab ──────────────────────────────────────────────────────────────────────────────────────


def ratio(folder, *, limit="", stall=None, **parameters):
    """Take turns in a lab of hostnetwork, and return what hostnetwork loses against itself, in %."""
    asked = cniperf.Experiment.of(scheme="hostnetwork", **parameters)
    with open_bed(asked) as bed:
        plan = make_plan("hostnetwork", *bed.hosts)
        bed.apply(plan)
        for port, rate in dict(word.split("=") for word in limit.split()).items():
            bed.command("wire", ["tc", "qdisc", "add", "dev", port, "root", "tbf", "rate", rate,
                                 "burst", "128k", "latency", "4ms"])  # fmt: skip
        figures = measure.Turns(bed, plan, asked.traffic, asked.slice, folder, stall or {}).run(
            lambda text: None
        )
    return 100 * (1 - math.exp(figures["log_ratio"])), figures


def undisturbed(tmp_path, **how):
    """A lab while which the hypervisor took no CPU away, which shows on slow wires, too."""
    for number in range(6):
        (folder := tmp_path / str(number)).mkdir()
        loss, figures = ratio(folder, **how)
        if figures["stolen"] < STOLEN:
            break
    return loss, figures


@pytest.mark.lab
@pytest.mark.alone
def test_a_slower_wire_reads_as_slow_as_it_is(tmp_path):
    """Both wires are slower than the CPUs, so the machine's own noise has no say."""
    loss, figures = undisturbed(tmp_path, limit="port-b=900mbit bare-b=1000mbit", slice=0.1)
    assert loss == pytest.approx(10, abs=0.7)
    assert figures["base"] == pytest.approx(0.955, abs=0.03)  # of 1: 1448 in 1514 B, and ACKs


@pytest.mark.lab
@pytest.mark.alone
def test_equal_wires_read_as_equal(tmp_path):
    loss, _ = undisturbed(tmp_path, limit="port-b=1000mbit bare-b=1000mbit", slice=0.1, duration=12)
    assert loss == pytest.approx(0, abs=0.3)


@pytest.mark.lab
@pytest.mark.alone
@pytest.mark.parametrize(
    "given",
    [{"streams": 4}, {"direction": "reverse"}, {"generator": "iperf"}, {"pairs": 2},
     {"window": "256K"}, {"nic": "plain"}, {"mtu": 9000}],
    ids=str,
)  # fmt: skip
def test_every_load_that_takes_turns_leaves_a_whole_run(tmp_path, given):
    asked = cniperf.Experiment.of(scheme="calico", duration=1, data_dir=tmp_path, **given)
    (folder,) = cniperf.run(asked, lambda moment: None)
    turns, run = load_turns(folder), json.loads((folder / "run.json").read_text())
    assert set(turns["leg"]) == {"scheme", "hostnetwork"}
    assert turns.groupby(["sitting", "block"])["leg"].value_counts().eq(2).all()
    assert (turns["drained"] >= turns["ended"]).all()
    assert run["summary"]["gbps"] > 0 and run["summary"]["base"] > 0
    assert run["summary"]["log_ratio"] < 0.3
    assert run["bed"]["idle_restart"] is False
    assert run["bed"]["bare_nic"] == "eth1" and run["params"]["design"] == "interleaved"
    assert run["params"]["slice"] == 0.01 and len(run["summary"]["blocks"]) >= 2
    owned = not set(run["bed"]["cpus"]["a"]) & set(run["bed"]["cpus"]["b"])
    assert turns["handover"].between(0.5, 50).all() == owned
    assert (run["summary"]["handover"][0] is not None) == owned
    assert run["summary"]["base_cpu_per_gb_a"] > 0 and run["summary"]["base_cpu_per_gb_b"] > 0
    assert sorted(file.name for file in folder.iterdir()) == [
        "evidence.json", "host-a.sh", "host-b.sh", "run.json", "turns.csv"
    ]  # fmt: skip


@pytest.mark.lab
@pytest.mark.alone
def test_hostnetworks_turns_leave_the_schemes_nic_alone(tmp_path):
    """Open vSwitch takes the first NIC; hostnetwork runs over the second one all the same."""
    asked = cniperf.Experiment.of(scheme="ovs", duration=1, data_dir=tmp_path)
    (folder,) = cniperf.run(asked, lambda moment: None)
    turns = load_turns(folder).groupby("leg")["gbps"].median()
    assert turns["hostnetwork"] > 2 * turns["scheme"] or turns["scheme"] > 2  # kernel datapath


@pytest.mark.lab
@pytest.mark.alone
def test_a_sender_that_is_stopped_for_a_share_of_its_slices_loses_that_share(tmp_path):
    """The windows are small, or the socket's buffer would go on sending meanwhile."""
    with_fault, _ = ratio(tmp_path, stall={"scheme": 0.3}, window="128K", slice=0.1, duration=6)
    assert with_fault == pytest.approx(30, abs=8)

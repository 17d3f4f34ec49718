"""Runs made up so that a report says nearly all that it can say."""

import pandas as pd
from conftest import ROOT, Shelf

from cniperf.analysis import factors
from cniperf.analysis.latency import counts, write_counts
from cniperf.archive import shelf as unpacked
from cniperf.suites import Suite

REFERENCE = ROOT / "data/reference"
WOBBLE = [1.0, 1.01, 0.99, 1.0, 1.005, 0.995, 1.0, 1.0]
BASE = {"hostnetwork": 20.0, "macvlan": 19.9, "calico": 16.0, "flannel-hostgw": 15.9,
        "flannel-vxlan": 6.0, "ovs": 1.0}  # fmt: skip
COST = {"cpu_per_gb_a": 0.4, "cpu_per_gb_b": 0.5}
ODD = [
    {"trend": 0.3, "trend_low": 0.2, "trend_high": 0.4},
    {"trend": -0.3, "trend_low": -0.4, "trend_high": -0.2},
    {"retransmits": 50_000}, {"mss": 1348}, {"stolen": 9.0}, {"others": 60.0},
    {"handover": [1.5, 4.7]}, {"cpu_a": 60.0, "cpu_b": 40.0}, {"cpu_b": 99.0},
]  # fmt: skip
ENDED = ["the cap of 8 rounds", "the target: every loss is precise to ±1 points",
         "the budget of 15 min 00 s", "failure: nothing here can be measured",
         "failure: too many rounds were broken", ""]  # fmt: skip


def datapath(scheme):
    return {"ovs_datapath": "netdev"} if scheme == "ovs" else {}


def add_proven(shelf, scheme, *figure, **facts):
    """Add a run with the evidence of the reference's run of the same scheme."""
    run = shelf.add(scheme, *figure, **facts, **datapath(scheme))
    source = next(unpacked(REFERENCE).glob(f"*Z-{scheme}-????")) / "evidence.json"
    (run / "evidence.json").write_text(source.read_text())


def add_comparison(shelf):
    """A suite as the article's, with a failed scheme, one in userspace, and all that is odd."""
    for number, wobble in enumerate(WOBBLE, 1):
        here = {"suite": "s0", "round": number, "handover": [1.5, 1.5], **COST}
        shelf.add("hostnetwork", 20.0 * WOBBLE[-number], **here)
        for scheme, gbps in BASE.items():
            add_proven(shelf, scheme, gbps * wobble, **here)
    for number, gbps in enumerate([10.0, 14.0] * 6, 1):  # two modes, a round apart, a drift
        here = {"suite": "s1", "round": number, "handover": [1.5, 1.5]}
        shelf.add("ovs-bridge", gbps + number % 3 / 10, **here)
        shelf.add("hostnetwork", (1 - number % 12 / 24) * 20, **here)
    for number, gbps in enumerate([20.0, 20.4, 12.0, 20.2, 19.9, 20.1], 1):
        shelf.add("hostnetwork", gbps, suite="s2", round=number, handover=[1.5, 1.5])
    for scheme in ("hostnetwork", "calico"):  # where the CPUs lay elsewhere
        shelf.add(scheme, 13.0, suite="s0", round=9, handover=[4.5, 4.5])
    shelf.add("canal", suite="s0", round=2)
    shelf.add("calico", suite="s0", round=8)
    for facts in ODD:
        shelf.add("calico", 16.0, **facts)


def add_loads(shelf):
    """Every other kind of load."""
    many = {"nic": "offload", "streams": 4, "direction": "reverse", "window": "512K",
            "length": 1024, "rate": 2.5}  # fmt: skip
    shelf.add("hostnetwork", 20.0, **many)
    shelf.add("macvlan", 21.0, **many, cpu_a=50.0, cpu_b=40.0)
    shelf.add("calico", 10.0, nic="plain", direction="both")
    for mode, generator in (("rr", "sockperf"), ("crr", "curl"), ("udp", "iperf3")):
        for scheme, figure in (("hostnetwork", 30_000.0), ("calico", 20_000.0)):
            run = shelf.add(scheme, 1.0, mode=mode, generator=generator, per_second=figure,
                            cpu_each_a=10.0, cpu_each_b=11.0)  # fmt: skip
            if mode != "udp":
                write_counts(run, counts(pd.Series([30.0, 31.0, 35.0, 90.0] * 100)))
    for scheme, figures in (("hostnetwork", [5.0] * 4), ("calico", [4.0, 1.0, 5.0, 5.0])):
        shelf.add(scheme, sum(figures), pairs=4, pair_figures=figures, jain=0.9)


def add_sweeps(shelf):
    for mtu in (1450, 9000):
        for window in ("", "64K"):
            for length in (0, 2048):
                for scheme in ("hostnetwork", "calico", "ovs"):
                    shelf.add(scheme, BASE[scheme], suite="s3", mtu=mtu, window=window,
                              length=length, **COST, **datapath(scheme))  # fmt: skip
    for pairs in (1, 4):
        for scheme in ("hostnetwork", "calico"):
            shelf.add(scheme, 9.0, suite="s4", pairs=pairs, pair_figures=[9 / pairs] * pairs,
                      jain=1.0)  # fmt: skip
    shelf.add("hostnetwork", 9.0, suite="s5", mtu=4000)


def odd_runs(folder):
    shelf = Shelf(folder)
    add_comparison(shelf)
    add_loads(shelf)
    add_sweeps(shelf)
    varied = {3: ("mtu", "window", "length"), 4: ("pairs",)}
    for number, ended in enumerate(ENDED):
        Suite(name=f"s{number}", seed=7, cells=({"scheme": "calico"},), ended=ended, rounds=8,
              budget=900.0, vary=varied.get(number, ())).save(folder)  # fmt: skip
    (folder / "20260102T030499Z-broken-0000").mkdir()
    return folder


def why_runs(folder):
    """The factorial experiment about VXLAN; GRO does nothing that can be told from none."""
    shelf = Shelf(folder)
    for number in range(1, 7):
        for cell in factors.factorial_cells():
            gbps = {"hostnetwork": 20.0, "flannel-hostgw": 16.0}.get(
                cell["scheme"], 4.0 if cell["nic"] == "virtio" else 9.0
            )
            shelf.add(**cell, gbps=gbps + number % 3 * (cell["gro"] == "off") - 1,
                      suite="why", round=number)  # fmt: skip
    return folder

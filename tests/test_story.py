"""The first page of a report in words, and the last lines of a suite on a terminal."""

import re
from html import unescape

import pytest
from conftest import ROOT
from odd_runs import add_proven

from cniperf import sections
from cniperf.analysis.completed import completing, completing_of
from cniperf.analysis.loss import by_loss, loss_table, sittings
from cniperf.cli.losses import losses
from cniperf.runs import load_runs
from cniperf.sections.html import margin
from cniperf.sections.verdicts import NO_RUNS

WOBBLE = [1.0, 1.01, 0.99, 1.005, 0.995, 1.0, 1.01, 0.99]
SHARES = {"hostnetwork": 1.0, "macvlan": 0.99, "calico": 0.85, "flannel-hostgw": 0.84,
          "flannel-vxlan": 0.2, "canal": 0.22}  # fmt: skip


def labs(shelf, shares=SHARES, **facts):
    for number, wobble in enumerate(WOBBLE, 1):
        for scheme, share in shares.items():
            shelf.lab(scheme, share * wobble, suite="s", round=number, **facts)
    return load_runs(shelf.folder)


def told(*runs):
    return unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", sections.story(*runs).text)))


def test_schemes_that_lose_about_as_much_are_told_together(shelf):
    text = told(labs(shelf))
    assert re.search(r"Nearly free: macvlan 1\.0 % \([\d.]+ to [\d.]+ %\)\.", text)
    assert re.search(
        r"These lose a part: calico 15\.0 % \([^)]+\), flannel-hostgw 16\.0 % \(", text
    )
    assert re.search(r"These lose most: canal 78\.0 % \([^)]+\), flannel-vxlan 80\.0 % \([^)]+\)\. In "
                     r"brackets: 95 % interval\.", text)  # fmt: skip
    assert re.search(
        r"difference: encapsulation \(VXLAN\) alone costs 64\.0 (\([^)]+\) )?points", text
    )
    assert "(flannel-vxlan compared with flannel-hostgw)" in text
    assert "Confidence: at least 8 runs of each scheme. The control, hostnetwork" in text


def test_a_small_loss_whose_interval_reaches_further_is_only_perhaps_small(shelf):
    for number, share in enumerate((0.92, 0.99, 1.0), 1):
        for scheme, own in {**SHARES, "macvlan": share}.items():
            shelf.lab(scheme, own, suite="s", round=number)
    assert re.search(r"^ *Perhaps nearly free: macvlan 3\.\d % \(−", told(load_runs(shelf.folder)))


def test_the_articles_claims_are_counted(shelf):
    text = told(labs(shelf))
    (all_,) = re.findall(r"article of 2018 makes (\d+) claims", text)
    counts = map(
        int,
        re.findall(r"(\d+) (?:holds?|do(?:es)? not hold|(?:is|are) not decided|cannot|w)", text),
    )
    assert sum(counts) == int(all_) == 11


def test_claims_of_schemes_that_were_not_measured_are_not_undecided(shelf):
    text = told(labs(shelf, {name: SHARES[name] for name in ("hostnetwork", "calico", "macvlan")}))
    assert "makes 11 claims: 4 hold, 7 were not measured." in text


@pytest.mark.parametrize(("flagged", "said"), [(0, False), (1, False), (2, True)])
def test_what_disturbed_a_tenth_of_the_runs_stands_there(shelf, flagged, said):
    for number in range(1, 17):
        for scheme in ("hostnetwork", "calico", "macvlan"):
            busy = {"others": 60.0} if scheme == "calico" and number <= 3 * flagged else {}
            shelf.lab(scheme, SHARES[scheme], suite="s", round=number, **busy)
    text = told(load_runs(shelf.folder))
    assert (f"other programs used the CPUs in {3 * flagged} of 48 runs" in text) is said


def test_two_placements_are_two_machines(shelf):
    for number, wobble in enumerate(WOBBLE, 1):
        for lie, share in ((1.2, 0.75), (3.1, 0.9)):
            for scheme, own in (("calico", share), ("macvlan", 0.99), ("hostnetwork", 1.0)):
                shelf.lab(scheme, own * wobble, suite="s", round=number, handover=[lie, lie])
    text = told(load_runs(shelf.folder))
    assert re.search(r"two machines: with a common cache [^;]*calico 25\.\d %", text)
    assert re.search(r"without a common cache [^;]*calico 10\.\d %", text)


@pytest.mark.parametrize("schemes", [["calico"], ["hostnetwork", "calico"], ["calico", "macvlan"]])
def test_of_less_than_two_schemes_and_hostnetwork_there_is_no_story(shelf, schemes):
    for scheme in schemes:
        shelf.add(scheme, 10.0)
    assert sections.story(load_runs(shelf.folder)).text == ""


def test_it_says_what_to_pick_by_what_the_network_lets_through(shelf):
    for number in range(1, 9):
        for scheme, share in SHARES.items():
            gbps = 20 * share * WOBBLE[number - 1]
            add_proven(shelf, scheme, gbps, suite="s", round=number)
    text = told(load_runs(shelf.folder))
    pick = text[text.index("Which one to pick") :]
    hosts, ips, macs = re.split(r"the hosts' own addresses|pods' IP|pods' MAC", pick)[1:]
    assert hosts.count("canal") == 2 and "calico" not in hosts
    assert "calico" in ips and "macvlan" not in ips
    assert re.search(r"macvlan \(1\.0 %\).*calico", macs)


def test_a_terminal_has_the_same_in_the_same_order(shelf):
    runs = labs(shelf)
    lines = list(losses(runs))
    order = [str(name) for name in by_loss(loss_table(runs)).index]
    assert [line.split()[0] for line in lines[1:7]] == order
    assert order == ["hostnetwork", "macvlan", "calico", "flannel-hostgw", "canal", "flannel-vxlan"]
    assert re.search(r"calico +17\.00 Gbit/s +loses 15\.0 % \([\d.]+ to [\d.]+ %\)$", lines[3])
    assert lines[-1].startswith("  The article of 2018 makes 11 claims: ") and lines[
        -1
    ].strip() in told(runs)


def test_a_terminal_says_why_a_scheme_has_no_figure(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    shelf.add("ovs", 1.0, ovs_datapath="netdev")
    lines = list(losses(load_runs(shelf.folder)))
    assert "canal" in lines[2] and "failed: host a: `ip link add` failed" in lines[2]
    assert lines[3].split()[0] == "ovs*" and "no interval" in lines[3]


def test_runs_of_a_placement_that_does_not_count_make_nothing_sure(shelf):
    for number in range(1, 6):
        for scheme, share in (("calico", 0.85), ("macvlan", 0.99), ("hostnetwork", 1.0)):
            lie = 1.2 if scheme == "calico" and number > 3 else 3.1
            shelf.lab(scheme, share + number / 1e3, suite="s", round=number, handover=[lie, lie])
    assert "at least 3 runs of each scheme" in told(load_runs(shelf.folder))


@pytest.mark.parametrize(("fraction", "words"), [(0.073, "7.3 %"), (1641.0, "over 100 %")])
def test_a_margin_has_no_digits_that_pretend_to_be_known(fraction, words):
    assert margin(fraction) == words and margin(float("nan")) == "–"


def test_runs_that_failed_do_not_count_among_those_that_make_it_sure(shelf):
    runs = labs(shelf, {name: SHARES[name] for name in ("hostnetwork", "macvlan", "calico")})
    shelf.add("calico", suite="s", round=9, design="interleaved", slice=0.2)
    assert "at least 8 runs of each scheme" in told(runs)
    assert "at least 8 runs of each scheme" in told(load_runs(shelf.folder))


def test_open_vswitch_of_a_guest_is_on_the_first_page_and_decides_its_claims(shelf):
    labs(shelf)
    for seed in (1, 2):
        for scheme, insn in {"hostnetwork": 1.12, "calico": 1.53, "ovs": 1.35}.items():
            datapath = "system" if scheme == "ovs" else None
            shelf.count(scheme, insn, seed=seed, suite="s", ovs_datapath=datapath)
    runs = load_runs(shelf.folder)
    own = runs[~completing(runs)]
    other = completing_of(runs, own)
    alone, text = told(own), told(own, other)
    assert "no Open vSwitch" not in alone
    assert re.search(r"no Open vSwitch\. Counted in a guest .*: ovs 17\.0 %", text)
    assert "3 cannot" not in text and sections.claims(own, other).text.count("†") == 3
    (last,) = [line.strip() for line in losses(runs) if "claims" in line]
    assert last in text
    heads = [line for line in losses(runs) if line.startswith("NIC")]
    assert heads == ["NIC virtio, MTU 1500", "NIC virtio, MTU 1500, bed counted"]
    (counted,) = sittings(other)
    assert "Html(" not in sections.completed(*counted).text
    assert sections.title(runs).text.count("CPUs, Linux") == 1  # the guest's stands in its part


def test_open_vswitch_of_one_seed_has_no_spread(shelf):
    labs(shelf)
    for scheme, insn in {"hostnetwork": 1.12, "ovs": 1.35}.items():
        datapath = "system" if scheme == "ovs" else None
        shelf.count(scheme, insn, suite="s", ovs_datapath=datapath)
    runs = load_runs(shelf.folder)
    own = runs[~completing(runs)]
    other = completing_of(runs, own)
    assert "same instructions carry: ovs 17.0 %. " in told(own, other)
    assert "It is of 1 seed, so it has no spread." in sections.claims(own, other).text


def test_what_a_tunnel_loses_over_better_nics_is_cited_if_the_report_has_it():
    runs = load_runs(ROOT / "data/reference")
    slow = next(sittings(runs))[1]
    assert slow["nic"].eq("virtio").all()
    cited = told(slow, NO_RUNS, runs)
    assert re.search(
        r"With NICs that can \( offload \): flannel-vxlan [\d.]+ % \([^)]+\), canal ", cited
    )
    assert "With one that can, a tunnel loses less: measure it" in told(slow)

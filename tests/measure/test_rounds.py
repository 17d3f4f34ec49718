"""What a suite does with its rounds: their order, what is repeated, and when enough is known."""

import itertools
from collections import Counter
from types import SimpleNamespace

import pytest
from world import World, planned

from cniperf import sections
from cniperf.measure import rounds as module
from cniperf.measure.budget import REPORT_SECONDS
from cniperf.measure.kernels import Kernels
from cniperf.measure.progress import Headway, Outcome, label
from cniperf.measure.rounds import order
from cniperf.measure.suite import new_suite, scheme_cells
from cniperf.measure.sweep import sweep_cells
from cniperf.params import Experiment
from cniperf.runs import load_runs

# ── the order ─────────────────────────────────────────────────────────────────────────────────


def test_a_round_has_every_cell_and_a_seed_gives_the_same_order_again(tmp_path):
    suite, other = planned(tmp_path), planned(tmp_path, seed=2)
    rounds = [order(suite, number) for number in range(1, 51)]
    assert rounds == [order(suite, number) for number in range(1, 51)]
    assert rounds != [order(other, number) for number in range(1, 51)]
    for cells in rounds:
        assert Counter(map(label, cells)) == {"hostnetwork": 2, "macvlan": 1, "calico": 1}
    assert len({label(cells[0]) for cells in rounds}) == 3  # nobody is always first


def test_progress_says_what_is_known_and_how_long_it_takes():
    assert str(Outcome({"scheme": "calico"}, 2, 9, 24, "22.50 Gbit/s", flags="trend")) == (
        "round 2 ·  9/24 · calico         22.50 Gbit/s   look: trend"
    )
    assert str(Outcome({"scheme": "x", "nic": "plain"}, 1, 1, 2, "", "no way")).endswith(
        "x nic=plain    failed: no way"
    )
    assert str(Headway(8, "calico", 0.021, 0.01, 95.0)) == (
        "── 8 rounds · least precise: calico, ±2.1 points · target: ±1.0 · about 1 min 35 s left"
    )


# ── rounds, with runs made up: what a suite does with them ────────────────────────────────────


@pytest.fixture
def world(monkeypatch, tmp_path):
    return World(monkeypatch, tmp_path)


def test_it_stops_at_the_cap_of_rounds(world, tmp_path):
    reason, rounds = world.run(planned(tmp_path, rounds=3))
    assert reason == "the cap of 3 rounds" and rounds.good() == 3
    assert len(world.measured) == 12


def test_it_stops_when_it_knows_enough_and_not_before_six_rounds(world, tmp_path):
    reason, rounds = world.run(planned(tmp_path, target=0.01, rounds=50))
    assert reason == "the target: every loss is precise to ±1 points" and rounds.good() == 6
    assert world.said[-1].scheme and world.said[-1].half_width <= 0.01


def test_noise_makes_it_go_on(world, tmp_path):
    world.gbps["calico"] = lambda number: 10.0 + 5 * (number % 4)
    reason, _ = world.run(planned(tmp_path, target=0.01, rounds=12))
    assert reason == "the cap of 12 rounds"


def test_it_stops_before_the_budget_is_spent(world, tmp_path, monkeypatch):
    clock = iter(range(0, 10**6, 5))  # each look at the clock takes five seconds
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    reason, rounds = world.run(planned(tmp_path, budget=150.0, rounds=50))
    assert reason == "the budget of 2 min 30 s" and 1 <= rounds.good() < 50


def test_one_slow_run_does_not_end_it_early(world, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    fails = world.fails

    def ticks(scheme, number, times):
        now[0] += 60.0 if len(world.measured) == 1 else 5.0  # the first one builds its guest
        return fails(scheme, number, times)

    world.fails = ticks
    _, rounds = world.run(planned(tmp_path, budget=400.0, rounds=50))
    assert rounds.good() >= 10 and now[0] + REPORT_SECONDS <= 400.0


def test_a_round_that_a_failure_broke_is_repeated(world, tmp_path):
    world.fails = lambda scheme, number, times: (scheme, number) == ("calico", 2)
    reason, rounds = world.run(planned(tmp_path, rounds=3))
    assert reason == "the cap of 3 rounds" and rounds.good() == 3
    assert {number for number, *_ in world.measured} == {1, 2, 3, 4}
    assert any("round 2 is dropped: calico failed" in str(line) for line in world.said)


def test_a_scheme_that_never_works_is_given_up_and_does_not_break_rounds(world, tmp_path):
    world.fails = lambda scheme, number, times: scheme == "calico"
    reason, rounds = world.run(planned(tmp_path, rounds=4))
    assert reason == "the cap of 4 rounds" and rounds.good() == 4
    assert Counter(scheme for _, scheme, _ in world.measured)["calico"] == 2


GUEST = {"bed": "counted", "design": "separate", "duration": 1, "omit": 0}
COMPLETED = [*scheme_cells(["hostnetwork", "macvlan", "calico"]),
             *({"scheme": name, **GUEST} for name in ("hostnetwork", "ovs"))]  # fmt: skip


def test_a_guest_that_completes_a_suite_comes_first_and_has_its_seeds(world, tmp_path):
    world.gbps["ovs"] = lambda number: 15.0
    reason, rounds = world.run(planned(tmp_path, COMPLETED, rounds=4))
    assert reason == "the cap of 4 rounds" and rounds.good() == 4
    runs = load_runs(world.data)
    assert runs.groupby(["bed", "scheme"])["round"].nunique().to_dict() == {
        ("counted", "hostnetwork"): 2, ("counted", "ovs"): 2,
        ("lab", "calico"): 4, ("lab", "hostnetwork"): 4, ("lab", "macvlan"): 4,
    }  # fmt: skip
    assert world.beds == ["counted"] * 4 + ["lab"] * 4 * 4
    counted = [number for number, *_ in world.measured[:4]]
    assert counted == [1, 2, 1, 2], "one guest measures both rounds"
    told = [(line.round, line.cell["scheme"]) for line in world.said[:4]]
    assert sorted(told) == [(n, name) for n in (1, 2) for name in ("hostnetwork", "ovs")]
    assert not any("dropped" in str(line) for line in world.said)


def test_guests_that_complete_a_suite_queue_up_for_its_kernels(world, tmp_path):
    world.gbps["ovs"] = lambda number: 15.0
    together, one_by_one = [], Kernels()

    def watched(tasks):
        together.append([task.args[1].get("bed", "lab") for task in tasks])
        return one_by_one.together(tasks)

    world.run(planned(tmp_path, COMPLETED, rounds=2), SimpleNamespace(together=watched))
    assert together == [["counted"] * 2, *[["lab"]] * 8]


def test_what_a_guest_left_out_is_measured_in_another_one(world, tmp_path):
    world.gbps["ovs"] = lambda number: 15.0
    world.fails = lambda scheme, number, times: (scheme, number, times) == ("ovs", 2, 0)
    _, rounds = world.run(planned(tmp_path, COMPLETED, rounds=3))
    assert rounds.good() == 3
    runs = load_runs(world.data)
    assert sorted(runs.loc[runs["scheme"].eq("ovs"), "round"]) == [1, 2]
    assert [n for n, scheme, *_ in world.measured if scheme == "ovs"] == [1, 2, 2]


def test_a_suite_of_guests_that_count_has_all_rounds_of_a_scheme_in_one(world, tmp_path):
    cells = [{"scheme": "hostnetwork"}, {"scheme": "calico"}]
    suite = new_suite(Experiment.of(bed="counted"), cells, target=0.0, rounds=3, seed=1)
    reason, rounds = world.run(suite)
    assert reason == "the cap of 3 rounds" and rounds.good() == 3
    assert [number for number, *_ in world.measured] == [1, 2, 3] * 2


def test_a_guest_that_cannot_complete_a_suite_breaks_no_round(world, tmp_path):
    world.fails = lambda scheme, number, times: world.beds[-1] == "counted"
    reason, rounds = world.run(planned(tmp_path, COMPLETED, rounds=3))
    assert reason == "the cap of 3 rounds" and rounds.good() == 3
    runs = load_runs(world.data)
    assert runs[runs["status"].ne("ok")].groupby(["bed", "scheme"]).size().to_dict() == {
        ("counted", "hostnetwork"): 2, ("counted", "ovs"): 2}  # fmt: skip


def test_how_well_a_loss_is_known_is_asked_of_the_suites_own_bed(world, tmp_path):
    world.gbps["ovs"] = lambda number: 15.0 + number
    reason, rounds = world.run(planned(tmp_path, COMPLETED, target=0.01, rounds=50))
    assert reason == "the target: every loss is precise to ±1 points" and rounds.good() == 6


def test_nothing_that_works_ends_it(world, tmp_path):
    world.fails = lambda scheme, number, times: True
    assert world.run(planned(tmp_path))[0] == "failure: nothing here can be measured"


def test_rounds_that_always_break_end_it(world, tmp_path):
    world.fails = lambda scheme, number, times: scheme == "calico" and number > 1
    reason, _ = world.run(planned(tmp_path, rounds=3))
    assert reason == "failure: too many rounds were broken"


@pytest.mark.parametrize("after", range(1, 12))
def test_resumed_it_measures_just_what_was_missing(world, tmp_path, after):
    class Cut(BaseException):
        pass

    def cut(scheme, number, times):
        if len(world.measured) > after:
            raise Cut

    suite = planned(tmp_path, rounds=3)
    world.fails = cut
    with pytest.raises(Cut):
        world.run(suite)
    before = set(load_runs(world.data)["run"])
    assert len(before) == after
    world.fails = lambda *_: False
    assert world.run(suite)[0] == "the cap of 3 rounds"
    runs = load_runs(world.data)
    assert list(runs["error"].unique()) == [""]
    assert before < set(runs["run"]) and len(runs) == 12
    assert runs.groupby(["round", "scheme"]).size().to_dict() == {
        (number, scheme): 2 if scheme == "hostnetwork" else 1
        for number in (1, 2, 3)
        for scheme in ("hostnetwork", "macvlan", "calico")
    }


def test_a_round_waits_while_the_hosts_cpus_lie_elsewhere(world, tmp_path):
    """Two spells of a hypervisor's placement, changing within a run now and then."""
    looks = itertools.count()
    world.lie = lambda: 1.5 if next(looks) // 14 % 3 else 4.7
    reason, rounds = world.run(planned(tmp_path, rounds=6))
    runs = load_runs(world.data)
    assert reason == "the cap of 6 rounds" and rounds.good() == 6
    assert set(runs["cache"]) == {"shared", "apart", "moved"}
    settled = runs[runs["cache"].ne("moved")]
    counts = settled.groupby(["cache", "round"]).size()
    assert (counts == 4).sum() >= 6  # whole rounds
    assert settled.groupby("round")["cache"].nunique().max() <= 2
    whole = settled.groupby("round").filter(lambda part: len(part) == 4)
    assert whole.groupby("round")["cache"].nunique().eq(1).all()


def test_interleaved_rounds_lie_in_two_placements_and_hostnetwork_runs_once(world, tmp_path):
    """Each run has a hostnetwork of its own; only one that was moved meanwhile is repeated."""
    looks = itertools.count()
    world.lie = lambda: 1.5 if next(looks) // 3 % 2 else 4.7
    cells = scheme_cells(["hostnetwork", "macvlan", "calico"], design="interleaved")
    suite = new_suite(Experiment.of(), cells, seed=1, target=0.0, rounds=6)
    reason, rounds = world.run(suite)
    runs = load_runs(world.data)
    assert reason == "the cap of 6 rounds" and rounds.good() == 6
    assert set(runs["cache"]) == {"shared", "apart", "moved"}
    settled = runs[runs["cache"].ne("moved")]
    assert settled.groupby(["round", "scheme"]).size().eq(1).all()
    assert settled.groupby("round")["cache"].nunique().max() == 2


def in_turns(schemes=("hostnetwork", "macvlan", "calico"), **settings):
    cells = scheme_cells(schemes, design="interleaved")
    return new_suite(Experiment.of(), cells, **{"seed": 1, "target": 0.01, "rounds": 30} | settings)


def test_a_scheme_whose_loss_is_known_leaves_its_time_to_the_others(world):
    """calico's labs differ by 5 %, macvlan's by next to nothing."""
    world.gbps["calico"] = lambda n: 15.0 + 0.8 * (n % 2)
    reason, rounds = world.run(in_turns())
    measured = Counter(scheme for _, scheme, _ in world.measured)
    assert reason == "the target: every loss is precise to ±1 points"
    assert measured["macvlan"] == 6 < 10 < measured["calico"] == measured["hostnetwork"]
    assert rounds.good() == measured["calico"]


def test_a_suite_of_turns_spends_its_budget_to_the_last_run(world, monkeypatch):
    """Its time goes run by run: a run counts without the rest of its round."""
    monkeypatch.setattr(module.time, "monotonic", lambda: float(10 * len(world.measured)))
    reason, rounds = world.run(in_turns(target=0.0, budget=100 + REPORT_SECONDS))
    assert reason.startswith("the budget") and len(world.measured) == 10
    assert rounds.good() == 3  # and one run of a fourth


def test_the_end_of_a_budget_goes_to_the_loss_that_is_known_least(world, monkeypatch):
    """The fourth round has two runs, by chance of any scheme: calico's labs differ most."""
    monkeypatch.setattr(module.time, "monotonic", lambda: float(10 * len(world.measured)))
    schemes = ("hostnetwork", "macvlan", "calico", "canal")
    world.gbps["canal"] = lambda n: 4.0 + 0.1 * (n % 3)
    for seed in range(4):
        world.measured.clear()
        world.gbps["calico"] = lambda n: 15.0 + (n % 3)
        world.run(in_turns(schemes, target=0.0, budget=140 + REPORT_SECONDS, seed=seed))
        assert [scheme for number, scheme, _ in world.measured if number == 4] == [
            "calico",
            "canal",
        ]


def test_cpus_that_never_rest_do_not_hold_a_suite_up(world, tmp_path):
    looks = itertools.count()
    world.lie = lambda: (1.5, 4.7)[next(looks) % 2]
    assert world.run(planned(tmp_path, rounds=1))[0] == "failure: too many rounds were broken"
    assert Counter(world.measured).most_common(1)[0][1] <= 2 * 3  # hostnetwork is twice a round


def test_a_sweep_cut_short_and_resumed_has_every_point_once(world, tmp_path):
    class Cut(BaseException):
        pass

    def cut(*_):
        if len(world.measured) > 10:
            raise Cut

    vary = {"mtu": [1450, 1500, 4000, 9000], "streams": [1, 2, 4]}
    base = Experiment.of(duration=1, omit=0, design="separate")
    suite = new_suite(base, sweep_cells(base, ["calico"], vary), target=0, rounds=1, seed=1,
                      vary=list(vary))  # fmt: skip
    world.fails = cut
    with pytest.raises(Cut):
        world.run(suite)
    suite.save(world.data)
    world.fails = lambda *_: False
    assert world.run(suite)[0] == "the cap of 1 rounds"
    runs = load_runs(world.data)
    counts = runs.groupby(["mtu", "streams", "scheme"]).size()
    assert len(counts) == 4 * 3 * 2
    assert counts.pop((1450, 1, "hostnetwork")) == 2  # the A/A control
    assert set(counts) == {1}
    (swept,), rest = sections.sweeps(runs)
    assert rest.empty and "at 12 points" in sections.swept(swept).text


def test_cells_that_differ_in_more_than_the_scheme_are_told_apart(world, tmp_path):
    cells = [{"scheme": "hostnetwork", "nic": nic} for nic in ("virtio", "offload")]
    _, rounds = world.run(planned(tmp_path, cells=cells, rounds=2))
    assert rounds.good() == 2
    assert Counter(nic for *_, nic in world.measured) == {"virtio": 2, "offload": 2}


def test_pairs_at_once_share_no_host_and_none_is_measured_twice(world, tmp_path):
    pairs = ["a,b", "c,d", "a,c", "b,d"]
    base = Experiment.of(bed="ssh", hosts=tmp_path / "hosts.yaml", duration=1, omit=0)
    suite = new_suite(base, scheme_cells(["hostnetwork", "calico"], pairs), target=0, rounds=2,
                      seed=1, at_once=2)  # fmt: skip
    world.lie = lambda: None  # the CPUs of two machines share no cache
    together, one_by_one = [], Kernels()

    def watched(tasks):
        together.append([task.args[1]["between"].split(",") for task in tasks])
        return one_by_one.together(tasks)

    assert world.run(suite, SimpleNamespace(together=watched))[0] == "the cap of 2 rounds"
    runs = load_runs(world.data)
    assert set(runs.groupby(["round", "between", "scheme"]).size().to_dict().values()) == {1, 2}
    assert len(runs) == 2 * 4 * 3
    for hosts in together:
        assert len({name for pair in hosts for name in pair}) == 2 * len(hosts) <= 4
    assert len(together) <= 2 * (4 * 3 / 2 + 2)  # nearly always two at once

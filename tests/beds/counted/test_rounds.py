"""How the loads of one guest become runs; the guest's answer is made up."""

import json

import pytest
from iperf3_said import part, said, whole

from cniperf.beds.counted import rounds as module
from cniperf.beds.counted.guest import FailedInside, Told
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.runs import load_raw, load_runs

EVIDENCE = {"scheme": "calico", "problem": ""}


def load(gbps):
    """What a guest reports of a load of a second."""
    sent, received = whole(gbps, retransmits=0, sender=True), whole(gbps, sender=True)
    result = said(
        intervals=[{"sum": part(0, 0.5, gbps)}, {"sum": part(0.5, 1.0, gbps)}],
        streams=[{"sender": sent, "receiver": received}], sum_sent=sent, sum_received=received,
    )  # fmt: skip
    return {"used": 1.0, "files": {"iperf3-client.json": json.dumps(result)}}


@pytest.fixture
def guest(monkeypatch, tmp_path):
    """Stands for a guest that boots: what it is to report, and how often it was booted."""

    class Guest:
        booted, loads, error = 0, [load(8), load(4)], None

        def __enter__(self):
            return self

        def __exit__(self, *problem):
            pass

        def measure(self, asked, tell):
            Guest.booted += 1
            found = {"loads": Guest.loads[: asked.numbers[-1]], "scripts": {"a": "ip a\n"},
                     "evidence": EVIDENCE, "pod_mtu": 1500}  # fmt: skip
            if Guest.error:
                found["error"] = Guest.error
            facts = {"bed": "counted", "meter": "instructions", "accelerator": "tcg"}
            known = {"kernel": "6.1", "cpu": "x", "cpus": 1, "versions": {"iperf3": "3.12"}}
            return Told(known, facts, found)

    monkeypatch.setattr(module, "Counting", Guest)
    monkeypatch.setenv("CNIPERF_STATE_DIR", str(tmp_path / "state"))
    kind = "cniperf.beds.counted.CountedKind"
    monkeypatch.setattr(f"{kind}.check", lambda *_: None)
    monkeypatch.setattr(f"{kind}.prepare", lambda *_: None)
    monkeypatch.setattr(
        "cniperf.measure.run.with_namespaces", lambda work, *a, tell: work(*a, tell)
    )
    return Guest


def measured(tmp_path, **more):
    told, data = [], tmp_path / "data"
    asked = Experiment.of(scheme="calico", bed="counted", data_dir=data, **more)
    run(asked, lambda moment: told.append(str(moment)))
    return load_runs(data).sort_values("round"), told


def test_each_load_of_one_guest_is_a_run_of_its_own(guest, tmp_path):
    found, told = measured(tmp_path, rounds=2)
    assert guest.booted == 1 and sum("booting a guest" in line for line in told) == 1
    assert found["insn_per_byte"].tolist() == [1.0, 2.0]
    assert found["round"].tolist() == found["seed"].tolist() == [1, 2]
    raw = [json.loads(load_raw(path)["iperf3-client.json"]) for path in found["path"]]
    assert [each["end"]["sum_sent"]["bits_per_second"] / 1e9 for each in raw] == [8, 4]


def test_a_later_round_is_the_same_load_as_after_the_first(guest, tmp_path):
    """A suite that goes on with its second round boots a guest that measures the first, too."""
    found, _ = measured(tmp_path, first_round=2, rounds=1)
    assert found[["round", "seed", "insn_per_byte"]].to_numpy().tolist() == [[2, 2, 2.0]]


def test_a_load_that_failed_leaves_those_before_it(guest, tmp_path):
    guest.loads, guest.error = [load(8)], "iperf3 gave no result"
    with pytest.raises(FailedInside, match="iperf3 gave no result"):
        measured(tmp_path, rounds=2)
    found = load_runs(tmp_path / "data").sort_values("round")
    assert found["status"].tolist() == ["ok", "failed"] and found["round"].tolist() == [1, 2]

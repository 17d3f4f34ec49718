"""A run in guests, whole, as anybody starts it."""

import json
import os

import pytest
from conftest import cannot_here

from cniperf.beds.bottle import qemu
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.runs import load_evidence, load_runs

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(300)]


def test_a_run_records_what_it_was_made_in(tmp_path):
    if gone := qemu.missing():
        cannot_here(f"no guests without {', '.join(gone)}")
    (folder,) = run(
        Experiment.of(scheme="canal", bed="vm", duration=1, omit=0, data_dir=tmp_path),
        lambda moment: None,
    )
    record = json.loads((folder / "run.json").read_text())
    assert record["bed"]["accelerator"] in ("tcg", "kvm")
    assert record["bed"]["meter"] in ("instructions", "clock")
    assert record["environment"]["versions"]["qemu"] == qemu.version()
    assert record["environment"]["kernel"] != os.uname().release
    assert load_evidence(folder)["problem"] == ""
    assert {hop["place"] for hop in load_evidence(folder)["hops"]} >= {"pod-a", "a", "wire", "b"}
    assert load_runs(tmp_path).iloc[0]["status"] == "ok"

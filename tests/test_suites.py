"""The command that a suite is repeated by is one that the command line takes, and means the same."""

import shlex

import pytest
from typer.testing import CliRunner

from cniperf.analysis.factors import factorial_cells
from cniperf.cli.verbs import app
from cniperf.measure.suite import new_suite, scheme_cells
from cniperf.measure.sweep import sweep_cells
from cniperf.params import Experiment

BASE = Experiment.of(duration=1, nic="offload", udpcsum=True)
SCHEMES = ["macvlan", "calico"]
TURNS = scheme_cells(SCHEMES, design="interleaved")
VARY = {"mtu": ["1450", "9000"], "streams": ["1", "4"]}
SUITES = {
    "suite": new_suite(BASE, TURNS, seed=7, rounds=12, target=0.02, budget=300),
    "separate": new_suite(Experiment.of(design="separate"), scheme_cells(SCHEMES), seed=6),
    "rr": new_suite(Experiment.of(mode="rr", duration=2), scheme_cells(SCHEMES), seed=8),
    "sweep": new_suite(BASE, sweep_cells(BASE, SCHEMES, VARY), vary=list(VARY), seed=9),
    "one at a time": new_suite(
        BASE, sweep_cells(BASE, SCHEMES, VARY, one_at_a_time=True), vary=list(VARY), seed=9
    ),
}


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_it_lays_out_the_same_suite(suite, monkeypatch):
    laid_out = []
    monkeypatch.setattr(
        "cniperf.cli.measure._measured", lambda planned, *_: laid_out.append(planned)
    )
    done = CliRunner().invoke(app, shlex.split(suite.command())[1:])
    assert done.exit_code == 0, done.output
    for same in ("seed", "cells", "params", "vary", "target", "rounds", "budget"):
        assert getattr(laid_out[0], same) == getattr(suite, same), same


def test_the_experiment_about_vxlan_is_repeated_by_its_notebook():
    suite = new_suite(BASE, factorial_cells(), seed=5, rounds=10)
    assert suite.command().startswith("papermill why_vxlan.ipynb out.ipynb -p rounds 10")

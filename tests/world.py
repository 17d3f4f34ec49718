"""Suites whose rounds are not measured: each run has the figure that a test chose."""

import math

from cniperf.draft import Draft
from cniperf.measure import rounds as module
from cniperf.measure.kernels import Kernels
from cniperf.measure.rounds import Rounds
from cniperf.measure.suite import new_suite, scheme_cells
from cniperf.notebook import NotebookFailed
from cniperf.params import Experiment

THREE = scheme_cells(["hostnetwork", "macvlan", "calico"])


def planned(tmp_path, cells=THREE, **settings):
    settings = {"seed": 1, "target": 0.0, "rounds": 8, **settings}
    return new_suite(Experiment.of(duration=1, omit=0, design="separate"), cells, **settings)


class World:
    """Stands for the notebook that measures: leaves a run of a figure that the test chose."""

    def __init__(self, monkeypatch, tmp_path):
        self.data, self.gbps, self.measured, self.beds = tmp_path / "data", {}, [], []
        self.fails = lambda scheme, number, times: False
        self.lie = lambda: 1.5  # how the hosts' CPUs lie to each other, looked at now
        monkeypatch.setattr(module, "execute", self.execute)
        monkeypatch.setattr(module, "handover", lambda *_: self.lie())

    def execute(self, notebook, output, params, kernel):
        for number in range(params["first_round"], params["first_round"] + params["rounds"]):
            self.measure(params, number)

    def measure(self, params, number):
        scheme = params["scheme"]
        times = [m[:2] for m in self.measured].count((number, scheme))
        self.measured.append((number, scheme, params["nic"]))
        self.beds.append(params["bed"])
        if self.fails(scheme, number, times):
            raise NotebookFailed(f"{scheme} would not")
        figure = self.gbps.get(scheme, lambda n: 20.0 + 0.01 * (n % 3))(number)
        bed = {"bed": params["bed"]}
        summary = {"gbps": figure, "handover": [self.lie(), self.lie()], "base": 20.0,
                   "log_ratio": math.log(figure / 20)}  # fmt: skip
        if params["bed"] == "counted":
            bed |= {"meter": "instructions", "accelerator": "tcg", "seed": number}
            summary = {"insn_per_byte": 20 / figure}
        with Draft(self.data, scheme) as draft:
            draft.finish(
                {"suite": params["suite"], "round": number, "params": params, "status": "ok",
                 "started": "2026-01-02T03:04:05+00:00", "bed": bed,
                 "scheme": {"name": scheme, "order": 10},
                 "summary": summary,
                 "environment": {"kernel": "6", "cpu": "x", "cpus": 2,
                                 "versions": {"iperf3": "3"}}}
            )  # fmt: skip

    def run(self, suite, kernels=None):
        self.data.mkdir(exist_ok=True)
        self.said = []
        rounds = Rounds(suite, self.data, self.data, kernels or Kernels(), self.said.append)
        return rounds.run(), rounds

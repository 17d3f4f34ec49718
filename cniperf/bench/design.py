"""Is the interleaved design true? Labs with a known answer, measured beside each other."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from cniperf.analysis.interval import estimate
from cniperf.beds import open_bed
from cniperf.beds.lock import machine_lock
from cniperf.measure.run import run
from cniperf.measure.turns import Turns, pods
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.runs import load_runs
from cniperf.schemes import BASELINE

SCHEMES = ("macvlan", "calico", "flannel-hostgw", "flannel-vxlan", "canal")
SLICES = (0.02, 0.1, 0.2, 0.4)

# Slower than the CPUs of any machine of today, so that nothing but the wire decides, and a few labs
# show the design's own errors.
EQUAL = {"bare-b": "1000mbit", "port-b": "1000mbit"}
SLOWER = {"bare-b": "1000mbit", "port-b": "900mbit"}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One kind of lab whose answer is known, or that others must agree with.

    Attributes:
        name: for people.
        expects: what it must find, as a loss in points; None where another trial decides.
        within: how far off its estimate may be, in points.
        like: name of the trial that it must agree with.
        parameters: of the experiment.
        wires: rate of the wire's ports towards host b, as ``tc`` has it.
        burst: bytes that they let pass at once.
        stall: see :class:`cniperf.measure.turns.Turns`.
        itself: the scheme's first pair of pods against its second one.
    """

    name: str
    expects: float | None = None
    within: float = 0.0
    like: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    wires: Mapping[str, str] = field(default_factory=dict)
    burst: str = "128k"
    stall: Mapping[str, float] = field(default_factory=dict)
    itself: bool = False


def trials() -> list[Trial]:
    """Return all trials."""
    pairs = {"scheme": "calico", "pairs": 2}
    return [
        Trial(name="hostnetwork against itself", expects=0),
        Trial(name="calico against itself", expects=0, itself=True, parameters=pairs),
        Trial(name="hostnetwork against itself, 1 Gbit/s", expects=0, within=0.3, wires=EQUAL),
        Trial(name="calico against itself, 1 Gbit/s", expects=0, within=0.3, itself=True,
              wires=EQUAL, parameters=pairs),
        # Little is under way when it is stopped, and nothing is made up for afterwards.
        Trial(name="a sender stopped for 5 % of each slice", expects=5, within=0.5, wires=EQUAL,
              burst="20k", stall={"scheme": 0.05},
              parameters={"window": "16K", "slice": 0.2, "duration": 8}),
        Trial(name="a wire of 0.9 of hostnetwork's rate", expects=10, within=0.7, wires=SLOWER),
        *(Trial(name=f"calico, slices of {slice} s", within=1.0,
                like="" if slice == SLICES[0] else f"calico, slices of {SLICES[0]} s",
                parameters={"scheme": "calico", "slice": slice}) for slice in SLICES),
        *(Trial(name=f"{scheme}, interleaved", parameters={"scheme": scheme})
          for scheme in SCHEMES),
        *(Trial(name=f"{scheme}, separate", like=f"{scheme}, interleaved",
                parameters={"scheme": scheme, "design": "separate", "duration": 1})
          for scheme in SCHEMES),
    ]  # fmt: skip


def measure(labs: int, tell: Callable[[str], None] = print) -> pd.DataFrame:
    """Measure every trial in so many labs, in random order, so that all saw the same machine.

    Returns:
        A row a lab: ``trial`` and ``log_ratio``.
    """
    rows = []
    for number in range(1, labs + 1):
        for trial in random.sample(trials(), len(trials())):
            rows.append({"trial": trial.name, "log_ratio": _lab(trial)})
        tell(f"round {number} of {labs}")
    return pd.DataFrame(rows)


def summary(labs: pd.DataFrame) -> pd.DataFrame:
    """Return what the trials found, in points of loss, a row each in their order.

    Args:
        labs: what :func:`measure` returns.
    """
    rows = []
    for trial in trials():
        own = labs.loc[labs["trial"].eq(trial.name), "log_ratio"]
        found = estimate(own.to_numpy()).as_change()
        expects = trial.expects
        if trial.like:
            like = labs.loc[labs["trial"].eq(trial.like), "log_ratio"]
            expects = -100 * estimate(like.to_numpy()).as_change().middle
        rows.append({"trial": trial.name, "labs": len(own), "loss": -100 * found.middle,
                     "low": -100 * found.high, "high": -100 * found.low, "expected": expects,
                     "within": trial.within or None})  # fmt: skip
    return pd.DataFrame(rows)


def _lab(trial: Trial) -> float:
    """Return the logarithm of the ratio that one lab finds."""
    asked = Experiment.of(**{"scheme": BASELINE, **trial.parameters})
    with TemporaryDirectory() as folder:
        if asked.design == "separate":
            return _separate(asked, Path(folder))
        with machine_lock("cniperf, trying its own design"), open_bed(asked) as bed:
            plan = make_plan(asked.scheme, *bed.hosts)
            bed.apply(plan)
            for port, rate in trial.wires.items():
                bed.command("wire", ["tc", "qdisc", "add", "dev", port, "root", "tbf", "rate", rate,
                                     "burst", trial.burst, "latency", "4ms"])  # fmt: skip
            between = pods(plan) if trial.itself else ()
            load = Turns(bed, plan, asked.traffic, asked.slice, Path(folder), trial.stall, between)
            return float(load.run(lambda text: None)["log_ratio"])


def _separate(asked: Experiment, folder: Path) -> float:
    """Return it from a run of the scheme and one of hostnetwork, in random order."""
    import numpy as np

    for scheme in random.sample([asked.scheme, BASELINE], 2):
        own = asked.model_copy(update={"scheme": scheme, "data_dir": folder})
        run(own, lambda moment: None)
    figures = load_runs(folder).set_index("scheme")["gbps"]
    return float(np.log(figures[asked.scheme] / figures[BASELINE]))

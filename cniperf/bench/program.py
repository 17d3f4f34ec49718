"""The time and memory of the program itself: suite, report, reading, starting."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cniperf import files, stop
from cniperf.beds.command import run
from cniperf.bench.repeats import PAIRS, timed
from cniperf.measure.suite import new_suite, run_suite, scheme_cells
from cniperf.params import Experiment
from cniperf.report import make_report
from cniperf.runs import default_data_dir, run_folders
from cniperf.schemes import ARTICLE, find

MANY = 100_000
LONG = 600.0  # seconds that reading them may take


def suite_overhead() -> tuple[float, ...]:
    """Return the share of a round of all schemes that is no load, in %; without the report.

    Where the hypervisor moves the hosts' CPUs runs are repeated: each of them was a load.
    """
    experiment = Experiment.of(duration=10, omit=1)
    with TemporaryDirectory() as folder:
        cells = scheme_cells(list(ARTICLE))
        suite = new_suite(experiment, cells, target=0, rounds=1)
        took = timed(
            lambda: run_suite(suite, data_dir=folder, out_dir=Path(folder), tell=lambda line: None,
                              report=False)
        )  # fmt: skip
        loads = len(run_folders(folder))
    return (100 * (1 - loads * (experiment.duration + experiment.omit) / took),)


def report_seconds() -> tuple[float, ...]:
    """Time the way from the reference runs to HTML and PDF."""
    with TemporaryDirectory() as folder:
        return tuple(
            timed(lambda: make_report(default_data_dir() / "reference", folder)) for _ in range(3)
        )


def many_runs() -> tuple[float, float]:
    """Return the seconds and the GiB that a fresh process takes to read and analyse many runs."""
    like = run_folders(default_data_dir() / "reference")[0]
    with TemporaryDirectory() as folder:
        _generate(Path(folder), files.read_json(like / "run.json"))
        os.sync()  # writing them to disk is no part of reading them
        said = run([sys.executable, "-c", ANALYSE, folder], timeout=LONG)
    took, memory = map(float, said.split())
    return took, memory


ANALYSE = """
import resource, sys, time
start = time.perf_counter()
import cniperf
from cniperf.analysis import claims, flags, groups, loss
for _, group in loss.sittings(cniperf.load_runs(sys.argv[1])):
    loss.loss_table(group), claims.claims_table(group), groups.groups(group)
    flags.flag_table(group)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def _generate(folder: Path, like: dict[str, Any]) -> None:
    """Write many runs: copies of one, with made-up throughput, in suites of fifty rounds."""
    dice = random.Random(1)
    schemes = list(map(find, ARTICLE))
    for number in range(MANY):
        stop.look()
        scheme = schemes[number % len(schemes)]
        block = number // len(schemes)
        like |= {"id": f"{number:08d}-{scheme.name}", "status": "ok"}
        like |= {"suite": f"generated-{block // 50}", "round": 1 + block % 50}
        like["scheme"] |= {"name": scheme.name, "order": scheme.order}
        like["summary"]["gbps"] = 20 / scheme.order * dice.lognormvariate(0, 0.03)
        run = folder / str(like["id"])
        run.mkdir()
        (run / "run.json").write_text(json.dumps(like, indent=1), encoding="utf-8")


def seconds(*arguments: str) -> tuple[float, ...]:
    """Time a fresh interpreter with these arguments, after one that warms the caches."""
    argv = [sys.executable, *arguments]
    return tuple(
        timed(lambda: subprocess.run(argv, check=True, stdout=subprocess.DEVNULL))
        for _ in range(PAIRS + 1)
    )[1:]

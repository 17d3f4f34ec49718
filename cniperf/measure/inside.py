"""What runs inside a guest whose clock counts instructions: the lab, once, from end to end.

``python -m cniperf.measure.inside JOB ANSWER`` reads what is asked from one file and writes
what came out to another. No process contacts the guest meanwhile: input from outside would come at
another instruction each time. What takes long to import and is only arithmetic stays outside.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cniperf import environment
from cniperf.beds import shell
from cniperf.beds.command import run
from cniperf.beds.lab.bed import Lab
from cniperf.errors import CniperfError
from cniperf.generators import Traffic
from cniperf.measure.evidence import PathNotProven, prove
from cniperf.measure.load import Load
from cniperf.plan import make_plan

FOLDER = Path("/tmp/run")


def measure(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Build the lab, wire, prove, load; return the report.

    Args:
        asked: ``scheme``, ``lab`` (as :class:`Lab` takes it), ``traffic`` and ``loads`` (how many).

    Returns:
        ``said`` (answers to :func:`cniperf.environment.questions`), ``scripts``, ``facts``,
        ``evidence``, ``pod_mtu``, ``loads`` (see :func:`_loaded`; fewer where one failed), and
        ``error`` where it failed.
    """
    said = run(["sh", "-c", shell.ask(environment.questions())])
    told: dict[str, Any] = {"said": said, "loads": []}
    lab = Lab(**asked["lab"], guarded=False)  # the guest ends with it
    try:
        with lab:
            _measure(lab, asked, told)
    except PathNotProven as problem:
        told |= {"error": str(problem), "evidence": problem.evidence.as_dict()}
    except CniperfError as problem:
        told["error"] = str(problem)
    return told


def _measure(lab: Lab, asked: Mapping[str, Any], told: dict[str, Any]) -> None:
    plan = make_plan(asked["scheme"], *lab.hosts)
    told["scripts"] = {side.host.name: side.script() for side in plan}
    lab.apply(plan)
    told["facts"] = lab.facts()
    evidence = prove(lab, plan)
    if evidence.problem:
        raise PathNotProven(evidence)
    told["evidence"] = evidence.as_dict()
    told["pod_mtu"] = lab.mtu(plan.a.host, plan.a.endpoint.netns, plan.a.endpoint.device)
    for number in range(1, asked["loads"] + 1):
        folder = FOLDER / str(number)
        folder.mkdir(parents=True)
        told["loads"].append(_loaded(Load(lab, plan, Traffic(**asked["traffic"]), folder)))


def _loaded(load: Load) -> dict[str, Any]:
    """Load once.

    Returns:
        ``used`` (CPU seconds a second of the guest's CPU while bytes flowed: less than 1 where it
        waited) and ``files`` (the generator's output, by name).
    """
    done = load.transfer(lambda seconds, gbps: None)
    (before, _began), (after, _ended) = done.watched
    (cpu,) = load.bed.cpus["a"]
    return {
        "used": after["a"].used(before["a"], [cpu]) / (after["a"].at - before["a"].at),
        "files": {file.name: file.read_text(encoding="utf-8")
                  for file in sorted(load.folder.iterdir())},
    }  # fmt: skip


def main(job: str, answer: str) -> None:
    """Do the job of one file and answer in another, as one line."""
    found = measure(json.loads(Path(job).read_text(encoding="utf-8")))
    Path(answer).write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What reaching hosts by SSH costs, guests among them."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from cniperf.beds.bed import Bed
from cniperf.beds.bottle.image import prepare
from cniperf.beds.ssh.bed import SshBed
from cniperf.beds.ssh.rehearsal import Rehearsal
from cniperf.beds.ssh.remote import Remote
from cniperf.beds.vm.bed import VmBed
from cniperf.bench.repeats import PAIRS, timed
from cniperf.inventory import read_inventory
from cniperf.measure.load import Load
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.runs import cache


def ssh_command(times: int = 40) -> tuple[float, ...]:
    """Return the milliseconds that single commands take over SSH, on an open connection."""
    with Rehearsal() as rehearsal:
        remote = Remote(read_inventory(rehearsal.hosts).pair()[0])
        remote.open()
        found = tuple(1000 * timed(lambda: remote.command(["true"])) for _ in range(times))
        remote.close()
    return found


def guests_ready() -> tuple[float, ...]:
    """Return the seconds that the two guests of bed vm take, once their image is made."""
    prepare(lambda text: None)
    found = []
    for _ in range(PAIRS):
        begin = time.perf_counter()
        with VmBed():
            found.append(time.perf_counter() - begin)
    return tuple(found)


def ssh_ratios() -> tuple[float, ...]:
    """Compare a scheme's load by bed ssh with one by the lab, on the same two hosts (ABBA)."""
    traffic = Experiment.of(scheme="calico", duration=2).traffic
    found: list[float] = []
    with Rehearsal() as rehearsal, TemporaryDirectory() as folder:
        lab, machines = rehearsal.lab, read_inventory(rehearsal.hosts).pair()

        def by(bed: Bed) -> float:
            plan = make_plan("calico", *bed.hosts)
            bed.apply(plan)
            found = Load(bed, plan, traffic, Path(folder)).run(lambda *_: None)
            bed.undo(plan)
            return float(found["gbps"])

        def by_ssh() -> float:
            with SshBed(machines) as bed:
                return by(bed)

        while len(found) < PAIRS:
            before = cache(lab.handover())
            a1, b1, b2, a2 = by_ssh(), by(lab), by(lab), by_ssh()
            if cache(lab.handover()) == before:
                found.append((a1 + a2) / (b1 + b2))
    return tuple(found)

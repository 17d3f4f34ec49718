"""A lab that stays up until ``cniperf down``, so that a user can look inside.

``cniperf up`` starts this module as its own process, which builds the lab, wires the scheme,
holds the machine, and waits; ``cniperf down`` ends it. What there is to see is written into the
lab's journal, where the other commands find it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cniperf import stop
from cniperf.beds import rootless
from cniperf.beds.journal import NETNS_DIR, Journal, journals, sweep_dead
from cniperf.beds.privilege import is_root
from cniperf.errors import Busy, CniperfError, NotAble, ParameterError, Stopped

if TYPE_CHECKING:
    from cniperf.beds.lab.bed import Lab
    from cniperf.params import Experiment
    from cniperf.plan import Plan

READY, STAY = "ready", "stay\n"
PATIENCE = 30.0  # seconds to go down


@dataclass(frozen=True)
class Standing:
    """A lab that is up.

    Attributes:
        lab: its id.
        pid: the process that keeps it.
        scheme: the scheme that is wired.
        places: namespace of ``pod-a``, ``a``, ``wire``, ``b``, ``pod-b``.
        devices: their devices.
        pods: the address of each host's endpoint.
        environ: variables for Open vSwitch's tools, by host; empty without it.
    """

    lab: str
    pid: int
    scheme: str
    places: dict[str, str]
    devices: dict[str, list[str]]
    pods: dict[str, str]
    environ: dict[str, dict[str, str]]

    def enter(self, place: str, argv: Sequence[str]) -> list[str]:
        """Return the command that runs another one at a place.

        Raises:
            ParameterError: there is no such place.
        """
        if place not in self.places:
            raise ParameterError(f"there is no place {place!r}: {', '.join(self.places)}")
        host = "b" if place.endswith("b") else "a"
        words = [f"{name}={value}" for name, value in self.environ[host].items()]
        inside = ["nsenter", f"--net={NETNS_DIR / self.places[place]}", "--"]
        return rootless.enter(self.pid, [*inside, *(["env", *words] if words else []), *argv])

    def device(self, hop: str) -> tuple[str, str]:
        """Return the place and the device of a hop such as ``a:eth0``.

        Raises:
            ParameterError: there is no such device.
        """
        place, _, name = hop.partition(":")
        if name not in self.devices.get(place, []):
            known = [f"{place}:{name}" for place, names in self.devices.items() for name in names]
            raise ParameterError(f"there is no device {hop!r} here: {', '.join(known)}")
        return place, name


def up(experiment: "Experiment") -> Standing:
    """Build a lab, wire a scheme, and leave it standing.

    Raises:
        Busy: a lab is up, or another run holds the machine.
        CniperfError: it could not be built.
    """
    if (found := find()) is not None:
        raise Busy(f"{found.scheme} is up already: `cniperf down` first")
    argv = [sys.executable, "-m", "cniperf.beds.lab.keeper", experiment.model_dump_json()]
    keeper = subprocess.Popen(
        argv if is_root() else rootless.command(argv), env=rootless.environ(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, cwd="/", encoding="utf-8",
    )  # fmt: skip
    assert keeper.stdout is not None and keeper.stdin is not None
    try:
        stop.wait(keeper.stdout.fileno())
        said = keeper.stdout.readline().strip()
        if said == READY and (found := find()) is not None:
            keeper.stdin.write(STAY)
            keeper.stdin.flush()
            return found
    except Stopped:
        keeper.terminate()
        keeper.wait()
        raise
    keeper.wait()
    raise CniperfError(said or f"the lab's keeper ended with code {keeper.returncode}")


def down() -> Standing:
    """Take down the lab that is up, and return what it was.

    Raises:
        NotAble: none is up.
        CniperfError: it did not go.
    """
    found = the_one()
    os.kill(found.pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while find() is not None:
        if time.monotonic() > end:
            raise CniperfError(f"the lab's keeper (pid {found.pid}) does not end: cniperf clean")
        stop.sleep(0.05)
    return found


def find() -> Standing | None:
    """Return the lab that is up, if any."""
    for journal in journals():
        for entry in journal.entries("up"):
            if journal.owner_lives():
                return Standing(**entry)
    return None


def the_one() -> Standing:
    """Return the lab that is up.

    Raises:
        NotAble: none is.
    """
    if (found := find()) is None:
        of_root = "" if is_root() else "; for a lab of root, put sudo before it"
        raise NotAble(f"no lab is up: cniperf up SCHEME{of_root}")
    return found


def _note(journal: Journal, lab: "Lab", plan: "Plan") -> None:
    ends = {side.host.name: side.endpoint for side in plan}
    names = {f"pod-{host}": end.netns or lab.namespace(host) for host, end in ends.items()}
    places = {
        "pod-a": names["pod-a"], "a": lab.namespace("a"), "wire": lab.namespace("wire"),
        "b": lab.namespace("b"), "pod-b": names["pod-b"],
    }  # fmt: skip
    standing = Standing(
        lab=journal.path.stem, pid=os.getpid(), scheme=plan.scheme, places=places,
        devices={place: sorted(found) for place, found in lab.devices(places).items()},
        pods={host: end.address for host, end in ends.items()},
        environ=lab.ovs_environs(),
    )  # fmt: skip
    journal.add("up", asdict(standing))


def main(text: str) -> None:
    """Keep a lab up until a signal comes."""
    from cniperf.beds.lab import BED
    from cniperf.beds.lock import machine_lock
    from cniperf.params import Experiment
    from cniperf.plan import planned

    stop.listen()
    try:
        experiment = Experiment.model_validate_json(text)
        with machine_lock(f"cniperf up {experiment.scheme} (cniperf down ends it)"):
            sweep_dead()
            with BED.open(experiment) as bed:
                plan = planned(experiment, bed.hosts)
                bed.apply(plan)
                _note(bed.journal, bed, plan)
                print(READY, flush=True)
                stop.wait(sys.stdin.fileno())
                if sys.stdin.readline() != STAY:
                    return  # the process that wanted it has ended meanwhile
                _let_go_of_the_terminal()
                while True:
                    stop.wait()
    except Stopped:
        pass
    except CniperfError as problem:
        print(problem, flush=True)
        sys.exit(1)


def _let_go_of_the_terminal() -> None:
    with Path(os.devnull).open("w", encoding="utf-8") as nothing:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nothing.fileno(), stream.fileno())


if __name__ == "__main__":
    main(sys.argv[1])

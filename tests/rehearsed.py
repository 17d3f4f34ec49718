"""Two real SSH servers, in the two hosts of a lab, for the tests that reach hosts by SSH."""

import threading
import time
from pathlib import Path

import pytest
from conftest import cannot_here

from cniperf.beds.privilege import is_rootless
from cniperf.beds.ssh import snapshot
from cniperf.beds.ssh.rehearsal import Rehearsal
from cniperf.beds.ssh.remote import Remote
from cniperf.inventory import read_inventory
from cniperf.measure.run import run
from cniperf.params import Experiment


@pytest.fixture(scope="module")
def rehearsal():
    if is_rootless():
        cannot_here("sshd sets its groups, which a user namespace forbids", kernel=True)
    with Rehearsal(ovs=True) as found:
        yield found


@pytest.fixture
def machines(rehearsal):
    rehearsal.write({name: rehearsal.entry(host) for host, name in (("a", "alpha"), ("b", "beta"))})
    return read_inventory(rehearsal.hosts).pair()


@pytest.fixture
def looks(machines):
    """Look at both hosts; at the end they must be as they were."""
    remotes = [Remote(machine) for machine in machines]
    for remote in remotes:
        remote.open()

    def look():
        return [snapshot.take(remote) for remote in remotes]

    before = look()
    yield look
    assert changed(before, look) == [[], []]
    assert not left()
    for remote in remotes:
        remote.close()


def changed(before, look, within: float = 3.0):
    """What is not as it was, once it has settled."""
    end = time.monotonic() + within
    while True:
        now = look()
        found = [snapshot.differences(*pair) for pair in zip(before, now, strict=True)]
        if found == [[], []] or time.monotonic() > end:
            return found
        time.sleep(0.2)


def left() -> list[str]:
    return [str(path) for path in Path("/run").glob("cniperf-host-*")]


def wait_for(condition, within: float = 3.0) -> bool:
    """Whether it holds before the time is up."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def transports() -> list[str]:
    """The threads of connections, of those to jump hosts too."""
    return [name for thread in threading.enumerate() if "Transport" in (name := str(thread))]


def connecting() -> list[str]:
    """The threads of connections that were never let in."""
    return [name for name in transports() if "awaiting auth" in name]


def refused(rehearsal, error, match, **changes):
    """Hold an experiment with another entry for host beta to one line, and to having touched nothing."""
    rehearsal.write({"alpha": rehearsal.entry("a"), "beta": {**rehearsal.entry("b"), **changes}})
    asked = Experiment.of(scheme="calico", bed="ssh", hosts=rehearsal.hosts, duration=1)
    with pytest.raises(error, match=match) as told:
        run(asked, lambda moment: None)
    assert "\n" not in str(told.value)
    assert not left()
    assert wait_for(lambda: not connecting()), "a connection that was refused lives on"

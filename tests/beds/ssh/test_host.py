"""No host is lost, whatever happens to its controller; each is as it was, or that is an error."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rehearsed import left, wait_for

from cniperf.beds.awake import awake
from cniperf.beds.journal import sweep_dead
from cniperf.beds.ssh.bed import SshBed
from cniperf.errors import Busy, CniperfError, StepFailed
from cniperf.measure.load import Load
from cniperf.params import Experiment
from cniperf.plan import HostPlan, Plan, make_plan
from cniperf.steps import LinkUp

pytestmark = [pytest.mark.lab, pytest.mark.alone]  # it is about seconds

GRACE = 5


def switches() -> set[str]:
    """The command line of each; a set, as a shell that forks has its own twice for a moment."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_text()
        except OSError:
            continue
        if "switch.sh" in words:
            found.add(words)
    return found


HOLD = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell's & had ignored
from cniperf.beds.ssh.bed import SshBed
from cniperf.inventory import read_inventory
from cniperf.plan import make_plan
with SshBed(read_inventory(Path(sys.argv[1])).pair(), ovs=True, grace={grace}) as bed:
    plan = make_plan("ovs", *bed.hosts)
    bed.apply(plan)
    bed.start(bed.hosts[1], plan.b.endpoint.netns, ["iperf3", "-s"], Path("/tmp/none/out"))
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(rehearsal, looks):
    """A controller that has plugged both data interfaces into Open vSwitch, and a load's server."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(grace=GRACE), str(rehearsal.hosts)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline() == "held\n", child.stderr.read()
    yield child
    child.kill()
    child.communicate()
    sweep_dead()  # what the next run would do


def test_a_killed_controller_loses_no_host(holder, looks):
    held = looks()
    assert "br-int" in held[0]["bridges"]
    assert wait_for(lambda: len(switches()) == 2)  # those of a test before end within a second
    assert wait_for(iperf_servers)
    holder.kill()
    holder.wait()
    assert wait_for(lambda: not iperf_servers()), "a load outlived its controller"
    assert restored(looks, within=GRACE + 6)
    assert wait_for(lambda: not switches())


def test_connections_that_drop_lose_no_host(holder, looks):
    for pid in servers_of(holder.pid):  # as a reboot of sshd, or a cable that is cut, does
        os.kill(pid, signal.SIGKILL)
    assert restored(looks, within=GRACE + 6)


def test_a_load_whose_connection_drops_ends_at_once(machines, looks, tmp_path):
    asked = Experiment.of(scheme="calico", duration=60)
    begin = time.monotonic()
    with (
        # What is noticed first: the client that lost its server, or the connection.
        pytest.raises(CniperfError, match=r"connection broke|server has terminated"),
        SshBed(machines, grace=GRACE) as bed,
    ):
        plan = make_plan("calico", *bed.hosts)
        bed.apply(plan)

        def cut(*_):
            for pid in servers_of(os.getpid(), at_least=2)[-2:]:  # the others are the test's own
                os.kill(pid, signal.SIGKILL)

        Load(bed, plan, asked.traffic, tmp_path).run(cut)
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("wakeful", [False, True])
def test_cpus_are_kept_awake_while_the_hosts_are_held_and_where_that_is_asked(
    machines, looks, wakeful
):
    before = awake()  # of this machine: the hosts are its namespaces
    with SshBed(machines, wakeful=wakeful) as bed:
        assert bed.facts()["awake"] == (wakeful or before)
        assert wait_for(lambda: awake() == (wakeful or before))
    assert wait_for(lambda: awake() == before)


def test_a_controller_that_is_told_to_stop_takes_all_back_at_once(holder, looks):
    holder.send_signal(signal.SIGINT)
    holder.wait(timeout=15)
    assert restored(looks, within=1)


def iperf_servers() -> list[str]:
    return [str(file) for file in Path("/proc").glob("[0-9]*/cmdline") if _is(file, "iperf3")]


def _is(file: Path, name: str) -> bool:
    try:
        return file.read_text(encoding="utf-8", errors="replace").split("\0")[0] == name
    except OSError:
        return False


def servers_of(pid: int, at_least: int = 0) -> list[int]:
    """What leads a process's connections to their servers, the newest last."""
    began = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = file.read_text()
        except OSError:
            continue
        state, parent, *rest = words.rpartition(")")[2].split()
        if "(socat)" in words and state != "Z" and int(parent) == pid:
            began[int(file.parent.name)] = int(rest[17])  # pids begin anew at 32768
    assert len(began) >= at_least if at_least else len(began) == 2
    return sorted(began, key=began.__getitem__)


def restored(looks, within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not left() and not looks()[0]["bridges"] and not looks()[1]["bridges"]:
            return True
        time.sleep(0.2)
    return False


def test_a_step_that_fails_in_the_middle_is_named_and_all_is_taken_back(machines, looks):
    with (
        pytest.raises(StepFailed, match=r"host beta: `ip link set no-such up` failed"),
        SshBed(machines) as bed,
    ):
        a, b = make_plan("flannel-vxlan", *bed.hosts)
        steps = (*b.steps[:12], LinkUp("no-such"), *b.steps[12:])
        bed.apply(Plan("flannel-vxlan", a, HostPlan(b.host, steps, b.endpoints)))


def test_what_stays_different_is_an_error_that_names_it(rehearsal, machines):
    with (
        pytest.raises(CniperfError, match=r"host beta is not as it was: .*vagabond is new"),
        SshBed(machines) as bed,
    ):
        bed.command("b", ["ip", "link", "add", "vagabond", "type", "bridge"])
    rehearsal.lab.command("b", ["ip", "link", "del", "vagabond"])


def test_one_load_at_a_time_on_a_host(machines, looks):
    taken = pytest.raises(Busy, match="host alpha is taken by another run")
    with SshBed(machines), taken, SshBed(machines):
        pass

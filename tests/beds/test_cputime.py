import os
import subprocess
import sys
import time

import pytest

from cniperf.beds.cputime import CpuTimes, process_seconds, used_since
from cniperf.errors import MeasurementFailed

BUSY = "import time; end = time.monotonic() + 5\nwhile time.monotonic() < end: pass"


@pytest.fixture
def busy():
    """A process that keeps one CPU busy."""
    cpu = max(os.sched_getaffinity(0))
    child = subprocess.Popen([sys.executable, "-c", BUSY])
    os.sched_setaffinity(child.pid, {cpu})
    time.sleep(0.3)
    yield cpu, child.pid
    child.kill()
    child.wait()


def test_a_busy_cpu_is_full_and_its_process_is_found(busy):
    cpu, pid = busy
    cpus, processes, start = CpuTimes.now(), process_seconds(), time.monotonic()
    time.sleep(1)
    now, took = CpuTimes.now(), time.monotonic() - start
    assert now.busiest(cpus, {cpu}) > 90
    assert 0 <= now.stolen_since(cpus, {cpu}) <= 100
    after = process_seconds()
    assert after[pid] - processes[pid] > 0.3 * took
    used = used_since(after, processes)
    assert used >= after[pid] - processes[pid]
    assert used_since(process_seconds({pid}), processes) < used


@pytest.mark.alone
def test_a_busy_loop_shows_up_in_the_share_of_its_cpu(busy):
    cpu, pid = busy
    before, processes = CpuTimes.now(), process_seconds()
    time.sleep(2)
    after, now = CpuTimes.now(), process_seconds()
    loop, others = now[pid] - processes[pid], used_since(now, processes)
    assert loop > 0.5
    # What else ran meanwhile may have run on the same CPU.
    assert 0.95 * loop <= after.used(before, {cpu}) <= 1.05 * max(loop, others) + 0.02


# Works a millisecond in four, as often as a kernel of 250 Hz looks, and tells its own CPU time.
NAPS = """
import os, time
end = time.monotonic() + 2
while time.monotonic() < end:
    until = time.process_time() + 0.001
    while time.process_time() < until: pass
    time.sleep(0.003)
print(time.process_time())
"""


@pytest.mark.alone
@pytest.mark.lab  # it has the machine to itself
def test_a_load_that_wakes_with_the_timer_shows_up_whole():
    cpu = max(os.sched_getaffinity(0))
    before, others = CpuTimes.now(), process_seconds()
    argv = ["taskset", "-c", str(cpu), sys.executable, "-c", NAPS]
    own = float(subprocess.check_output(argv, text=True))
    used = CpuTimes.now().used(before, {cpu})
    rest = used_since(process_seconds(), others)
    assert 0.3 < own < 1.5
    assert 0.95 * own <= used <= 1.05 * own + rest + 0.25  # wake-ups, interrupts, its start


def test_a_process_that_is_new_counts_whole_and_one_that_ended_not():
    assert used_since({1: 5.0, 2: 3.0}, {1: 4.0, 9: 100.0}) == 4.0


def test_a_cpu_that_went_away_is_one_line_and_no_figure():
    """It was a KeyError, after the whole load."""
    both = "cpu0 10 0 10 1000 0 0 0 0 0 0\ncpu1 10 0 10 1000 0 0 0 0 0 0\n"
    before = CpuTimes.read(f"1.00 2.00\n{both}")
    after = CpuTimes.read(f"3.00 4.00\n{both.splitlines()[0]}\n")
    for tell in (after.busiest, after.used, after.stolen_since):
        assert tell(before, [0]) >= 0
        with pytest.raises(MeasurementFailed, match="/proc/stat has no CPU 1, which"):
            tell(before, [0, 1])


def test_kernel_threads_are_no_processes():
    assert 2 not in process_seconds()  # kthreadd


def test_those_who_measure_are_left_out():
    assert not {os.getpid(), os.getppid()} & set(process_seconds())

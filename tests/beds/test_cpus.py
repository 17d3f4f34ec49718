import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cniperf.beds import cpus
from cniperf.errors import NotAble

ONE_OFFLINE = "cpu 10 0 10 1000 0 0 0 0 0 0\ncpu0 10 0 10 1000 0 0 0 0 0 0\n"  # CPU 1
STATUS = "Name:\tsh\nCpus_allowed:\t13\nCpus_allowed_list:\t0-1,4\n"


@pytest.mark.parametrize(
    ("mine", "a", "b"),
    [({0}, (0,), (0,)), ({0, 1}, (0,), (1,)), ({0, 1, 2}, (0,), (1, 2)), ({2, 5, 7, 9}, (2, 5), (7, 9))],
)  # fmt: skip
def test_each_host_owns_half(monkeypatch, mine, a, b):
    machine(monkeypatch, mine, "".join(f"cpu{n} 1 0 1 9 0 0 0 0 0 0\n" for n in range(12)))
    assert cpus.split() == (a, b)


def machine(monkeypatch, mine, stat, threads=None):
    """Be on a machine with these CPUs, of which this process may use some."""
    files = {"/proc/stat": stat}
    files |= {cpus.TOPOLOGY.format(cpu): own for cpu, own in (threads or {}).items()}

    def read(path, **_):
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: mine)
    monkeypatch.setattr(Path, "read_text", read)


@pytest.mark.parametrize(
    ("threads", "mine", "a", "b", "shared"),
    [
        (("0,2", "1,3", "0,2", "1,3"), {0, 1, 2, 3}, (0, 2), (1, 3), False),
        (("0-1", "0-1", "2-3", "2-3"), {0, 1, 2, 3}, (0, 1), (2, 3), False),
        (("0,2", "1,3", "0,2", "1,3"), {0, 1, 2}, (0, 2), (1,), False),
        (("0,2", "1,3", "0,2", "1,3"), {0, 2}, (0,), (2,), True),
        (("0-1", "0-1"), {0, 1}, (0,), (1,), True),
        (("no list", "no list"), {0, 1}, (0,), (1,), False),
    ],
)  # fmt: skip
def test_hosts_share_no_core_where_that_can_be_helped(monkeypatch, threads, mine, a, b, shared):
    stat = "".join(f"cpu{n} 1 0 1 9 0 0 0 0 0 0\n" for n in range(4))
    machine(monkeypatch, mine, stat, dict(enumerate(threads)))
    assert cpus.split() == (a, b)
    assert cpus.one_core(mine) == shared


def test_a_cpu_that_is_offline_is_no_hosts(monkeypatch):
    machine(monkeypatch, {0, 1}, ONE_OFFLINE)
    assert cpus.split() == ((0,), (0,))


def test_no_cpu_whose_time_can_be_read_is_refused(monkeypatch):
    """As in a container whose /proc/stat is another's."""
    machine(monkeypatch, {4, 5, 7}, ONE_OFFLINE)
    with pytest.raises(NotAble, match="the CPUs 0, but this process may use 4-5,7"):
        cpus.split()


def test_the_cpus_of_another_machine_are_those_online_that_are_allowed():
    assert cpus.usable(ONE_OFFLINE, STATUS) == (0,)
    assert cpus.usable(ONE_OFFLINE + "cpu1 1\ncpu4 1\ncpu5 1\n", STATUS) == (0, 1, 4)
    assert cpus.usable(ONE_OFFLINE, "") == (0,)


def test_cpus_are_read_and_written_as_the_kernel_does():
    assert cpus.parse("0-3,8") == {0, 1, 2, 3, 8}
    assert cpus.spans({8, 0, 3, 1, 2}) == "0-3,8"


@pytest.mark.lab
def test_a_run_on_a_machine_with_a_cpu_offline(tmp_path):
    """Both hosts are on the CPUs that are there; it was a KeyError after the whole load."""
    first = min(os.sched_getaffinity(0))
    stat = tmp_path / "stat"
    stat.write_text(ONE_OFFLINE.replace("cpu0", f"cpu{first}"))
    run = [sys.executable, "-m", "cniperf", "run", "macvlan", "--duration", "1", "--rounds", "1",
           "--data-dir", str(tmp_path / "data")]  # fmt: skip
    words = ["unshare", "--mount", "sh", "-c", f'mount --bind {stat} /proc/stat && exec "$@"', "x"]
    done = subprocess.run([*words, *run], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (record,) = (tmp_path / "data").glob("*/run.json")
    assert json.loads(record.read_text())["bed"]["cpus"] == {"a": [first], "b": [first]}


@pytest.mark.parametrize(
    ("owned", "mask"),
    [((0,), "1"), ((1,), "2"), ((0, 1, 2, 3), "f"), ((31,), "80000000"), ((32,), "1,00000000"),
     ((0, 64), "1,00000000,00000001")],
)  # fmt: skip
def test_the_mask_is_the_kernels(owned, mask):
    assert cpus.mask(owned) == mask

"""CPU quotas of control groups: found in both versions, and what they do to a load is recorded."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cniperf.beds import quota
from cniperf.doctor import examine
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.runs import load_runs

LOOP = "import time; end = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass"
STAT = "nr_periods 1217\nnr_throttled 836\nthrottled_usec 5\n"


@pytest.fixture
def proc(tmp_path):
    """A process's folder of /proc, to be filled."""

    def fill(mount: str, group: str, files: dict[str, str]) -> Path:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/mountinfo").write_text(
            f"22 1 0:4 / /proc rw - proc proc rw\n{mount.format(at=tmp_path)}\n"
        )
        (tmp_path / "proc/cgroup").write_text(group)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path / "proc"

    return fill


V2 = "30 1 0:26 / {at}/cg rw,nosuid shared:4 - cgroup2 cgroup2 rw"
V1 = "32 1 0:29 {root} {{at}}/cg rw - cgroup cgroup rw,cpu,cpuacct"


@pytest.mark.parametrize(
    ("mount", "group", "files"),
    [
        (V2, "0::/\n", {"cg/cpu.max": "50000 100000\n", "cg/cpu.stat": STAT}),
        # set above the process's own group, as `systemctl set-property user.slice CPUQuota=50%`
        (V2, "0::/user.slice/session\n",
         {"cg/user.slice/cpu.max": "50000 100000\n", "cg/user.slice/cpu.stat": STAT,
          "cg/user.slice/session/cpu.max": "max 100000\n"}),
        (V1.format(root="/"), "3:cpu,cpuacct:/box\n",
         {"cg/box/cpu.cfs_quota_us": "50000", "cg/box/cpu.cfs_period_us": "100000",
          "cg/box/cpu.stat": STAT, "cg/cpu.cfs_quota_us": "-1"}),
        # a container of Docker's without a cgroup namespace
        (V1.format(root="/docker/1f"), "3:cpu,cpuacct:/docker/1f\n0::/\n",
         {"cg/cpu.cfs_quota_us": "50000", "cg/cpu.cfs_period_us": "100000",
          "cg/cpu.stat": STAT}),
    ],
)  # fmt: skip
def test_a_quota_is_found_wherever_it_is_set(proc, mount, group, files):
    folder = proc(mount, group, files)
    (found,) = quota.read(folder)
    assert (found["cpus"], found["periods"], found["throttled"]) == (0.5, 1217, 836)
    assert quota.allowed([found]) == 0.5


def test_no_quota_is_not_the_same_as_none_that_could_be_seen(proc, tmp_path):
    assert quota.read(proc(V2, "0::/\n", {"cg/cpu.max": "max 100000\n"})) == []
    assert quota.read(tmp_path / "nothing") is None
    (tmp_path / "proc/mountinfo").write_text("")
    assert quota.read(tmp_path / "proc") is None
    assert quota.summary({"": []}, {"": []}) == {"throttled": 0.0, "throttled_periods": [0, 0]}
    assert quota.summary({"": None}, {"": None}) == {"throttled": None, "throttled_periods": None}


def test_the_host_that_was_held_back_most_counts():
    def at(periods, throttled):
        return [{"group": "g", "cpus": 1.0, "periods": periods, "throttled": throttled}]

    before, after = {"a": at(100, 7), "b": at(0, 0)}, {"a": at(200, 57), "b": at(1000, 100)}
    assert quota.summary(before, after) == {"throttled": 50.0, "throttled_periods": [50, 100]}


def test_the_file_answers_by_itself_as_it_does_on_a_remote_host():
    code = [sys.executable, "-S", "-c", Path(quota.__file__).read_text(encoding="utf-8")]
    said = subprocess.check_output(code, text=True)
    assert quota.told(said) == quota.read()
    assert quota.told("noise") is None


# ── in earnest ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def squeezed():
    """A control group with half a CPU, which this process is in."""
    name = f"cniperf-test-{os.getpid()}"
    for top, limit in (
        (Path("/sys/fs/cgroup/cpu"), ("cpu.cfs_quota_us", "50000")),
        (Path("/sys/fs/cgroup"), ("cpu.max", "50000 100000")),
    ):
        group = top / name
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit[0]).exists():
            (group / limit[0]).write_text(limit[1])
            break
        group.rmdir()
    else:
        pytest.skip("no control group for CPUs can be made here")
    was = next(
        line.split(":", 2)[2]
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        if "cpu" in line.split(":")[1].split(",") or line.startswith("0::")
    )
    (group / "cgroup.procs").write_text(str(os.getpid()))
    yield group
    (top / was.strip("/") / "cgroup.procs").write_text(str(os.getpid()))
    end = time.monotonic() + 5
    while (group / "cgroup.procs").read_text() and time.monotonic() < end:
        time.sleep(0.05)
    group.rmdir()


@pytest.mark.lab
@pytest.mark.alone
def test_a_run_in_a_group_with_a_quota_has_its_flag(squeezed, tmp_path):
    assert quota.allowed(quota.read()) == 0.5
    says = next(finding.says for finding in examine()[0] if finding.subject == "CPUs")
    assert "but a quota allows the time of 0.5 CPUs only" in says
    asked = Experiment.of(scheme="macvlan", duration=2, omit=0, data_dir=tmp_path)
    run(asked, lambda moment: None)
    row = load_runs(tmp_path).iloc[0]
    assert row["throttled"] > 20
    assert "throttled" in row["flags"].split(",")

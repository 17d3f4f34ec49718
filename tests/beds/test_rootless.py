"""An ordinary user's labs: in a user namespace, as safe as root's."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import errands
import pytest
from conftest import ROOT, ended
from ordinary import UID, account

from cniperf.beds import privilege, rootless
from cniperf.errors import CniperfError, NotAble, StepFailed
from cniperf.runs import load_runs, run_folders

QUICK = ["--rounds", "1", "--duration", "1"]


@pytest.fixture(autouse=True)
def _errands_are_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))


# ── the process in the user namespace, called by a root of tests or by an ordinary one ─────────


def test_what_comes_back_is_what_was_returned_told_and_raised():
    told = []
    session = rootless.Session()
    try:
        assert session.call(errands.halved, 8, tell=told.append) == 4
        assert told == ["halving 8"]
        with pytest.raises(StepFailed, match="host a: `ip` failed: no") as raised:
            session.call(errands.refuse, tell=told.append)
        assert (raised.value.command, raised.value.reason) == ("ip", "no")
        with pytest.raises(CniperfError, match="Odd"):
            session.call(errands.fail_oddly, tell=told.append)
        assert session.call(errands.halved, 2, tell=told.append) == 1  # it goes on after all that
    finally:
        session.end()
    assert not session.lives


def test_where_telling_fails_the_rest_is_not_taken_for_the_next_answer():
    def fail(text):
        raise ValueError(text)

    with pytest.raises(ValueError, match="halving 8"):
        rootless.session().call(errands.halved, 8, tell=fail)
    assert rootless.session().call(errands.halved, 6, tell=lambda text: None) == 3
    rootless.session().end()


def test_what_it_prints_is_no_answer(capfd):
    session = rootless.Session()
    try:
        assert session.call(errands.chatter, tell=print) == "done"
    finally:
        session.end()


def test_it_is_root_there_and_sees_no_network_of_this_machine():
    session = rootless.Session()
    try:
        uid, devices, rooted, netns = session.call(errands.look_around, tell=print)
    finally:
        session.end()
    assert uid == 0 and rooted
    assert devices == ["lo"] and netns == []


def test_one_that_dies_is_one_line_and_the_next_call_has_a_new_one():
    with pytest.raises(CniperfError, match="ended with code -9"):
        rootless.session().call(errands.die, tell=print)
    assert rootless.session().call(errands.halved, 6, tell=lambda text: None) == 3
    rootless.session().end()


def test_it_ends_with_the_one_that_asks(tmp_path):
    code = (
        "import sys, errands\n"
        "from cniperf.beds import rootless\n"
        "rootless.session().call(errands.wait_long, sys.argv[1], tell=print)"
    )
    file = tmp_path / "pid"
    owner = subprocess.Popen([sys.executable, "-c", code, file])
    assert comes_about(lambda: file.exists() and file.read_text())
    owner.kill()
    owner.wait()
    assert comes_about(lambda: (tmp_path / "pid.tidied").exists())
    assert comes_about(lambda: not Path(f"/proc/{file.read_text()}").exists())


@pytest.mark.parametrize(("key", "value"), [
    ("user.max_user_namespaces", "0"),
    ("kernel.unprivileged_userns_clone", "0"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1"),
])  # fmt: skip
def test_what_forbids_it_is_named_with_the_two_ways_out(monkeypatch, tmp_path, key, value):
    (tmp_path / key.replace(".", "/")).parent.mkdir()
    (tmp_path / key.replace(".", "/")).write_text(f"{value}\n")
    monkeypatch.setattr(rootless, "SETTINGS", tmp_path)
    monkeypatch.setattr(rootless, "command", lambda argv: ["sh", "-c", "echo no >&2; false"])
    monkeypatch.setattr(privilege.os, "geteuid", lambda: 1000)
    rootless.refusal.cache_clear()
    try:
        with pytest.raises(NotAble) as raised:
            privilege.require_namespaces()
    finally:
        rootless.refusal.cache_clear()
    said = str(raised.value)
    assert f"here ({key}={value}): " in said and f"sudo sysctl -w {key}=" in said
    assert said.endswith("or put sudo before it") and len(said.splitlines()) == 1


# ── an ordinary user's account ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def user():
    if not privilege.is_root() or privilege.is_rootless():
        pytest.skip("only root can become another user")
    with account() as found:
        yield found


def left(user) -> list[str]:
    """The processes of a user."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == UID:
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if line]


@pytest.fixture
def clean(user):
    """Nothing of the user's runs at the end, and no journal is left."""
    yield
    assert comes_about(lambda: not left(user)), left(user)
    assert not list(Path(f"/tmp/cniperf-{UID}").glob("*.journal"))


@pytest.mark.lab
def test_doctor_reports_that_no_root_is_needed(user, clean):
    done = user.run("cniperf", "doctor")
    assert "no root: labs lie in a user namespace" in done.stdout, done.stderr
    assert "ok    flannel-vxlan" in done.stdout


@pytest.mark.lab
@pytest.mark.notebook
def test_the_readmes_line_works(user, clean):
    done = user.run(
        "papermill", "run_scheme.ipynb", "out.ipynb", "-p", "scheme", "macvlan", "-p", "rounds", "1",
        cwd=user.checkout / "notebooks",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(user.checkout / "data")
    facts = json.loads((folder / "run.json").read_text())
    assert facts["bed"]["rootless"] and facts["bed"]["steered"]
    assert load_runs(folder)["status"].tolist() == ["ok"]


@pytest.mark.lab
def test_receiving_is_steered_to_each_hosts_cpus_without_root_too(user, clean):
    """As root does it by the devices' own files: the same mask at the same four devices."""
    assert user.run("cniperf", "up", "hostnetwork").returncode == 0
    try:
        found = {
            f"{place}:{device}": user.run(
                "cniperf", "exec", place, "--", "unshare", "--mount", "sh", "-c",
                f"mount -n -t sysfs sysfs /sys && cat /sys/class/net/{device}/queues/rx-0/rps_cpus",
            ).stdout.strip()
            for place, device in [("a", "eth0"), ("wire", "port-a"), ("wire", "port-b"),
                                  ("b", "eth0"), ("wire", "br0")]
        }  # fmt: skip
    finally:
        assert user.run("cniperf", "down").returncode == 0
    from cniperf.beds import cpus

    a, b = (int(cpus.mask(own).replace(",", ""), 16) for own in cpus.split())
    masks = {hop: int(mask.replace(",", ""), 16) for hop, mask in found.items()}
    assert masks == {"a:eth0": a, "wire:port-a": a, "wire:port-b": b, "b:eth0": b, "wire:br0": 0}


@pytest.mark.lab
def test_a_lab_is_looked_into_and_captured(user, clean, tmp_path):
    assert user.run("cniperf", "up", "calico").returncode == 0
    try:
        ping = user.run("cniperf", "exec", "pod-a", "--", "ping", "-c", "2", "172.28.1.3")
        assert "0% packet loss" in ping.stdout
        capture = user.start("cniperf", "capture", "pod-a:calico-c", "-c", "2", "-o", "two.pcap")
        assert capture.stdout.readline().startswith("capturing")
        while capture.poll() is None:
            user.run("cniperf", "exec", "pod-a", "--", "ping", "-c", "1", "172.28.1.3")
        assert capture.returncode == 0
        shown = subprocess.check_output(
            ["tcpdump", "-nr", user.checkout / "two.pcap"], text=True, stderr=subprocess.DEVNULL
        )
        assert len(shown.splitlines()) == 2
    finally:
        assert user.run("cniperf", "down").stdout == "calico is down\n"
    none = user.run("cniperf", "exec", "a", "--", "true")
    assert none.returncode == 1 and "no lab is up" in none.stderr


@pytest.mark.lab
@pytest.mark.parametrize("after", [0.8, 1.5, 3.0])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143),
                                              (signal.SIGKILL, -9)])  # fmt: skip
def test_however_a_run_ends_nothing_is_left(user, clean, number, code, after):
    data = user.checkout / "stopped"
    run = user.start("cniperf", "run", "canal", *QUICK, "--data-dir", str(data))
    time.sleep(after)
    os.kill(run.pid, number)
    _, said = ended(run, within=25)
    assert comes_about(lambda: not left(user)), left(user)
    assert not run_folders(data) if data.exists() else True
    if number != signal.SIGKILL:
        assert run.returncode == code, said
        assert said == f"cniperf: stopped by {number.name}; nothing is left running\n"


@pytest.mark.lab
@pytest.mark.timeout(600)
def test_schemes_are_wired_and_proven_as_they_are_by_root(user, clean):
    done = user.run(
        sys.executable, "-m", "cniperf.beds.rootless", sys.executable, "-m", "pytest", "-q",
        "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "lab and not alone",
        "tests/beds/lab/test_bed.py::test_netlink_and_commands_wire_the_same",
        "tests/measure/test_evidence.py",
    )  # fmt: skip
    said = done.stdout.splitlines()
    assert done.returncode == 0, said[-40:]
    assert int(said[-1].split(" passed")[0]) >= 10 + 25, said[-1]


@pytest.mark.lab
def test_open_vswitch_names_what_it_may_not_open(user, clean):
    if os.stat("/dev/net/tun").st_mode & 0o006 == 0o006:  # noqa: PTH116
        pytest.skip("any user may open /dev/net/tun here")
    done = user.run("cniperf", "run", "ovs", *QUICK, "--data-dir", "failed")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "sudo chmod a+rw /dev/net/tun" in done.stderr
    failed = load_runs(user.checkout / "failed")  # under the conditions of those that do not fail
    assert failed[["status", "awake", "steered"]].to_numpy().tolist() == [["failed", False, True]]


def comes_about(look, within=10.0):
    deadline = time.monotonic() + within
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found

"""Abilities are tried: what is only installed, or forbidden, is named with how to fix it."""

import os
import subprocess
import sys
from shutil import which

import pytest
from rehearsed import refused

from cniperf.beds import ability
from cniperf.beds.lab import ovs
from cniperf.beds.ssh import remote
from cniperf.beds.ssh.bed import SshBed
from cniperf.doctor import ask_here, examine
from cniperf.errors import NotAble
from cniperf.measure.run import prove_path
from cniperf.params import Experiment

pytestmark = pytest.mark.lab

# A kernel before 5.16 has no egress hook of a device.
NO_EGRESS = """#!/bin/sh
for last; do :; done
if [ "$last" = - ]; then
  text=$(cat)
  case $text in *"hook egress"*)
    for n in 1 2 3 4 5 6 7 8 9; do
      echo "/dev/stdin:$n:7-15: Error: Could not process rule: Operation not supported" >&2
      echo "chain p0_egress { type filter hook egress device \\"eth0\\" priority -450; }" >&2
      echo "      ^^^^^^^^^" >&2
    done; exit 1;; esac
  printf '%s\\n' "$text" | exec {real} "$@"
fi
exec {real} "$@"
"""
NO_SOCKET = """#!/bin/sh
case "$*" in *AF_PACKET*) echo "OSError: [Errno 97] Address family not supported" >&2; exit 1;; esac
exec {real} "$@"
"""
NO_DATABASE = """#!/bin/sh
echo 'ovs-vsctl: unix:/run/openvswitch/db.sock: database connection failed' >&2; exit 1
"""
NO_LIBRARY = """#!/bin/sh
echo "$0: error while loading shared libraries: libx.so.1: cannot open shared object file" >&2
exit 127
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a program before the real one, on this machine and on those that are reached by SSH."""

    def put(name, text):
        file = tmp_path / name
        file.write_text(text.replace("{real}", which(name) or ""))
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        path = f"PATH={tmp_path}:$PATH:/usr/sbin:/sbin; export PATH LC_ALL=C\n"
        monkeypatch.setattr(remote, "PATH", path)

    yield put
    ovs.trial.cache_clear()


def test_this_machine_has_what_a_run_needs():
    wanted = [*ability.needed(os.sched_getaffinity(0)), *ability.here()]
    assert ability.lacking(wanted, ask_here) == []


def test_without_the_egress_hook_packet_sockets_count(fake, rehearsal, machines, looks):
    asked = Experiment.of(scheme="flannel-vxlan", bed="ssh", hosts=rehearsal.hosts)
    by_rules = prove_path(asked)
    fake("nft", NO_EGRESS)
    machine, _, _ = examine()
    assert all(finding.ok for finding in machine)
    (counting,) = [finding.says for finding in machine if finding.subject == "counting"]
    assert counting == "packet sockets count the packets at devices"
    by_sockets = prove_path(asked)
    assert (by_rules.counted_by, by_sockets.counted_by) == ("rules", "sockets")
    assert by_sockets.problem == "" and by_sockets.tallies == by_rules.tallies


def test_without_either_a_host_is_refused(fake, rehearsal):
    fake("nft", NO_EGRESS)
    fake("python3", NO_SOCKET)
    machine, _, _ = examine()
    (bad,) = [finding for finding in machine if not finding.ok]
    assert bad.subject == "counting at devices" and "CONFIG_PACKET" in bad.fixes[0]
    refused(
        rehearsal,
        NotAble,
        r"^host alpha lacks counting at devices \(.*not supported.*CONFIG_PACKET",
    )


@pytest.mark.parametrize(
    ("name", "text", "lacks"),
    [
        ("nsenter", "#!/bin/sh\necho 'nsenter: no' >&2; exit 1\n", "network namespaces"),
        ("taskset", "#!/bin/sh\necho 'taskset: Invalid argument' >&2; exit 1\n", "pinning to CPUs"),
        ("python3", "#!/bin/sh\necho 'no module json' >&2; exit 1\n", "python3"),
    ],
)
def test_a_command_that_is_there_and_does_not_do(name, text, lacks, fake):
    fake(name, text)
    found = ability.lacking(ability.needed([0]), ask_here)
    assert [each.ability.name for each in found] == [lacks]


def test_a_kind_of_device_that_the_kernel_does_not_make(machines, looks):
    with (
        pytest.raises(NotAble, match=r"host alpha lacks nosuch devices .*modprobe nosuch"),
        SshBed(machines, devices=["veth", "nosuch"]),
    ):
        pass


def test_open_vswitch_that_does_not_answer_is_not_to_be_installed(fake, rehearsal, machines):
    fake("ovs-vsctl", NO_DATABASE)
    with (
        pytest.raises(NotAble, match=r"installed, but does not answer .*database connection failed")
        as told,
        SshBed(machines, ovs=True),
    ):  # fmt: skip
        pass
    assert "systemctl start openvswitch-switch" in str(told.value)
    assert "apt-get" not in str(told.value)
    command = [sys.executable, "-m", "cniperf", "hosts", "check", str(rehearsal.hosts)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_open_vswitch_of_this_machine_that_does_not_run(fake):
    fake("ovs-vswitchd", NO_LIBRARY)
    fake("ovsdb-server", NO_LIBRARY)
    _, schemes, _ = examine()
    for finding in schemes:
        if finding.subject.startswith("ovs"):
            assert not finding.ok
            assert "installed, but does not run" in finding.says and "libx.so.1" in finding.says
            assert "--reinstall" in finding.fixes[0]


def test_a_generator_that_is_there_and_does_not_run(fake, machines):
    fake("iperf3", NO_LIBRARY)
    machine, _, _ = examine()
    (bad,) = [finding for finding in machine if finding.subject == "iperf3"]
    assert bad.mark == "warn" and bad.says == "installed, but does not run"
    assert bad.fixes == ("apt-get install --reinstall iperf3",)
    with (
        pytest.raises(NotAble, match=r"host alpha: iperf3 \(.*libx.so.1.* but does not run"),
        SshBed(machines, tools={"iperf3": "iperf3"}),
    ):
        pass

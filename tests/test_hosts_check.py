"""``cniperf hosts check`` on two real servers, and where something stands in the way."""

import subprocess
import sys

import pytest
from signals import tried

pytestmark = pytest.mark.lab


def hosts_check(rehearsal) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cniperf", "hosts", "check", str(rehearsal.hosts)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_hosts_check_finds_two_good_hosts_ready(rehearsal, machines, looks):
    done = hosts_check(rehearsal)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "packets of 1500 bytes pass whole" in done.stdout
    assert "eth0 and eth0 are on one link" in done.stdout


def test_hosts_check_names_what_stands_in_the_way(rehearsal, machines, looks):
    rehearsal.write({
        "alpha": {**rehearsal.entry("a"), "address": "192.168.20.77/24"},
        "beta": {**rehearsal.entry("b"), "proxy_command": "false"},
        "gamma": {**rehearsal.entry("b"), "nic": "eth9", "address": "192.168.20.78/24"},
    })  # fmt: skip
    done = hosts_check(rehearsal)
    assert done.returncode == 1
    assert "does not have 192.168.20.77/24, but 192.168.20.42/24" in done.stdout
    assert "no such interface; there are lo, " in done.stdout
    assert "host beta (root@beta) cannot be reached" in done.stdout
    assert done.stderr == "cniperf: not ready: alpha, beta, gamma: fix the lines marked NO\n"


def test_hosts_check_sees_an_mtu_that_does_not_pass_and_a_peer_that_is_another(
    rehearsal, machines, looks
):
    rehearsal.lab.command("wire", ["ip", "link", "set", "port-b", "mtu", "1400"])
    try:
        assert "packets of 1500 bytes do not pass" in hosts_check(rehearsal).stdout
    finally:
        rehearsal.lab.command("wire", ["ip", "link", "set", "port-b", "mtu", "1500"])


def test_a_signal_at_any_instant_leaves_the_hosts_as_they_were(
    rehearsal, machines, looks, tmp_path, trials
):
    words = ["hosts", "check", rehearsal.hosts]
    for _ in tried(words, trials.of(4), 4.0, tmp_path, lambda out: "pass whole" in out):
        assert not list(tmp_path.iterdir())

"""What a host must have before it is touched: one line for each that it lacks."""

from pathlib import Path
from shutil import which

import pytest
from accounts import server
from rehearsed import left, refused

from cniperf.beds.answer import OddAnswer
from cniperf.beds.journal import NETNS_DIR
from cniperf.beds.ssh import remote
from cniperf.beds.ssh.bed import SshBed
from cniperf.errors import NotAble, ParameterError, StepFailed
from cniperf.inventory import read_inventory
from cniperf.plan import make_plan

pytestmark = pytest.mark.lab


def test_another_interface_another_address_another_mtu(rehearsal, looks):
    refused(rehearsal, ParameterError, "host beta has no interface 'eth7': lo", nic="eth7")
    refused(rehearsal, ParameterError, "does not have the address 192.168.20.99/24",
            address="192.168.20.99/24")  # fmt: skip
    with (
        pytest.raises(ParameterError, match="MTU 1500, not 9000: give mtu=1500"),
        SshBed(read_inventory(_good(rehearsal)).pair(), mtu=9000),
    ):
        pass


def _good(rehearsal) -> Path:
    rehearsal.write({"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")})
    return rehearsal.hosts


def test_a_tool_that_one_side_lacks(machines, looks):
    with (
        pytest.raises(NotAble, match="host alpha: iperf9 not found: apt-get install iperf9"),
        SshBed(machines, tools={"iperf9": "iperf9"}),
    ):
        pass


def test_a_data_interface_that_carries_the_default_route_is_refused(rehearsal, machines, looks):
    rehearsal.lab.command("a", ["ip", "route", "replace", "default", "dev", "eth0"])
    try:
        with (
            pytest.raises(NotAble, match=r"host alpha: eth0 carries the default route"),
            SshBed(machines),
        ):
            pass
        assert not left()
        with SshBed(machines, allow_shared_nic=True):
            assert left()
    finally:
        rehearsal.lab.command("a", ["ip", "route", "replace", "default", "via", "198.18.1.1"])


@pytest.fixture(params=["root", "tester"])
def by_the_data_nic(request, rehearsal):
    """Host alpha's entry for another server, which is reached over the data network from beta."""
    address = rehearsal.lab.hosts[0].address
    inside = [("nsenter", f"--net={NETNS_DIR / rehearsal.lab.namespace(host)}") for host in "ab"]
    with server(user=request.param, listen=f"{address}:2222", enter=inside[0]) as machine:
        yield {**rehearsal.entry("a"), "user": machine.user, "key": str(machine.key),
               "ssh": machine.ssh, "port": machine.port, "known_hosts": str(machine.known_hosts),
               "proxy_command": f"setsid {' '.join(inside[1])} socat - TCP:{address}:2222"}  # fmt: skip


def test_a_data_interface_that_carries_the_connection_is_refused(rehearsal, looks, by_the_data_nic):
    """sudo drops SSH_CONNECTION, so the kernel is asked."""
    rehearsal.write({"alpha": by_the_data_nic, "beta": rehearsal.entry("b")})
    machines = read_inventory(rehearsal.hosts).pair()
    with (
        pytest.raises(
            NotAble, match=r"host alpha: eth0 carries the SSH connection, .*allow-shared"
        ),
        SshBed(machines),
    ):
        pass
    assert not left()
    with SshBed(machines, allow_shared_nic=True):
        assert left()


def test_a_list_of_cpus_that_are_not_there_is_refused(rehearsal, looks):
    refused(rehearsal, ParameterError, r"cpus='0-3,8' is not allowed: \S*8 .*; the host has [01-]+$",
            cpus="0-3,8")  # fmt: skip


def test_a_device_of_somebody_else_is_not_taken_away(rehearsal, machines, looks):
    """flannel's docker0 cannot be made where there is one, and that is not taken back."""
    rehearsal.lab.command("a", ["ip", "link", "add", "docker0", "type", "bridge"])
    try:
        with (
            pytest.raises(StepFailed, match=r"host alpha: `ip link add docker0 .*File exists"),
            SshBed(machines) as bed,
        ):
            bed.apply(make_plan("flannel-hostgw", *bed.hosts))
        rehearsal.lab.command("a", ["ip", "link", "show", "docker0"])
    finally:
        rehearsal.lab.command("a", ["ip", "link", "del", "docker0"])


IP = {
    "no-json": '#!/bin/sh\n[ "$1" = -j ] && shift; exec {ip} "$@"\n',
    "no-j": '#!/bin/sh\n[ "$1" = -j ] && {{ echo \'Option "-j" is unknown\' >&2; exit 255; }}\n'
    'exec {ip} "$@"\n',
}


@pytest.mark.parametrize("kind", IP)
def test_an_ip_that_speaks_no_json_is_one_line(kind, rehearsal, tmp_path, monkeypatch):
    fake = tmp_path / "ip"
    fake.write_text(IP[kind].format(ip=which("ip")))
    fake.chmod(0o755)
    monkeypatch.setattr(remote, "PATH", f"PATH={tmp_path}:$PATH:/usr/sbin:/sbin; export PATH\n")
    refused(
        rehearsal, OddAnswer, r"^host alpha: `ip -j addr` (gave no JSON, but '1: lo|failed: Opt)"
    )

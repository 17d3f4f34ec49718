"""What a host must have before it is touched: one line for each that it lacks."""

from pathlib import Path

import pytest
from rehearsed import left, refused

from cniperf.beds import survey
from cniperf.beds.ssh import SshBed
from cniperf.errors import NotAble, ParameterError
from cniperf.inventory import read_inventory

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
        rehearsal.lab.command("a", ["ip", "route", "replace", "default", "dev", "mgmt0"])


def test_a_data_interface_that_carries_the_connection_is_refused(
    rehearsal, machines, looks, monkeypatch
):
    # These connections are no network's, so what the server would say of one is put in its place.
    said = f"echo 192.168.20.1 50000 {rehearsal.lab.hosts[0].address} 22"
    monkeypatch.setitem(survey.QUESTIONS, "ssh", said)
    with (
        pytest.raises(NotAble, match="host alpha: eth0 carries the SSH connection"),
        SshBed(machines),
    ):
        pass

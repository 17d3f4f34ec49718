"""The two forms of an address."""

import pytest

from cniperf.ip import form, udp_headers, version, with_port


@pytest.mark.parametrize(("four", "six"), [
    ("172.28.0.3", "fd5c:2e91:7ab4::ac1c:3"),
    ("172.28.0.3/24", "fd5c:2e91:7ab4::ac1c:3/120"),
    ("10.5.58.0/32", "fd5c:2e91:7ab4::a05:3a00/128"),
])  # fmt: skip
def test_an_address_has_the_same_last_four_bytes_in_ipv6(four, six):
    assert form(four, 4) == four and form(four, 6) == six
    assert (version(four), version(six)) == (4, 6)


def test_a_port_is_told_from_an_address():
    assert with_port("172.28.0.3", 80) == "172.28.0.3:80"
    assert with_port("fd00::3", 80) == "[fd00::3]:80"


def test_headers_of_a_datagram():
    assert (udp_headers(4), udp_headers(6)) == (28, 48)

import os
import struct

import pytest

from cniperf.beds.awake import DEVICE, awake
from cniperf.beds.lab.bed import Lab

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.root]


def wish():
    """The shortest wake-up that any process asks for just now, in µs."""
    if not DEVICE.exists():
        pytest.skip("this kernel has no power management to ask")
    with DEVICE.open("rb", buffering=0) as file:
        return struct.unpack("i", os.read(file.fileno(), 4))[0]


def test_the_wish_stands_within_the_block_only():
    before = wish()
    with awake() as able:
        assert able and wish() == 0
    assert wish() == before


def test_a_lab_keeps_cpus_awake_and_says_so():
    before = wish()
    with Lab() as lab:
        assert wish() == 0 and lab.facts()["awake"]
    assert wish() == before


def test_a_kernel_that_takes_no_wish_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr("cniperf.beds.awake.DEVICE", tmp_path / "no/such")
    with awake() as able:
        assert not able

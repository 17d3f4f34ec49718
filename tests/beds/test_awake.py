import struct
from contextlib import contextmanager

import pytest

from cniperf.beds import find
from cniperf.beds.awake import DEVICE, NO_WISH, asks, awake, kept_awake
from cniperf.beds.lab.bed import Lab
from cniperf.params import Experiment


@contextmanager
def a_profile(wish):
    """Ask for wake-ups within so many µs, as a profile of tuned does."""
    if not DEVICE.exists():
        pytest.skip("this kernel has no power management to ask")
    with DEVICE.open("wb", buffering=0) as file:
        file.write(struct.pack("i", wish))
        yield


@pytest.mark.lab
@pytest.mark.root
@pytest.mark.parametrize("wish", [0, 2])
def test_what_another_process_asks_is_seen(wish):
    before = awake()
    with a_profile(wish):
        assert awake()
    assert awake() == before


@pytest.mark.lab
@pytest.mark.root
def test_the_wish_stands_within_the_block_only():
    before = awake()
    with kept_awake():
        assert awake()
    assert awake() == before
    with kept_awake(wanted=False):
        assert awake() == before


@pytest.mark.lab
@pytest.mark.root
def test_a_lab_leaves_the_cpus_as_they_are_or_keeps_them_awake():
    before = awake()
    with Lab() as lab:
        assert awake() == lab.facts()["awake"] == before
    with Lab(wakeful=True) as lab:
        assert awake() and lab.facts()["awake"]
    assert awake() == before


@pytest.mark.lab
@pytest.mark.root
def test_a_lab_records_what_another_process_asks():
    with a_profile(2), Lab() as lab:
        assert lab.facts()["awake"]


@pytest.mark.lab
@pytest.mark.root
@pytest.mark.parametrize(("mode", "wakeful"), [("stream", False), ("udp", False), ("rr", True),
                                               ("crr", True)])  # fmt: skip
def test_cpus_are_kept_awake_where_messages_wait(mode, wakeful):
    asked = Experiment.of(scheme="hostnetwork", mode=mode)
    kind = find(asked.bed)
    with kind.open(asked) as lab:
        assert lab.facts()["awake"] == kind.foreseen(asked)["awake"] == (wakeful or awake())


def test_a_kernel_without_the_device_keeps_none_awake(monkeypatch, tmp_path):
    monkeypatch.setattr("cniperf.beds.awake.DEVICE", tmp_path / "no/such")
    assert not awake()
    with kept_awake():
        assert not awake()


@pytest.mark.parametrize(("said", "asked"), [
    (struct.pack("i", NO_WISH), False), (struct.pack("i", 0), True), (b"", False), (b"abc", False),
])  # fmt: skip
def test_the_kernels_own_value_is_no_wish(said, asked):
    assert asks(said) == asked

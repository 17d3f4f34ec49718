import os

import pytest

from cniperf.beds import cpus


@pytest.mark.parametrize(
    ("mine", "a", "b"),
    [({0}, (0,), (0,)), ({0, 1}, (0,), (1,)), ({0, 1, 2}, (0,), (1, 2)), ({2, 5, 7, 9}, (2, 5), (7, 9))],
)  # fmt: skip
def test_each_host_owns_half(monkeypatch, mine, a, b):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: mine)
    assert cpus.split() == (a, b)


@pytest.mark.parametrize(
    ("owned", "mask"),
    [((0,), "1"), ((1,), "2"), ((0, 1, 2, 3), "f"), ((31,), "80000000"), ((32,), "1,00000000"),
     ((0, 64), "1,00000000,00000001")],
)  # fmt: skip
def test_the_mask_is_the_kernels(owned, mask):
    assert cpus.mask(owned) == mask

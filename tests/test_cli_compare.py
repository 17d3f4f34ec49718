"""``cniperf compare``: its words, and its exit codes for a pipeline."""

import pytest
from conftest import ROOT, Shelf
from typed import cniperf, refused

REFERENCE = str(ROOT / "data/reference")

WOBBLE = [1.0, 1.01, 0.99, 1.0, 1.005, 0.995, 1.0, 1.0]


def a_set(folder, calico, **changes):
    shelf = Shelf(folder)
    for number, wobble in enumerate(WOBBLE, 1):
        for gbps in (20 * wobble, 20 * WOBBLE[-number]):
            shelf.add("hostnetwork", gbps, suite="s", round=number, **changes)
        shelf.add("calico", calico * WOBBLE[number // 2], suite="s", round=number, **changes)
    return folder


@pytest.mark.parametrize(
    ("calico", "code", "word"), [(16.0, 0, "same"), (18.0, 0, "better"), (14.0, 3, "worse")]
)
def test_compare_is_a_gate(tmp_path, calico, code, word):
    done = cniperf("compare", a_set(tmp_path / "a", 16.0), a_set(tmp_path / "b", calico))
    assert done.returncode == code and not done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "calico" in line)
    assert line.split()[1] == f"{word}:" and "95 % interval" in line
    assert "hostnetwork     same: 20.01 Gbit/s" in done.stdout  # the geometric mean


def test_compare_refuses_unlike_sets_unless_told(tmp_path):
    sets = a_set(tmp_path / "a", 16.0), a_set(tmp_path / "b", 16.0, nic="offload")
    refused(cniperf("compare", *sets), "nic virtio and offload", 2)
    assert cniperf("compare", *sets, "--anyway").returncode == 0


def a_count(folder, calico, **changes):
    shelf = Shelf(folder)
    shelf.count("hostnetwork", 0.989, **changes)
    shelf.count("calico", calico, **changes)
    return folder


@pytest.mark.parametrize(
    ("calico", "more", "code", "says"),
    [
        (1.029, (), 0, "same: 1.000 → 1.029 instructions/B (+2.9 %; up to 3 % is the same)"),
        (1.031, (), 3, "worse: 1.000 → 1.031 instructions/B (+3.1 %; up to 3 % is the same)"),
        (1.031, ("--within", "3.5"), 0, "same: 1.000 → 1.031"),
    ],
)
def test_compare_is_a_gate_on_cost(tmp_path, calico, more, code, says):
    done = cniperf("compare", a_count(tmp_path / "a", 1.0), a_count(tmp_path / "b", calico), *more)
    assert done.returncode == code and not done.stderr
    assert done.stdout.splitlines()[0] == "NIC virtio, MTU 1500, bed counted"
    assert f"  calico          {says}" in done.stdout


def test_a_count_by_other_versions_is_refused_unless_told(tmp_path):
    sets = a_count(tmp_path / "a", 1.0), a_count(tmp_path / "b", 1.0, qemu="8.0", kernel="6.2")
    says = "differ in kernel 6.1.0 and 6.2; qemu 7.2 and 8.0, and a count is valid only for its own"
    refused(cniperf("compare", *sets), says, 2)
    assert cniperf("compare", *sets, "--anyway").returncode == 0


def test_compare_tells_what_is_missing(tmp_path):
    refused(cniperf("compare", tmp_path / "no", tmp_path), "there is no folder", 1)
    refused(cniperf("compare", tmp_path, a_set(tmp_path / "b", 16.0)), "first set", 1)

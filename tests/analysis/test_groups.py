import numpy as np
import pytest

from cniperf.analysis.groups import EQUIVALENT, _letters, groups, told_apart
from cniperf.runs import load_runs

WOBBLE = [1.0, 1.004, 0.996, 1.002, 0.998, 1.003, 0.997, 1.001, 0.999, 1.0]
OTHER = [0.997, 1.0, 1.003, 0.998, 1.001, 0.999, 1.002, 0.996, 1.0, 1.004]


def found(shelf):
    return groups(load_runs(shelf.folder))


def test_schemes_that_no_test_tells_apart_share_a_letter(shelf):
    shelf.add_labs(macvlan=[0.98 * w for w in WOBBLE], ovs=[0.981 * w for w in OTHER],
                   calico=[0.75 * w for w in WOBBLE])  # fmt: skip
    assert [(one.letter, set(one.schemes)) for one in found(shelf)] == [
        ("a", {"hostnetwork"}), ("b", {"macvlan", "ovs"}), ("c", {"calico"}),
    ]  # fmt: skip


def test_a_small_difference_that_is_there_is_seen(shelf):
    """Macvlan lost 0.4 to 3.3 % and was called indistinguishable from hostnetwork."""
    shelf.add_rounds(hostnetwork=[(20 * w, 20 * o) for w, o in zip(WOBBLE, OTHER, strict=True)],
                     macvlan=[20 * 0.98 * w for w in WOBBLE])  # fmt: skip
    assert [set(one.schemes) for one in found(shelf)] == [{"hostnetwork"}, {"macvlan"}]


def test_equal_is_said_only_after_a_test_of_it(shelf):
    shelf.add_labs(macvlan=[0.98 * w for w in WOBBLE], ovs=[0.98 * o for o in OTHER])
    near = next(one for one in found(shelf) if "macvlan" in one.schemes)
    assert near.equivalent and 0 < near.within < EQUIVALENT


def test_not_told_apart_is_not_equal(shelf):
    loud = [1.0, 1.2, 0.8, 1.1, 0.9, 1.15, 0.85, 1.0]
    shelf.add_labs(macvlan=[0.9 * w for w in loud], ovs=[0.9 * w for w in reversed(loud)])
    near = next(one for one in found(shelf) if set(one.schemes) >= {"macvlan", "ovs"})
    assert not near.equivalent and near.within > 0.05


def test_a_chain_of_small_steps_is_no_one_group(shelf):
    """Each is told from the next but one: two letters, and the middle has both."""
    noise = [0.02 * w for w in (-1.5, -1, -0.5, 0, 0, 0.5, 1, 1.5)]
    names = {"macvlan": 0.93, "ovs": 0.907, "calico": 0.888}
    order = [noise, noise[3:] + noise[:3], noise[5:] + noise[:5]]
    shelf.add_labs(**{name: [share + x for x in own]
                      for (name, share), own in zip(names.items(), order, strict=True)})  # fmt: skip
    assert [one.schemes for one in found(shelf)][1:] == [("macvlan", "ovs"), ("ovs", "calico")]


@pytest.mark.parametrize(
    ("differ", "columns"),
    [
        ([], ["abcd"]),
        ([("a", "d")], ["abc", "bcd"]),
        ([("a", "c"), ("a", "d"), ("b", "d")], ["ab", "bc", "cd"]),
        ([("a", "b"), ("c", "d")], ["ac", "ad", "bc", "bd"]),
        ([(x, y) for x in "abcd" for y in "abcd" if x < y], ["a", "b", "c", "d"]),
    ],
)
def test_letters_are_the_largest_sets_without_a_difference(differ, columns):
    assert ["".join(column) for column in _letters(list("abcd"), differ)] == columns


def test_the_more_pairs_the_more_each_has_to_show(shelf):
    """Two per cent by itself is told from nothing, among ten pairs it is not."""
    edge = [0.955, 0.99, 0.985, 0.975, 1.003, 0.972, 1.002, 0.968]
    shelf.add_labs(macvlan=edge)
    assert told_apart(load_runs(shelf.folder)) == {("hostnetwork", "macvlan"): 1}
    loud = [0.7, 0.9, 0.8, 0.75, 0.85, 0.72, 0.88, 0.8]
    shelf.add_labs(calico=loud, flannel_hostgw=loud[3:] + loud[:3], canal=loud[5:] + loud[:5])
    assert told_apart(load_runs(shelf.folder))["hostnetwork", "macvlan"] == 0


def test_open_vswitch_in_userspace_stands_in_no_group(shelf):
    shelf.add_rounds(hostnetwork=[20.0] * 4, calico=[15.0] * 4)
    for number in range(1, 5):
        shelf.add("ovs", 1.0, suite="s", round=number, ovs_datapath="netdev")
    assert [one.schemes for one in found(shelf)] == [("hostnetwork",), ("calico",)]


def test_one_round_tells_nothing_apart(shelf):
    shelf.add_rounds(hostnetwork=[20.0], calico=[15.0])
    assert found(shelf) == []


def test_two_placements_must_agree(shelf):
    for number, wobble in enumerate(WOBBLE[:8], 1):
        for lie, share in ((1.5, 0.70), (4.7, 0.80)):
            here = {"suite": "s", "round": number, "handover": [lie, lie]}
            shelf.lab("calico", 0.75 * wobble, **here)
            shelf.lab("flannel-hostgw", share * WOBBLE[-number], **here)
            shelf.lab("canal", 0.2 * wobble, **here)
    signs = told_apart(load_runs(shelf.folder))
    assert signs["calico", "flannel-hostgw"] == 0 and signs["calico", "canal"] == 1


def test_seeds_tell_apart_what_all_of_them_do(shelf):
    for seed, (calico, canal) in enumerate([(1.25, 2.0), (1.24, 2.0), (1.25, 2.1)], 1):
        shelf.count("hostnetwork", 1.0, seed)
        shelf.count("calico", calico, seed)
        shelf.count("canal", canal, seed)
    assert [one.schemes for one in found(shelf)] == [("hostnetwork",), ("calico",), ("canal",)]
    assert all(np.isnan(one.within) for one in found(shelf))

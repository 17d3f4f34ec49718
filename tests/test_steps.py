import inspect

import pytest

from cniperf import steps
from cniperf.steps import AddAddress, AddFdb, AddRoute, AddVeth, DelLink, SetSysctl, Step

VERBS = [
    verb
    for _, verb in inspect.getmembers(steps, inspect.isclass)
    if issubclass(verb, Step) and not inspect.isabstract(verb)
]


def test_a_step_in_a_pod_names_the_pods_namespace():
    assert (
        str(AddAddress("10.0.0.1/24", "c", netns="pod")) == "ip -n pod addr add 10.0.0.1/24 dev c"
    )
    assert str(SetSysctl("k", "1", netns="pod")) == "ip netns exec pod sysctl -q -w k=1"
    assert str(AddFdb("aa", "1.2.3.4", "v", netns="pod")).startswith("bridge -n pod fdb add")


def test_a_veth_is_undone_by_the_end_that_stays_on_the_host():
    assert AddVeth("c", "h").undo() == DelLink("h")


def test_undoing_a_route_twice_gives_the_route():
    route = AddRoute("10.0.0.0/24", via="10.1.0.1", onlink=True, dev="v", netns="pod")
    assert route.undo().undo() == route


def test_words_with_spaces_are_quoted_for_the_shell():
    flow = steps.AddOvsFlow("br", "ip, nw_dst=1.2.3.4 actions=output:1")
    assert str(flow) == "ovs-ofctl add-flow br 'ip, nw_dst=1.2.3.4 actions=output:1'"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_every_verb_says_what_it_is_and_has_an_argv_of_its_own(verb):
    assert verb.__doc__
    assert "argv" in vars(verb)

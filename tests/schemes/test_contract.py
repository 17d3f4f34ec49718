"""What holds for every scheme, of today and of tomorrow; no machine is touched."""

import shlex

import pytest

from cniperf.errors import UnknownScheme
from cniperf.plan import make_plan
from cniperf.schemes import ARTICLE, all_schemes, find, scheme_names
from cniperf.steps import AddVxlan, created_devices

SCHEMES = list(all_schemes().values())
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)


def test_the_articles_eight_come_first_in_its_order():
    assert tuple(scheme_names()[:8]) == ARTICLE


def test_a_file_may_hold_several_schemes():
    assert {"policy-0", "policy-100", "policy-1000"} <= set(scheme_names())


def test_an_unknown_scheme_is_told_what_was_meant_and_what_there_is():
    with pytest.raises(UnknownScheme, match="did you mean 'calico'") as problem:
        find("calcio")
    assert all(name in str(problem.value) for name in ARTICLE)


@every_scheme
def test_a_plan_is_the_same_each_time_it_is_made(scheme):
    assert make_plan(scheme) == make_plan(scheme)


@every_scheme
def test_the_script_is_the_steps_quoted(scheme):
    for side in make_plan(scheme):
        lines = [line for line in side.script().splitlines() if line and line[0] not in "#:"]
        assert [shlex.split(line) for line in lines] == [step.argv() for step in side.steps]


@every_scheme
def test_device_names_fit_the_kernel(scheme):
    for side in make_plan(scheme):
        for step in side.steps:
            assert all(len(name) <= 15 for name in created_devices(step))


@every_scheme
def test_a_pod_leaves_room_for_what_its_tunnel_adds(scheme):
    for side in make_plan(scheme):
        inside = scheme.hops(side.host)[-1].inside
        assert side.endpoint.mtu == side.host.mtu - (inside.overhead if inside else 0)
        assert " mtu " not in side.script() or f" mtu {side.endpoint.mtu} " in side.script()


@every_scheme
def test_the_two_ends_differ(scheme):
    plan = make_plan(scheme)
    assert plan.a.endpoint.address != plan.b.endpoint.address


@every_scheme
def test_vteps_have_macs_that_were_chosen_beforehand(scheme):
    vteps = [s for side in make_plan(scheme) for s in side.steps if isinstance(s, AddVxlan)]
    assert len({vtep.address for vtep in vteps}) == len(vteps)


@every_scheme
def test_the_articles_known_slips_are_not_repeated(scheme):
    """No host routes to its own pods' subnet through the tunnel, as the article prints it."""
    for side in make_plan(scheme):
        own = side.endpoint.address.rsplit(".", 1)[0]
        for step in side.steps:
            if "flannel.1" in str(step) and "route add" in str(step):
                assert f"route add {own}.0/24" not in str(step)


@every_scheme
def test_it_says_what_it_is(scheme):
    assert scheme.summary and scheme.path and "\n" not in scheme.summary

"""Hosts whose owners have set them up in ways that can stand in a pod's way."""

from contextlib import ExitStack, contextmanager

import pytest

from cniperf.measure.run import prove_path
from cniperf.params import Experiment

pytestmark = pytest.mark.lab

SCHEMES = ("macvlan", "calico", "flannel-hostgw", "flannel-vxlan", "canal", "docker-nat")

# As Docker leaves it: what a host forwards is dropped, unless a rule of Docker's lets it through.
DROP = "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }"
# As firewalld has it: a chain of its own, in which nothing that is not asked for passes.
REJECT = ("table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; "
          "policy accept; reject with icmpx admin-prohibited; }; }")  # fmt: skip


@pytest.fixture
def settings(rehearsal):
    with ExitStack() as stack:
        yield lambda **wanted: [
            stack.enter_context(setting(rehearsal.lab, place, key.replace("__", "."), value))
            for key, value in wanted.items()
            for place in "ab"
        ]


@contextmanager
def setting(lab, place, key, value):
    before = lab.command(place, ["sysctl", "-n", key]).strip()
    lab.command(place, ["sysctl", "-qw", f"{key}={value}"])
    yield
    lab.command(place, ["sysctl", "-qw", f"{key}={before}"])


@pytest.fixture
def tables(rehearsal):
    made = []

    def make(text):
        for place in "ab":
            made.append((place, text.split()[1:3]))
            rehearsal.lab.command(place, ["nft", text])

    yield make
    for place, name in made:
        rehearsal.lab.command(place, ["nft", "delete", "table", *name])


def proven(scheme, rehearsal):
    return prove_path(Experiment.of(scheme=scheme, bed="ssh", hosts=rehearsal.hosts))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("strict", [1, 2])
def test_hosts_that_check_where_packets_come_from(scheme, strict, rehearsal, looks, settings):
    settings(net__ipv4__conf__all__rp_filter=strict, net__ipv4__conf__default__rp_filter=strict)
    assert proven(scheme, rehearsal).problem == ""


@pytest.mark.parametrize("table", [DROP, REJECT])
@pytest.mark.parametrize("scheme", ["calico", "flannel-vxlan", "docker-nat"])
def test_a_host_that_forwards_nothing_is_named_with_its_chain(
    scheme, table, rehearsal, looks, tables
):
    tables(table)
    problem = proven(scheme, rehearsal).problem
    name = " ".join((*table.split()[1:3], table.split()[5]))
    assert problem.startswith("a:postrouting saw 0 of the 100 packets that a:forward saw; a filter")
    assert "what host a and b forwards" in problem
    assert problem.endswith(f"see `nft list chain {name}`") and "policy" in problem

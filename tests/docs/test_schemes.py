"""What the book says of each scheme, and of what the article prints, holds on the kernel."""

import re
from dataclasses import replace

import pytest
from book import chapter, spans

from cniperf.beds import open_bed
from cniperf.beds.command import CommandFailed
from cniperf.hops import Bridge, Inside, Stack
from cniperf.hosts import ARTICLE_HOSTS
from cniperf.measure.evidence import prove
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.schemes import all_schemes, scheme_names
from cniperf.steps import AddFdb, AddNeighbour


def drawing(scheme):
    """Draw the way of a packet from the hops that the scheme declares."""
    a, b = (scheme.hops(host) for host in ARTICLE_HOSTS)
    rows = [("host a", outside(a)), ("wire", [f"in {a[-1].inside.name}" if a[-1].inside else on_the_wire(a)]),
            ("host b", outside(b)[::-1])]  # fmt: skip
    pods = [[hop.device for hop in hops if isinstance(hop, Inside)] for hops in (a, b)]
    if pods[0]:
        rows = [("pod a", pods[0]), *rows, ("pod b", pods[1])]
    if any(isinstance(hop, Bridge) for hop in a):
        rows.append(("stack", ["sees it only where br_netfilter is loaded"]))
    elif not any(isinstance(hop, Stack) for hop in a):
        sees = "the tunnel's packets only" if a[-1].inside else "nothing"
        rows.append(("stack", [f"of both hosts: sees {sees}"]))
    return "".join(f"{place:<8}{' → '.join(map(str, hops))}\n" for place, hops in rows)


def on_the_wire(hops):
    translated = any(isinstance(hop, Stack) and hop.translates for hop in hops)
    return "with host a's address" if translated else "as it is"


def outside(hops):
    return [hop for hop in hops if not isinstance(hop, Inside)]


@pytest.mark.parametrize("name", scheme_names())
def test_each_scheme_is_drawn_as_it_declares_its_path(name):
    first = re.search(r"```text\n(.*?)```", chapter("schemes.md", name), re.DOTALL)
    assert first and first[1] == drawing(all_schemes()[name])
    assert f"cniperf plan {name} --host a" in chapter("schemes.md", name)


@pytest.mark.parametrize("name", scheme_names())
def test_no_plan_has_a_line_that_the_book_calls_wrong(name):
    rows = re.findall(r"^\| (a|b|a, b) \| (.+?) \|", chapter("schemes.md", name), re.MULTILINE)
    for side in make_plan(name):
        for hosts, printed in rows:
            if side.host.name in hosts and not printed.endswith("first"):
                assert not spans(printed) & set(map(str, side.steps))


# Up to which step a plan is taken, the article's line, where, and what the kernel says to it.
REFUSED = [
    ("calico", "route add 169.254.1.1", "pod-a", "ip route add default via 169.254.1.1",
     "invalid gateway"),
    ("calico", "link set calico-h up", "a", "ip route add 172.28.0.3 dev calico-h", "not up"),
    ("canal", "link set canal-h up", "a", "ip route add 10.5.58.103 dev canal-h", "not up"),
    ("flannel-vxlan", "route add 10.5.47.0/24", "a",
     "ip route add 10.5.58.0/24 via 10.5.58.0 dev flannel.1 onlink", "invalid gateway"),
    ("ovs-bridge", "netns add", "a", "ovs-vsctl add-port br-int eth0", "already exists"),
    ("ovs-bridge", "addr add", "pod-a", "ip link set ovs up", "Cannot find device"),
]  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize(("scheme", "before", "place", "line", "says"), REFUSED)
def test_the_kernel_refuses_what_the_article_prints(scheme, before, place, line, says):
    with open_bed(Experiment.of(scheme=scheme)) as bed:
        plan = make_plan(scheme, *bed.hosts)
        upto = next(n for n, step in enumerate(plan.a.steps) if before in str(step))
        bed.apply(replace(plan, a=replace(plan.a, steps=plan.a.steps[:upto])))
        with pytest.raises(CommandFailed, match=says):
            bed.command(place, line.split())


OWN, PEER = "8e:09:f3:4f:94:34", "2a:33:36:9b:2f:28"  # of host b's VTEP and of host a's

# What the article gives host b's VTEP in place of the neighbour and FDB entries that work, and what
# the proof of path says to it.
ASTRAY = {
    "flannel-vxlan": ([AddNeighbour("10.5.58.0", PEER, "flannel.1"),
                       AddFdb(OWN, "192.168.20.42", "flannel.1")],
                      r"b:eth0 \(in VXLAN\) saw 0 of the 100 packets"),
    "canal": ([AddNeighbour("10.5.58.0", OWN, "flannel.1"),
               AddFdb(OWN, "192.168.20.43", "flannel.1")],
              r"b:postrouting saw \d{4} of the 100 packets"),
}  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize("scheme", ASTRAY)
def test_the_articles_entries_for_host_b_lead_astray(scheme):
    entries, says = ASTRAY[scheme]
    with open_bed(Experiment.of(scheme=scheme)) as bed:
        plan, wrong = make_plan(scheme, *bed.hosts), iter(entries)
        steps = [next(wrong) if isinstance(step, AddNeighbour | AddFdb) else step
                 for step in plan.b.steps]  # fmt: skip
        bed.apply(replace(plan, b=replace(plan.b, steps=tuple(steps))))
        assert re.match(says, prove(bed, plan).problem)

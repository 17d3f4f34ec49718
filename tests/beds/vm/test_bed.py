"""Two real guests, with a distribution's kernel and Open vSwitch in it."""

from contextlib import contextmanager

import pytest
from conftest import cannot_here
from guests import two_guests

from cniperf.beds.command import CommandFailed
from cniperf.measure.evidence import prove
from cniperf.measure.load import Load
from cniperf.params import Experiment
from cniperf.plan import make_plan

# What this machine's kernel may lack. Others are proven in the lab, and the article's eight on an
# older kernel, see test_old_kernel.py; of Open vSwitch's tunnels one takes the time.
WANTED = ("ovs-geneve", "ipvlan-l2", "ipvlan-l3", "calico-ipip", "calico-wireguard", "calico-ebpf",
          "cni-ipvlan")  # fmt: skip

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def guests():
    with two_guests() as bed:
        yield bed


@pytest.fixture
def _nothing_left():
    """The guests go on to the next test; the fixture that made them looks after itself."""


@contextmanager
def wired(bed, scheme):
    """A plan that is wired for the time of a block."""
    plan = make_plan(scheme, *bed.hosts)
    bed.apply(plan)
    try:
        yield plan
    finally:
        bed.undo(plan)


# Not `scheme`: what this machine's own kernel lacks the guests' has.
@pytest.mark.parametrize("wanted", WANTED)
def test_what_a_kernel_may_lack_is_wired_and_its_path_is_proven(wanted, guests, tmp_path):
    with wired(guests, wanted) as plan:
        evidence = prove(guests, plan)
        assert evidence.problem == ""
        assert evidence.arrived.there == evidence.arrived.back == evidence.packets
        assert loaded(guests, plan, tmp_path)["gbps"] > 0


def loaded(bed, plan, folder, duration=1):
    """The figures of a short load of what is wired."""
    asked = Experiment.of(scheme=plan.scheme, bed="vm", duration=duration, omit=0)
    return Load(bed, plan, asked.traffic, folder).run(lambda *_: None)


def test_open_vswitch_is_the_kernels(guests):
    assert guests.hosts[0].ovs_datapath == guests.hosts[1].ovs_datapath == "system"
    assert "openvswitch" in guests.command("a", ["cat", "/proc/modules"])


def test_nothing_of_a_guest_leads_anywhere_else(guests):
    """Not even to what listens on the loopback of QEMU's own namespace: the other's SSH server."""
    knock = "import socket; socket.create_connection(('10.0.2.2', 2202), timeout=2)"
    with pytest.raises(CommandFailed, match=r"Error|timed out"):
        guests.command("a", ["python3", "-c", knock])


def test_a_tunnel_costs_four_fifths_and_more_of_the_hosts_bytes_for_the_same_instructions(
    guests, tmp_path
):
    """The article's −86 %, out of instruction counts: virtio_net cuts no tunnel's segments."""
    if guests.accelerator != "tcg":
        cannot_here("KVM counts no instructions", kernel=True)
    cost = {}
    for scheme in ("hostnetwork", "flannel-vxlan", "canal"):
        folder = tmp_path / scheme
        folder.mkdir()
        with wired(guests, scheme) as plan:
            figures = loaded(guests, plan, folder, duration=2)
        assert figures["insn_per_byte"] == figures["insn_per_byte_a"] + figures["insn_per_byte_b"]
        cost[scheme] = figures["insn_per_byte"]
    losses = {name: 1 - cost["hostnetwork"] / own for name, own in cost.items()}
    assert 0.80 < losses["flannel-vxlan"] < 0.90, cost
    assert 0.80 < losses["canal"] < 0.90, cost

"""The path of packets, read off what devices count themselves."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from cniperf.beds.bed import Untouched
from cniperf.errors import NotAble
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.measure import by_devices
from cniperf.measure.by_devices import PACKETS, counts
from cniperf.measure.turns import together
from cniperf.plan import HostPlan, Plan

TABLE = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:     100       2    0    0    0     0          0         0      100       2    0    0
  eth0: 5000000    4000    0    0    0     0          0         0     7000      50    0    0
"""


def test_the_kernels_table_is_read_by_device():
    assert counts(TABLE) == {"lo": (2, 100, 2, 100), "eth0": (4000, 5000000, 50, 7000)}
    assert counts("") == {}


class Done:
    def wait(self):
        return 0


class FakeBed:
    """Two nodes whose devices count what a path makes them carry.

    Args:
        path: by place, the devices that carry each packet, with the bytes that it has there.
        arriving: share of the packets that arrive.
        bites: a policy stops them.
    """

    name, wire, pause, one_machine, apart, together, cpus = "k8s", (), 5.0, False, True, False, {}

    def __init__(self, path, *, kinds=(), arriving=1.0, bites=False, allowed=True):
        self.hosts = tuple(
            Host(name=name, address=f"192.168.20.4{n}", pods=(Pod(f"pod-{name}"),))
            for n, name in enumerate("ab")
        )
        self._path, self._kinds, self._allowed = path, dict(kinds), allowed
        self._arriving, self._bites, self._denied = arriving, bites, False
        self._carried = {place: dict.fromkeys(names, 0) for place, names in path.items()}
        self._sent = {place: dict.fromkeys(names, 0) for place, names in path.items()}

    def plan(self):
        return Plan("pod-to-pod", *(
            HostPlan(host, (), (Endpoint(f"pod-{host.name}", f"10.0.0.{n}", "eth0", 1450),))
            for n, host in enumerate(self.hosts)
        ))  # fmt: skip

    def start_python(self, host, program, word, output, netns=None):
        import json

        job = json.loads(word)
        if job["do"] == "receive":
            share = 0 if self._denied and self._bites else self._arriving
            output.write_text(f"{int(job['count'] * share)}\n")
        else:
            way = self._sent if host.name == "a" else self._carried
            for place, names in self._path.items():
                for name in names:
                    way[place][name] += job["count"]
        return Done()

    def collect(self, folder):
        pass

    def commands(self, calls):
        return [self._table(call.place) for call in calls]

    def _table(self, place):
        lines = ["lo: 5 1 0 0 0 0 0 0 5 1 0 0"]
        for name, size in self._path[place].items():
            came, went = self._carried[place][name], self._sent[place][name]
            lines.append(f"{name}: {came * size} {came} 0 0 0 0 0 0 {went * size} {went} 0 0")
        return "\n".join(lines)

    def kinds(self, place):
        return self._kinds

    @contextmanager
    def denied(self):
        if not self._allowed:
            raise NotAble("no policy here")
        self._denied = True
        yield
        self._denied = False


PLAIN = {"pod-a": {"eth0": 1042}, "a": {"veth1": 1042, "cni0": 1028, "eth0": 1042},
         "b": {"eth0": 1042, "veth2": 1042}, "pod-b": {"eth0": 1042}}  # fmt: skip
KINDS = {"veth1": "veth", "veth2": "veth", "cni0": "bridge", "flannel.1": "vxlan"}


def proven(tmp_path, bed, monkeypatch):
    monkeypatch.setattr(by_devices, "POLICY", 0.0)
    return by_devices.prove(bed, bed.plan(), Path(tmp_path))


def test_devices_stand_in_the_order_of_the_way(tmp_path, monkeypatch):
    found = proven(tmp_path, FakeBed(PLAIN, kinds=KINDS), monkeypatch)
    assert [(hop["place"], hop["name"]) for hop in found.hops] == [
        ("pod-a", "eth0"), ("a", "veth1"), ("a", "cni0"), ("a", "eth0"),
        ("b", "eth0"), ("b", "veth2"), ("pod-b", "eth0"),
    ]  # fmt: skip
    assert not any(hop["wrapped"] for hop in found.hops) and found.problem == ""
    assert found.hops[3]["there"] == found.hops[3]["back"] == PACKETS
    assert found.hops[3]["size"] == 1028 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "kinds", "name"),
    [(50, KINDS, "VXLAN"), (50, {"gen0": "geneve"}, "Geneve"), (20, {}, "IP in IP"),
     (60, {}, "WireGuard"), (50, {}, "VXLAN or Geneve"), (37, {}, "37 bytes")],
)  # fmt: skip
def test_what_is_wrapped_around_a_packet_shows_as_bytes_more(
    tmp_path, monkeypatch, more, kinds, name
):
    path = {place: {device: size + (more if device == "eth0" and place in "ab" else 0)
                    for device, size in own.items()} for place, own in PLAIN.items()}  # fmt: skip
    found = proven(tmp_path, FakeBed(path, kinds=kinds), monkeypatch)
    nics = [hop for hop in found.hops if hop["place"] in "ab" and hop["name"] == "eth0"]
    assert [hop["encapsulation"] for hop in nics] == [name, name]
    assert sum(hop["wrapped"] for hop in found.hops) == 2


def test_packets_that_do_not_arrive_are_a_problem(tmp_path, monkeypatch):
    found = proven(tmp_path, FakeBed(PLAIN, arriving=0.5), monkeypatch)
    assert found.problem == "1000 of 2000 packets arrived in pod b"


@pytest.mark.parametrize(
    ("how", "policy"),
    [({"bites": True}, {"sent": 20, "dropped": 20, "arrived": 0}),
     ({"bites": False}, {"sent": 20, "dropped": 0, "arrived": 20}), ({"allowed": False}, None)],
)  # fmt: skip
def test_a_policy_takes_effect_or_not_or_may_not_be_made(tmp_path, monkeypatch, how, policy):
    assert proven(tmp_path, FakeBed(PLAIN, **how), monkeypatch).policy == policy


def test_such_a_bed_is_known_by_what_it_can_do():
    assert not isinstance(object(), Untouched)


# ── two metronomes ────────────────────────────────────────────────────────────────────────────


def rows(leg, moments, late=()):
    head = ",".join(by_devices_head())
    lines = [
        f"{leg},{block},{at},{at},{at + 1},{at + (9 if (block, at) in late else 1.5)},0,9,9,0,1448,"
        "9,0,0,0,0"
        for block, at in moments
    ]  # fmt: skip
    return "\n".join([head, *lines]) + "\n"


def by_devices_head():
    from cniperf.beds.metronome import HEAD

    return HEAD.split(",")


ONE = [(1, 0), (1, 6), (2, 10), (2, 12)]
OTHER = [(1, 2), (1, 4), (2, 8), (2, 14)]


def test_two_metronomes_make_one_table_in_the_order_of_the_turns():
    made = together([rows("s", ONE), rows("h", OTHER)]).splitlines()[1:]
    assert "".join(line[0] for line in made) == "shhshssh"


def test_a_block_in_which_a_turn_ran_into_the_next_does_not_count():
    made = together([rows("s", ONE, late=[(1, 0)]), rows("h", OTHER)]).splitlines()[1:]
    assert {line.split(",")[1] for line in made} == {"2"}


def test_a_block_that_is_not_whole_does_not_count():
    made = together([rows("s", ONE), rows("h", OTHER[:-1])]).splitlines()[1:]
    assert {line.split(",")[1] for line in made} == {"1"}
    with pytest.raises(Exception, match="window=512K"):
        together([rows("s", ONE), rows("h", [])])

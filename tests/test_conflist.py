"""A CNI network's configuration: what is read, what is refused, what each plugin is given."""

import json
from dataclasses import replace

import pytest

from cniperf.conflist import digest, network, read
from cniperf.errors import ParameterError
from cniperf.hosts import ARTICLE_HOSTS
from cniperf.params import Experiment
from cniperf.runs import load_runs

BRIDGE = {"type": "bridge", "bridge": "mynet0", "isGateway": True,
          "ipam": {"type": "host-local", "subnet": "10.1.0.0/16",
                   "routes": [{"dst": "10.0.0.0/8"}]}}  # fmt: skip
LIST = {"cniVersion": "1.0.0", "name": "mynet",
        "plugins": [BRIDGE, {"type": "portmap", "capabilities": {"portMappings": True}}]}  # fmt: skip


def test_each_plugin_is_given_the_network_and_the_labs_addresses():
    own = read(json.dumps(LIST))
    (first, told), (second, rest) = own.calls("eth0", "172.28.180.3/24", "172.28.180.1")
    assert (first, second) == ("bridge", "portmap")
    assert json.loads(told) == {
        "cniVersion": "1.0.0", "name": "mynet", "type": "bridge", "bridge": "mynet0",
        "isGateway": True,
        "ipam": {"type": "static", "routes": [{"dst": "10.0.0.0/8"}],
                 "addresses": [{"address": "172.28.180.3/24", "gateway": "172.28.180.1"}]},
    }  # fmt: skip
    assert json.loads(rest) == {"cniVersion": "1.0.0", "name": "mynet", **LIST["plugins"][1]}


def test_a_single_plugin_is_a_network_of_one():
    own = read('{"cniVersion": "0.3.1", "name": "one", "type": "ptp", "ipMasq": true, "mtu": 1400}')
    assert (own.name, own.kind, own.verbs) == ("one", "ptp", "ADD")
    assert own.masquerades and not own.flat and own.mtu(9000) == 1400
    assert replace(own, folder="/opt/cni/bin").programs == ["/opt/cni/bin/ptp"]


@pytest.mark.parametrize(
    ("plugin", "flat", "mtu", "bridge"),
    [
        ({"type": "macvlan", "master": "ens5"}, True, 9000, ""),
        ({"type": "ipvlan"}, True, 9000, ""),
        ({"type": "ipvlan", "mode": "l3"}, False, 9000, ""),
        ({"type": "bridge"}, False, 1500, "cni0"),
        ({"type": "ptp"}, False, 1500, ""),
    ],
)
def test_what_follows_from_a_plugin(plugin, flat, mtu, bridge):
    own = network("n", plugin)
    assert (own.flat, own.mtu(9000), own.bridge) == (flat, mtu, bridge)
    ((_, told),) = own.calls("eth0", "172.28.190.3/24", "")
    assert json.loads(told).get("master") == ("eth0" if own.kind in ("macvlan", "ipvlan") else None)


def test_a_network_may_forbid_check():
    assert read(json.dumps(LIST)).verbs == "ADD CHECK"
    assert read(json.dumps({**LIST, "disableCheck": True})).verbs == "ADD"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no JSON object"),
        ("{}", '"name" is missing'),
        ('{"name": 1}', '"name" is missing'),
        ('{"name": "n"}', '"cniVersion" must be one of 0.3.0'),
        ('{"name": "n", "cniVersion": "0.2.0", "plugins": []}', '"cniVersion" must be one of'),
        ('{"name": "n", "cniVersion": ["1.0.0"], "plugins": []}', '"cniVersion" must be one of'),
        ('{"name": "n", "cniVersion": "1.0.0"}', '"plugins" is missing'),
        ('{"name": "n", "cniVersion": "1.0.0", "plugins": []}', '"plugins" is missing'),
        ('{"name": "n", "cniVersion": "1.0.0", "plugins": [3]}', 'plugin 1 has no "type"'),
        ('{"name": "n", "cniVersion": "1.0.0", "type": "../../bin/sh"}', 'has no "type"'),
        ('{"name": "n", "cniVersion": "1.0.0", "type": "ptp", "ipam": []}', '"ipam" must be'),
        ('{"name": "n", "cniVersion": "1.0.0", "type": "ptp", "mtu": "x"}', '"mtu" must be a numb'),
        ('{"name": "n", "cniVersion": "1.0.0", "type": "bridge", "bridge": 3}', '"bridge" must be'),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(text, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        read(text)
    file = tmp_path / "net.conf"
    file.write_text(text)
    with pytest.raises(ParameterError) as problem:
        Experiment.of(scheme="cni", config=str(file))
    assert says in str(problem.value) and "\n" not in str(problem.value)


def test_a_run_holds_the_network_not_the_name_of_its_file(tmp_path):
    file = tmp_path / "10-mynet.conflist"
    file.write_text(json.dumps(LIST, indent=4))
    asked = Experiment.of(scheme="cni", config=str(file))
    file.unlink()
    assert Experiment.of(**asked.model_dump(exclude_none=True)) == asked
    assert asked.cni is not None and asked.cni.plugins == LIST["plugins"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "needs config: the network to measure"),
        ({"config": "/nowhere/net.conf"}, "cannot read it"),
        ({"config": "{}", "bed": "counted"}, '"name" is missing'),
        ({"bed": "counted"}, "goes with bed='lab' only"),
    ],
)
def test_a_scheme_without_its_network_is_refused(asked, says):
    with pytest.raises(ParameterError, match=says):
        Experiment.of(scheme="cni", **asked)


def test_runs_of_two_networks_never_meet(shelf):
    a, b = (network(name, {"type": "ptp"}).text for name in "ab")
    for config in (a, b):
        shelf.add("cni", 10.0, config=config)
    runs = load_runs(shelf.folder)
    assert runs["config"].tolist() == [f"{n} (ptp) {digest(t)}" for n, t in (("a", a), ("b", b))]


def test_the_pods_of_the_two_hosts_have_addresses_of_their_own():
    from cniperf.schemes.cni import SCHEMES

    for scheme in SCHEMES:
        ends = [scheme.endpoint(host, host.pods[0]).address for host in ARTICLE_HOSTS]
        assert len(set(ends)) == 2

import base64
import inspect
import subprocess
from shutil import which

import pytest

from cniperf import steps
from cniperf.schemes.calico_wireguard import PRIVATE, PUBLIC
from cniperf.steps import (
    AddAddress,
    AddFdb,
    AddNftDrops,
    AddRoute,
    AddVeth,
    DelLink,
    SetSysctl,
    SetWireguard,
    Step,
)

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


def test_what_a_fixed_shell_text_is_given_are_words_and_no_commands():
    hostile = "$(reboot); `reboot`"
    for step in (SetWireguard("wg0", hostile, 1, hostile, hostile, (hostile,)),
                 AddNftDrops(hostile, hostile, 3)):  # fmt: skip
        shell, option, text, *words = step.argv()
        assert (shell, option) == ("sh", "-c") and "reboot" not in text
        assert any(hostile in word for word in words)


def test_as_many_rules_are_made_as_were_asked_for_each_of_another_address():
    argv = AddNftDrops("t", "c", 600).argv()
    said = subprocess.run([*argv[:2], argv[2].replace("nft -f -", "cat"), *argv[3:]],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    lines = said.splitlines()
    assert len(set(lines)) == len(lines) == 600
    assert lines[255] == "add rule ip t c ip saddr 198.18.1.0 drop"


@pytest.mark.skipif(which("wg") is None, reason="no wg")
def test_the_lab_keys_belong_together_and_say_that_they_are_no_secret():
    for host in "ab":
        private = PRIVATE[host]
        public = subprocess.check_output(["wg", "pubkey"], input=private, text=True).strip()
        assert public == PUBLIC[host] and b"public lab key" in base64.b64decode(private)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_every_verb_says_what_it_is_and_has_an_argv_of_its_own(verb):
    assert verb.__doc__
    assert "argv" in vars(verb)

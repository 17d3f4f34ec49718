"""A runtime's calls: what each plugin is given, in which order, and how an error is reported."""

import json
import subprocess

import pytest

from cniperf.steps import AttachCni

PLUGIN = """#!/bin/sh
whole=$(cat)
echo "{name} $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $whole" >> "$CNI_PATH/calls"
{end}
"""
ADDS = '[ "$CNI_COMMAND" != ADD ] || echo \'{"cniVersion": "1.0.0",\n "from": "NAME"}\''
FAILS = 'echo \'{"code": 7,\n    "msg": "no * here"}\'; exit 1'


@pytest.fixture
def plugins(tmp_path):
    def make(**ends):
        for name, end in ends.items():
            file = tmp_path / name
            file.write_text(
                PLUGIN.replace("{name}", name).replace("{end}", end.replace("NAME", name))
            )
            file.chmod(0o755)
        conf = '{"name":"n","cniVersion":"1.0.0","text":"a \\"b\\" $c `d` %s"}'
        return AttachCni("eth0", tuple((name, conf) for name in ends), str(tmp_path), netns="pod")

    return make


def calls(tmp_path):
    for line in (tmp_path / "calls").read_text().replace("\n ", " ").splitlines():
        name, verb, container, netns, device, whole = line.split(" ", 5)
        assert (container, netns, device) == ("pod", "/run/netns/pod", "eth0")
        conf = json.loads(whole)
        assert conf["text"] == 'a "b" $c `d` %s'
        yield name, verb, conf.get("prevResult", {}).get("from")


def test_a_result_goes_to_the_next_plugin_and_the_last_one_to_check(plugins, tmp_path):
    step = plugins(one=ADDS, two=ADDS, three=ADDS)
    subprocess.run(step.argv(), check=True)
    assert list(calls(tmp_path)) == [
        ("one", "ADD", None), ("two", "ADD", "one"), ("three", "ADD", "two"),
        ("one", "CHECK", "three"), ("two", "CHECK", "three"), ("three", "CHECK", "three"),
    ]  # fmt: skip
    (tmp_path / "calls").unlink()
    subprocess.run(step.undo().argv(), check=True)
    assert [call[:2] for call in calls(tmp_path)] == [
        ("three", "DEL"), ("two", "DEL"), ("one", "DEL"),
    ]  # fmt: skip


def test_a_plugins_error_is_one_line_and_ends_the_chain(plugins, tmp_path):
    step = plugins(one=ADDS, two=FAILS, three=ADDS)
    done = subprocess.run(step.argv(), capture_output=True, text=True, cwd="/")
    assert done.returncode == 1
    assert done.stderr == 'CNI plugin two, ADD: {"code": 7, "msg": "no * here"}\n'
    assert [call[0] for call in calls(tmp_path)] == ["one", "two"]
    assert step.brief == "CNI ADD CHECK pod: one, two, three"

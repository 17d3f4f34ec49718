"""The lab that stays up, through the command line as a person uses it."""

import subprocess
import sys
from pathlib import Path

import pytest

from cniperf.beds.lab import keeper
from cniperf.cli.lab import capture
from cniperf.errors import ParameterError

HERE = keeper.Standing(
    lab="0000", pid=1, scheme="calico", places={"pod-a": "x-pod-a", "a": "x-a"},
    devices={"pod-a": ["calico-c", "lo"], "a": ["eth0"]}, pods={"a": "1.2.3.4", "b": "1.2.3.5"},
    environ={"a": {"OVS_RUNDIR": "/run/x"}, "b": {}},
)  # fmt: skip


def test_a_command_runs_in_the_namespace_of_its_place():
    assert HERE.enter("a", ["ovs-vsctl", "show"]) == [
        "nsenter", "--net=/run/netns/x-a", "--", "env", "OVS_RUNDIR=/run/x", "ovs-vsctl", "show",
    ]  # fmt: skip
    with pytest.raises(ParameterError, match="no place 'pod-c': pod-a, a"):
        HERE.enter("pod-c", ["true"])


def test_a_hop_that_is_no_device_is_told_what_there_is():
    assert HERE.device("pod-a:calico-c") == ("pod-a", "calico-c")
    for wrong in ("eth0", "a:forward", "b:eth0"):
        with pytest.raises(ParameterError, match="pod-a:calico-c"):
            HERE.device(wrong)


@pytest.mark.parametrize(
    ("options", "says"),
    [({}, "capturing a:eth0 to a-eth0.pcap; it stops with Ctrl-C\n"),
     ({"out": Path("x.pcap"), "count": 5}, "capturing a:eth0 to x.pcap; it stops after 5 packets\n")],
)  # fmt: skip
def test_a_capture_names_its_file(monkeypatch, capsys, tmp_path, options, says):
    monkeypatch.chdir(tmp_path)
    started = []
    monkeypatch.setattr(keeper, "the_one", lambda: HERE)
    monkeypatch.setattr("cniperf.beds.privilege.require_root", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("cniperf.stop.let_go", lambda: None)
    monkeypatch.setattr("os.execvp", lambda file, argv: started.append(argv))
    capture("a:eth0", **options)
    assert capsys.readouterr().out == says
    (argv,) = started
    assert argv[argv.index("-w") + 1] == says.split()[3].rstrip(";")


def cniperf(*argv, cwd=None):
    done = subprocess.run(
        [sys.executable, "-m", "cniperf", *argv], capture_output=True, text=True, check=False,
        timeout=60, cwd=cwd,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def standing():
    def up(scheme):
        code, said = cniperf("up", scheme)
        assert code == 0, said
        return said

    yield up
    if keeper.find():
        keeper.down()


@pytest.mark.lab
def test_a_lab_goes_up_is_looked_into_and_comes_down(standing, tmp_path):
    said = standing("calico")
    assert "calico-h" in said and "172.28.1.3" in said
    code, said = cniperf("exec", "pod-a", "--", "ip", "-br", "addr")
    assert code == 0 and "172.28.0.3/24" in said
    assert cniperf("exec", "a", "--", "false")[0] == 1  # the command's own exit code
    code, said = cniperf("up", "canal")
    assert code == 1 and "cniperf down" in said
    code, said = cniperf("run", "macvlan", "--data-dir", str(tmp_path))
    assert code == 1 and "cniperf up calico" in said
    ping = subprocess.Popen(
        [sys.executable, "-m", "cniperf", "exec", "pod-a", "--", "ping", "-qi", "0.05", "-c", "60",
         "172.28.1.3"], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    code, said = cniperf("capture", "a:eth0", "-c", "5", "-o", "seen.pcap", cwd=tmp_path)
    ping.wait()
    assert code == 0, said
    read = ["tcpdump", "-nr", str(tmp_path / "seen.pcap")]
    assert "ICMP echo" in subprocess.run(read, capture_output=True, text=True, check=True).stdout
    assert cniperf("down") == (0, "calico is down\n")
    assert cniperf("down")[0] == 1


@pytest.mark.lab
def test_open_vswitch_answers_in_the_lab(standing):
    standing("ovs")
    code, said = cniperf("exec", "a", "--", "ovs-ofctl", "dump-flows", "br-int")
    assert code == 0 and "nw_dst=172.28.200.3" in said


@pytest.mark.lab
def test_without_a_lab_one_is_told_how_to_get_it():
    for argv in (["exec", "a", "--", "true"], ["capture", "a:eth0"], ["down"]):
        assert cniperf(*argv) == (1, "cniperf: no lab is up: cniperf up SCHEME\n")


@pytest.mark.lab
def test_what_cannot_be_built_is_told_and_leaves_nothing(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    code, said = cniperf("up", "calico")
    assert code == 1 and "Traceback" not in said and said.count("\n") == 1

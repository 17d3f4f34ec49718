"""The SSH bed on real servers: one ``sshd`` in each of a lab's two hosts, reached by fabric."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cniperf.beds import snapshot, survey
from cniperf.beds.command import CommandFailed
from cniperf.beds.connection import HostLost
from cniperf.beds.journal import sweep_dead
from cniperf.beds.rehearsal import Rehearsal
from cniperf.beds.remote import Remote
from cniperf.beds.ssh import SshBed
from cniperf.errors import Busy, CniperfError, NotAble, ParameterError, StepFailed
from cniperf.hosts import Host
from cniperf.inventory import read_inventory
from cniperf.measure.load import Load
from cniperf.measure.run import run
from cniperf.params import Experiment
from cniperf.plan import HostPlan, Plan, make_plan
from cniperf.runs import load_evidence, load_runs
from cniperf.schemes import scheme_names
from cniperf.steps import LinkUp

pytestmark = pytest.mark.lab

GRACE = 5


@pytest.fixture(scope="module")
def rehearsal():
    with Rehearsal(ovs=True) as found:
        yield found


@pytest.fixture
def machines(rehearsal):
    rehearsal.write({name: rehearsal.entry(host) for host, name in (("a", "alpha"), ("b", "beta"))})
    return read_inventory(rehearsal.hosts).pair()


@pytest.fixture
def looks(machines):
    """Look at both hosts; at the end they must be as they were."""
    remotes = [Remote(machine) for machine in machines]
    for remote in remotes:
        remote.open()

    def look():
        return [snapshot.take(remote) for remote in remotes]

    before = look()
    yield look
    assert changed(before, look) == [[], []]
    assert not left()
    for remote in remotes:
        remote.close()


def changed(before, look, within: float = 3.0):
    """What is not as it was, once it has settled."""
    end = time.monotonic() + within
    while True:
        now = look()
        found = [snapshot.differences(*pair) for pair in zip(before, now, strict=True)]
        if found == [[], []] or time.monotonic() > end:
            return found
        time.sleep(0.2)


def left() -> list[str]:
    return [str(path) for path in Path("/run").glob("cniperf-host-*")]


def switches() -> set[str]:
    """The command line of each; a set, as a shell that forks has its own twice for a moment."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_text()
        except OSError:
            continue
        if "switch.sh" in words:
            found.add(words)
    return found


# ── all eight ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", scheme_names())
def test_every_scheme_is_wired_proven_and_loaded(scheme, rehearsal, looks, tmp_path):
    asked = Experiment.of(scheme=scheme, bed="ssh", hosts=rehearsal.hosts, duration=2, omit=0,
                          data_dir=tmp_path)  # fmt: skip
    (folder,) = run(asked, lambda moment: None)
    row = load_runs(tmp_path).iloc[0]
    assert (row["bed"], row["nic"], row["status"]) == ("ssh", "own", "ok")
    assert row["gbps"] > 0.05
    assert row["cpu_a"] > 0 and row["cpu_per_gb_b"] > 0
    assert load_evidence(folder)["problem"] == ""
    record = json.loads((folder / "run.json").read_text())
    assert record["bed"]["machines"] == {"a": "alpha", "b": "beta"}
    assert record["environment"]["kernel"] == os.uname().release
    assert {"machines", "nics", "grace"} <= set(record["bed"])
    assert {"between", "allow_shared_nic", "grace"} <= set(record["params"])
    assert set(record["environment"]["hosts"]) == {"a", "b"}
    assert str(rehearsal.folder) not in (folder / "run.json").read_text()


@pytest.mark.parametrize("more", [{"mode": "rr"}, {"mode": "crr"}, {"pairs": 3}])
def test_other_loads_and_several_pods(more, rehearsal, looks, tmp_path):
    asked = Experiment.of(scheme="calico", bed="ssh", hosts=rehearsal.hosts, duration=2, omit=0,
                          data_dir=tmp_path, **more)  # fmt: skip
    run(asked, lambda moment: None)
    assert load_runs(tmp_path).iloc[0]["figure"] > 0


# ── never lose a host ─────────────────────────────────────────────────────────────────────────

HOLD = """
import sys, time
from pathlib import Path
from cniperf.beds.ssh import SshBed
from cniperf.inventory import read_inventory
from cniperf.plan import make_plan
with SshBed(read_inventory(Path(sys.argv[1])).pair(), ovs=True, grace={grace}) as bed:
    plan = make_plan("ovs", *bed.hosts)
    bed.apply(plan)
    bed.start(bed.hosts[1], plan.b.endpoint.netns, ["iperf3", "-s"], Path("/tmp/none/out"))
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(rehearsal, looks):
    """A controller that has plugged both data interfaces into Open vSwitch, and a load's server."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(grace=GRACE), str(rehearsal.hosts)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline() == "held\n", child.stderr.read()
    yield child
    child.kill()
    child.communicate()
    sweep_dead()  # what the next run would do


def test_a_killed_controller_loses_no_host(holder, looks):
    held = looks()
    assert "br-int" in held[0]["bridges"]
    assert wait_for(lambda: len(switches()) == 2)  # those of a test before end within a second
    assert wait_for(iperf_servers)
    holder.kill()
    holder.wait()
    assert wait_for(lambda: not iperf_servers()), "a load outlived its controller"
    assert restored(looks, within=GRACE + 6)
    assert wait_for(lambda: not switches())


def test_connections_that_drop_lose_no_host(holder, looks):
    for pid in servers_of(holder.pid):  # as a reboot of sshd, or a cable that is cut, does
        os.kill(pid, signal.SIGKILL)
    assert restored(looks, within=GRACE + 6)


def test_a_load_whose_connection_drops_ends_at_once(machines, looks, tmp_path):
    asked = Experiment.of(scheme="calico", duration=60)
    begin = time.monotonic()
    with (
        # What is noticed first: the client that lost its server, or the connection.
        pytest.raises(CniperfError, match=r"connection broke|server has terminated"),
        SshBed(machines, grace=GRACE) as bed,
    ):
        plan = make_plan("calico", *bed.hosts)
        bed.apply(plan)

        def cut(*_):
            for pid in servers_of(os.getpid(), at_least=2)[-2:]:  # the others are the test's own
                os.kill(pid, signal.SIGKILL)

        Load(bed, plan, asked, tmp_path).run(cut)
    assert time.monotonic() - begin < 30


def test_a_controller_that_is_told_to_stop_takes_all_back_at_once(holder, looks):
    holder.send_signal(signal.SIGINT)
    holder.wait(timeout=15)
    assert restored(looks, within=1)


def wait_for(condition, within: float = 3.0) -> bool:
    """Whether it holds before the time is up."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def iperf_servers() -> list[str]:
    return [str(file) for file in Path("/proc").glob("[0-9]*/cmdline") if _is(file, "iperf3")]


def _is(file: Path, name: str) -> bool:
    try:
        return file.read_text().split("\0")[0] == name
    except OSError:
        return False


def servers_of(pid: int, at_least: int = 0) -> list[int]:
    """The SSH servers at the other end of a process's connections, the newest last."""
    began = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = file.read_text()
        except OSError:
            continue
        state, parent, *rest = words.rpartition(")")[2].split()
        if "(sshd)" in words and state != "Z" and int(parent) == pid:
            began[int(file.parent.name)] = int(rest[17])  # pids begin anew at 32768
    assert len(began) >= at_least if at_least else len(began) == 2
    return sorted(began, key=began.__getitem__)


def restored(looks, within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not left() and not looks()[0]["bridges"] and not looks()[1]["bridges"]:
            return True
        time.sleep(0.2)
    return False


def test_a_step_that_fails_in_the_middle_is_named_and_all_is_taken_back(machines, looks):
    with (
        pytest.raises(StepFailed, match=r"host beta: `ip link set no-such up` was refused"),
        SshBed(machines) as bed,
    ):
        a, b = make_plan("flannel-vxlan", *bed.hosts)
        steps = (*b.steps[:12], LinkUp("no-such"), *b.steps[12:])
        bed.apply(Plan("flannel-vxlan", a, HostPlan(b.host, steps, b.endpoints)))


def test_what_stays_different_is_an_error_that_names_it(rehearsal, machines):
    with (
        pytest.raises(CniperfError, match=r"host beta is not as it was: .*vagabond is new"),
        SshBed(machines) as bed,
    ):
        bed.command("b", ["ip", "link", "add", "vagabond", "type", "bridge"])
    rehearsal.lab.command("b", ["ip", "link", "del", "vagabond"])


def test_one_load_at_a_time_on_a_host(machines, looks):
    taken = pytest.raises(Busy, match="host alpha is taken by another run")
    with SshBed(machines), taken, SshBed(machines):
        pass


def test_a_data_interface_that_carries_the_default_route_is_refused(rehearsal, machines, looks):
    rehearsal.lab.command("a", ["ip", "route", "replace", "default", "dev", "eth0"])
    try:
        with (
            pytest.raises(NotAble, match=r"host alpha: eth0 carries the default route"),
            SshBed(machines),
        ):
            pass
        assert not left()
        with SshBed(machines, allow_shared_nic=True):
            assert left()
    finally:
        rehearsal.lab.command("a", ["ip", "route", "replace", "default", "dev", "mgmt0"])


def test_a_data_interface_that_carries_the_connection_is_refused(
    rehearsal, machines, looks, monkeypatch
):
    # These connections are no network's, so what the server would say of one is put in its place.
    said = f"echo 192.168.20.1 50000 {rehearsal.lab.hosts[0].address} 22"
    monkeypatch.setitem(survey.QUESTIONS, "ssh", said)
    with (
        pytest.raises(NotAble, match="host alpha: eth0 carries the SSH connection"),
        SshBed(machines),
    ):
        pass


# ── what cannot begin ─────────────────────────────────────────────────────────────────────────


def connecting() -> list[str]:
    """The threads of connections that were never let in."""
    names = [str(thread) for thread in threading.enumerate()]
    return [name for name in names if "Transport" in name and "awaiting auth" in name]


def refused(rehearsal, error, match, **changes):
    """Hold an experiment with another entry for host beta to one line, and to having touched nothing."""
    rehearsal.write({"alpha": rehearsal.entry("a"), "beta": {**rehearsal.entry("b"), **changes}})
    asked = Experiment.of(scheme="calico", bed="ssh", hosts=rehearsal.hosts, duration=1)
    with pytest.raises(error, match=match) as told:
        run(asked, lambda moment: None)
    assert "\n" not in str(told.value)
    assert not left()
    assert wait_for(lambda: not connecting()), "a connection that was refused lives on"


def test_a_wrong_key(rehearsal, looks):
    other = rehearsal.folder / "other"
    other.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    refused(rehearsal, HostLost, "host beta lets nobody in as root@beta", key=str(other))


def test_a_key_of_the_host_that_nobody_has_accepted(rehearsal, looks, tmp_path):
    nobody = tmp_path / "known_hosts"
    nobody.write_text("")
    refused(rehearsal, HostLost, "is not known; if it is right, accept it: ssh -o Strict",
            known_hosts=str(nobody))  # fmt: skip


def test_a_key_of_the_host_that_has_changed(rehearsal, looks, tmp_path):
    wrong = tmp_path / "known_hosts"
    words = (rehearsal.folder / "known_hosts").read_text().splitlines()[0].split()
    wrong.write_text(f"beta {words[1]} {words[2]}\n")  # alpha's
    refused(rehearsal, HostLost, "its key is another than the known one", known_hosts=str(wrong))


def test_a_wrong_port_and_a_host_that_is_down(rehearsal, looks):
    refused(rehearsal, HostLost, r"host beta \(root@127.0.0.1:1\) cannot be reached",
            ssh="127.0.0.1", port=1, proxy_command="")  # fmt: skip
    refused(rehearsal, HostLost, "host beta .* cannot be reached", proxy_command="false")


def test_another_interface_another_address_another_mtu(rehearsal, looks):
    refused(rehearsal, ParameterError, "host beta has no interface 'eth7': lo", nic="eth7")
    refused(rehearsal, ParameterError, "does not have the address 192.168.20.99/24",
            address="192.168.20.99/24")  # fmt: skip
    with (
        pytest.raises(ParameterError, match="MTU 1500, not 9000: give mtu=1500"),
        SshBed(read_inventory(_good(rehearsal)).pair(), mtu=9000),
    ):
        pass


def _good(rehearsal) -> Path:
    rehearsal.write({"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")})
    return rehearsal.hosts


def test_a_tool_that_one_side_lacks(machines, looks):
    with (
        pytest.raises(NotAble, match="host alpha: iperf9 not found: apt-get install iperf9"),
        SshBed(machines, tools={"iperf9": "iperf9"}),
    ):
        pass


def test_no_sudo(machines, looks):
    class Plain(Remote):
        """A host that says its user is not root, as ours has no other account."""

        def run(self, script, text=None):
            return "1000\n" if script == "id -u" and not self._prefix else super().run(script, text)

    plain = Plain(machines[0])
    with pytest.raises(NotAble, match="host alpha: root is not root and sudo wants more"):
        plain.open()
    plain.close()


# ── the edge ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "word",
    [
        "eth0; touch {}",
        "$(touch {})",
        "`touch {}`",
        "a\ntouch {}",
        "'; touch {}; '",
        '"; touch {} "',
    ],
)
def test_nothing_hostile_reaches_a_shell_of_the_host(word, machines, looks, tmp_path):
    bait = tmp_path / "bait"
    hostile = word.format(bait)
    remote = Remote(machines[0])
    remote.open()
    assert remote.command(["printf", "%s", hostile]) == hostile
    assert remote.command(["cat"], text=hostile) == hostile
    process = remote.start(["printf", "%s", hostile], None, str(tmp_path), str(tmp_path / "out"))
    assert process.wait() == 0
    assert (tmp_path / "out").read_text() == hostile
    with pytest.raises(CommandFailed):
        remote.command(["ip", "link", "show", hostile])
    assert not bait.exists()
    remote.close()


def test_a_large_output_and_many_commands_come_back_whole(machines):
    remote = Remote(machines[0])
    remote.open()
    said = remote.command(["seq", "1", "400000"])
    assert said.split() == [str(n) for n in range(1, 400_001)]
    assert [remote.command(["echo", str(n)]) for n in range(20)] == [f"{n}\n" for n in range(20)]
    remote.close()


def test_the_same_devices_as_the_lab_makes(rehearsal, machines, looks):
    """Both beds on the same two hosts: addresses, links, routes, neighbours."""
    for scheme in ("macvlan", "calico", "flannel-vxlan", "canal"):
        lab = rehearsal.lab
        with SshBed(machines) as bed:
            plan = make_plan(scheme, *bed.hosts)
            bed.apply(plan)
            by_ssh = looks_like(rehearsal, plan)
        plan = make_plan(scheme, *[_as(host, plan) for host in lab.hosts])
        lab.apply(plan)
        by_netlink = looks_like(rehearsal, plan)
        lab.undo(plan)
        assert by_ssh == by_netlink, scheme


def _as(host: Host, plan: Plan) -> Host:
    pods = {side.host.name: side.host.pods for side in plan}
    return Host(**{**vars(host), "pods": pods[host.name], "ovs_datapath": "system"})


def looks_like(rehearsal, plan) -> list[object]:
    """What ``ip -j -d`` says of both hosts and their pods, less what is drawn anew each time."""
    found: list[object] = []
    for side in plan:
        for netns in (rehearsal.lab.namespace(side.host.name), side.endpoint.netns):
            for words in (["link"], ["addr"], ["route"], ["neigh", "show", "nud", "permanent"]):
                text = subprocess.check_output(["ip", "-n", netns, "-j", "-d", *words], text=True)
                found.append(_plain(json.loads(text or "[]"), "vxlan" in text))
    return found


DRAWN = {"ifindex", "link_index", "address", "link_netnsid", "ifi_index", "local6", "operstate",
         "valid_life_time", "preferred_life_time", "tentative", "bridge_id", "root_id",
         "gc_timer", "hello_timer", "tcn_timer", "topology_change_timer",
         "topology_change", "ageing_time", "designated_root", "designated_bridge",
         "hold_timer", "message_age_timer", "forward_delay_timer", "promiscuity"}  # fmt: skip


def _plain(entry, keep_macs):
    if isinstance(entry, dict):
        return {name: _plain(value, keep_macs) for name, value in entry.items() if name not in DRAWN
                and not (name == "local" and str(value).startswith("fe80"))}  # fmt: skip
    if isinstance(entry, list):
        return [_plain(value, keep_macs) for value in entry if not _ipv6(value)]
    return entry


def _ipv6(value) -> bool:
    return isinstance(value, dict) and value.get("family") == "inet6"


# ── suites, hosts check ───────────────────────────────────────────────────────────────────────


def test_a_suite_measures_every_pair_and_its_report_has_a_map_of_hosts(rehearsal, looks, tmp_path):
    entries = {"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")}
    rehearsal.write(entries, pairs=[["alpha", "beta"], ["beta", "alpha"]])
    command = [sys.executable, "-m", "cniperf", "suite", "calico", "--bed", "ssh",
               "--hosts", rehearsal.hosts, "--rounds", "1", "--target", "0", "--omit", "0",
               "--data-dir", tmp_path / "data", "--out-dir", tmp_path / "out"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    runs = load_runs(tmp_path / "data")
    assert runs.groupby(["between", "scheme"]).size().to_dict() == {
        ("alpha,beta", "calico"): 1, ("alpha,beta", "hostnetwork"): 2,
        ("beta,alpha", "calico"): 1, ("beta,alpha", "hostnetwork"): 2,
    }  # fmt: skip
    (page,) = (tmp_path / "out").glob("*.html")
    text = page.read_text()
    assert "Host by host" in text and "The hosts' own NICs, alpha to beta" in text.replace(
        "&#x27;", "'"
    )


def moved(rehearsal, host: str, number: int):
    """Give a host another address of its network, and return its entry of the hosts file."""
    entry = rehearsal.entry(host)
    old, _, prefixlen = entry["address"].partition("/")
    network, _, _ = old.rpartition(".")
    new = f"{network}.{number}/{prefixlen}"
    for words in (["del", entry["address"]], ["add", new]):
        rehearsal.lab.command(host, ["ip", "addr", *words, "dev", entry["nic"]])
    return {**entry, "address": new}


def test_two_pairs_that_share_no_host_are_loaded_at_once(rehearsal, looks, tmp_path):
    entries = {"alpha": rehearsal.entry("a"), "beta": rehearsal.entry("b")}
    with Rehearsal() as other:
        # Its servers call themselves alpha and beta, too: each file of known keys is its own.
        entries |= {"gamma": moved(other, "a", 52), "delta": moved(other, "b", 53)}
        rehearsal.write(entries, pairs=[["alpha", "beta"], ["gamma", "delta"]])
        command = [sys.executable, "-m", "cniperf", "suite", "calico", "--bed", "ssh",
                   "--hosts", rehearsal.hosts, "--rounds", "1", "--target", "0", "--omit", "0",
                   "--duration", "3", "--at-once", "2",
                   "--data-dir", tmp_path / "data", "--out-dir", tmp_path / "out"]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    runs = load_runs(tmp_path / "data")
    assert runs["status"].eq("ok").all()
    assert runs.groupby(["between", "scheme"]).size().to_dict() == {
        ("alpha,beta", "calico"): 1, ("alpha,beta", "hostnetwork"): 2,
        ("gamma,delta", "calico"): 1, ("gamma,delta", "hostnetwork"): 2,
    }  # fmt: skip
    apart = runs["started"].sort_values().diff().dt.total_seconds()
    assert (apart < 3).sum() >= 2  # shorter than a load: they were under way together
    assert (tmp_path / "out/report.html").exists()


def hosts_check(rehearsal) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cniperf", "hosts", "check", str(rehearsal.hosts)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_hosts_check_finds_two_good_hosts_ready(rehearsal, machines, looks):
    done = hosts_check(rehearsal)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "packets of 1500 bytes pass whole" in done.stdout
    assert "eth0 and eth0 are on one link" in done.stdout


def test_hosts_check_names_what_stands_in_the_way(rehearsal, machines, looks):
    rehearsal.write({
        "alpha": {**rehearsal.entry("a"), "address": "192.168.20.77/24"},
        "beta": {**rehearsal.entry("b"), "proxy_command": "false"},
        "gamma": {**rehearsal.entry("b"), "nic": "eth9", "address": "192.168.20.78/24"},
    })  # fmt: skip
    done = hosts_check(rehearsal)
    assert done.returncode == 1
    assert "does not have 192.168.20.77/24, but 192.168.20.42/24" in done.stdout
    assert "no such interface: lo, " in done.stdout
    assert "host beta (root@beta) cannot be reached" in done.stdout
    assert done.stderr == "cniperf: not ready: alpha, beta, gamma\n"


def test_hosts_check_sees_an_mtu_that_does_not_pass_and_a_peer_that_is_another(
    rehearsal, machines, looks
):
    rehearsal.lab.command("wire", ["ip", "link", "set", "port-b", "mtu", "1400"])
    try:
        assert "packets of 1500 bytes do not pass" in hosts_check(rehearsal).stdout
    finally:
        rehearsal.lab.command("wire", ["ip", "link", "set", "port-b", "mtu", "1500"])


def test_a_notebook_measures_by_ssh(rehearsal, machines, looks, tmp_path):
    command = [sys.executable, "-m", "papermill", "notebooks/run_scheme.ipynb", tmp_path / "out.ipynb",
               "-p", "scheme", "calico", "-p", "bed", "ssh", "-p", "hosts", rehearsal.hosts,
               "-p", "duration", "1", "-p", "data_dir", tmp_path / "data"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-800:]
    assert load_runs(tmp_path / "data")["bed"].tolist() == ["ssh"]

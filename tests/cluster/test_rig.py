"""The cluster of the tests itself: that it is a real one, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError

import pytest
from conftest import ROOT

from cluster import cgroups
from cluster.pods import Pods, client_of, pods_of
from cluster.rig import Rig
from cluster.session import Cluster
from cniperf.beds import cpus
from cniperf.beds.k8s.manifests import WORK

pytestmark = [pytest.mark.lab, pytest.mark.cluster]

SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
           "kernel/hostname", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
           "net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet")  # fmt: skip
READ = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["nodes"]}


@pytest.fixture(scope="module")
def namespace(cluster):
    with pods_of(cluster, "rig-test") as found:
        yield found


@pytest.fixture
def pods(namespace):
    yield namespace
    namespace.clear()


@pytest.fixture
def rig(cluster):
    if cluster.rig is None:
        pytest.skip("the cluster that is given is no rig")
    return cluster.rig


def gigabits(pods, **spec):
    """What a second of load carries from a pod on the first node to one on the second."""
    here, there = pods.cluster.nodes
    pods.start("server", there, "exec iperf3 --server", **spec)
    address = pods.address("server")
    load = f"iperf3 --client {address} --time 1 --json"
    said = pods.said(
        "client", here, f"until {load} >{WORK}/said; do sleep 0.2; done; cat {WORK}/said", **spec
    )
    assert [pods.get(name).spec.nodeName for name in ("client", "server")] == [here, there]
    end = json.loads(said)["end"]
    return end["sum_received"]["bits_per_second"] / 1e9


# ── it is a cluster ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", [False, True], ids=["pods", "hostNetwork"])
def test_a_load_runs_from_node_to_node(host, pods):
    assert gigabits(pods, hostNetwork=host) > 0.1


def test_a_pod_is_restricted_and_has_the_nodes_cpus(rig, pods):
    for name, node in zip("ab", rig.nodes, strict=True):
        status = pods.said(name, node, f"! touch /x && echo >{WORK}/x && cat /proc/self/status")
        found = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.MULTILINE))
        assert cpus.parse(found["Cpus_allowed_list"]) == frozenset(rig.lab.cpus[name])
        assert found["Uid"].split() == ["65534"] * 4
        assert (found["CapEff"], found["CapBnd"]) == ("0" * 16, "0" * 16)
        assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")


def test_the_image_has_what_a_load_needs(rig, pods):
    modules = "ctypes, hashlib, json, signal, socket, ssl, struct, subprocess"
    lines = ("set -e", f"python3 -c 'import {modules}'", "ip -j link", "ss -tin", "iperf3 --version",
             "echo aGk= | base64 -d", "timeout 1 true", "tail -c 1 /etc/passwd", "stat /work",
             "sha256sum /etc/passwd", "taskset -p 1", "tar -c /etc/passwd | wc -c", "echo all")  # fmt: skip
    assert pods.said("tools", rig.nodes[0], "\n".join(lines)).endswith("all\n")


def test_a_command_runs_in_a_pod(pods):
    """In a process of its own: lightkube's sockets do not survive one, now and then."""
    pods.start("idle", pods.cluster.nodes[1], "sleep 600")
    pods.address("idle")
    program = (
        "import sys; from lightkube import Client, KubeConfig;"
        "client = Client(KubeConfig.from_file(sys.argv[1]), trust_env=False);"
        "done = client.exec('idle', namespace=sys.argv[2], command=['sh', '-c', 'echo hi; exit 3'], stdout=True);"
        "print(done.stdout, done.exit_code, flush=True)"
    )
    words = [sys.executable, "-c", program, str(pods.cluster.kubeconfig), pods.namespace]
    assert subprocess.check_output(words, text=True, timeout=30).split() == ["hi", "3"]


def test_a_deadline_ends_a_pod(pods):
    pods.start("late", pods.cluster.nodes[0], "sleep 600", activeDeadlineSeconds=2)
    pod = pods.wait("late", lambda pod: pod.status.phase == "Failed")
    assert pod.status.reason == "DeadlineExceeded"


def test_a_pod_reaches_the_api_server_by_its_service(rig, pods):
    connect = "import socket; socket.create_connection(('10.96.0.1', 443), timeout=5)"
    pods.said("asks", rig.nodes[1], f'python3 -c "{connect}"')


def test_the_api_server_can_pause_and_die(rig, pods):
    rig.control.pause_api_server()
    with pytest.raises(OSError, match="timed out"):
        rig.control.call("GET", "/readyz", timeout=0.5)
    rig.control.resume_api_server()
    rig.control.wait()
    rig.control.kill_api_server()
    with pytest.raises(OSError):
        rig.control.call("GET", "/readyz")
    rig.control.start_api_server()
    rig.control.wait()
    pods.said("after", rig.nodes[0], "true")


def test_a_frozen_control_plane_takes_no_cpu_time(rig):
    def ticks():
        stats = (Path(f"/proc/{child.pid}/stat") for child in rig.control.children.values())
        return sum(sum(map(int, file.read_text(encoding="utf-8").split()[13:15])) for file in stats)

    with rig.control.frozen():
        before = ticks()
        time.sleep(1)
        assert ticks() == before
    rig.control.wait()


# ── it leaves nothing ─────────────────────────────────────────────────────────────────────────


def traces() -> dict[str, object]:
    """What a rig could leave on this machine, beside what conftest looks for."""
    return {
        "mounts": Path("/proc/self/mounts").read_text(encoding="utf-8"),
        "cgroups": sorted(str(path) for root in cgroups.folders("") for path in root.iterdir() if path.is_dir()),
        "folders": [str(path) for path in Path("/tmp").glob("cniperf-rig-*")],
        "state": sorted(map(str, [*Path("/run").iterdir(), *Path("/var/lib").iterdir(),
                                  *Path("/var/log").iterdir(), *Path("/etc").iterdir()])),
        "sysctls": {name: Path("/proc/sys", name).read_text(encoding="utf-8") for name in SYSCTLS},
        "processes": sorted(processes()),
    }  # fmt: skip


def processes() -> list[str]:
    names = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            first = Path(file.read_text(encoding="utf-8").split("\0")[0]).name
        except OSError:
            continue
        if first.startswith(("kube", "containerd", "etcd", "runc", "unshare")):
            names.append(f"{first} {file.parent.name}")
    return names


def settles(wanted: dict[str, object], within: float = 10.0) -> dict[str, object]:
    end = time.monotonic() + within
    while (now := traces()) != wanted and time.monotonic() < end:
        time.sleep(0.1)
    return now


@pytest.fixture
def own(programs):
    if programs is None:
        pytest.skip("a cluster is given")
    return programs


def test_an_orderly_end_leaves_nothing(own):
    """Over VXLAN, with roles: what the cluster that the tests share is not."""
    before = traces()
    with Rig("vxlan", rbac=True, programs=own) as rig:
        for user in ("nobody", "cniperf"):
            with pytest.raises(HTTPError, match="403"):
                rig.control.call("GET", "/api/v1/nodes", user=user)
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": "looks"}, "rules": [READ]}  # fmt: skip
        rig.control.grant(role)
        nodes = rig.control.call("GET", "/api/v1/nodes", user="cniperf")["items"]
        assert [node["spec"]["podCIDR"] for node in nodes] == ["10.5.58.0/24", "10.5.47.0/24"]
        with pytest.raises(HTTPError, match="403"):
            rig.control.call("GET", "/api/v1/pods", user="cniperf")
        with pods_of(Cluster(rig.kubeconfig, rig.image, rig.nodes), "vxlan") as pods:
            assert "mtu 1450" in pods.said("mtu", rig.nodes[0], "ip link show eth0")
            assert gigabits(pods) > 0.1
    assert settles(before) == before


def test_a_killed_rig_leaves_nothing(own):
    before = traces()
    keeper = subprocess.Popen(
        [sys.executable, "-m", "cluster.rig", "--programs", str(own)],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )  # fmt: skip
    settings = keeper.stdout.readline().removeprefix("KUBECONFIG=").strip()
    cluster = Cluster(Path(settings), "localhost/cniperf-load:1", ("node-a", "node-b"))
    pods = Pods(cluster, client_of(cluster), "default")
    pods.start("a", "node-a", "exec iperf3 --server")
    pods.address("a")
    assert traces() != before
    keeper.send_signal(signal.SIGKILL)
    keeper.wait()
    keeper.stdout.close()
    assert settles(before) == before

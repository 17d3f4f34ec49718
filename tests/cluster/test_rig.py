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
from conftest import ROOT, cannot_here

from cluster.binaries import binaries
from cluster.pods import pods_of
from cluster.rig import Rig
from cluster.session import Cluster
from cniperf.beds import cpus
from cniperf.errors import NotAble

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SERVER = "exec iperf3 --server"
SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
           "kernel/hostname", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
           "net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet")  # fmt: skip
READ = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["nodes"]}


@pytest.fixture(scope="module")
def pods(cluster):
    with pods_of(cluster, "rig-test") as found:
        yield found


@pytest.fixture
def rig(cluster):
    if cluster.rig is None:
        pytest.skip("this is nobody's rig")
    return cluster.rig


def gigabits(pods, client, address):
    said = json.loads(pods.said(client, "iperf3", "--client", address, "--time", "1", "--json"))
    return said["end"]["sum_received"]["bits_per_second"] / 1e9


# ── it is a cluster ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", [False, True], ids=["pods", "hostNetwork"])
def test_a_load_runs_from_node_to_node(host, pods):
    for name, node in zip("ab", pods.cluster.nodes, strict=True):
        pods.start(f"{name}-{host}".lower(), node, SERVER, hostNetwork=host)
    a, b = (pods.address(f"{name}-{host}".lower()) for name in "ab")
    assert a != b
    assert [pods.get(f"{name}-{host}".lower()).spec.nodeName for name in "ab"] == list(
        pods.cluster.nodes
    )
    assert gigabits(pods, f"a-{host}".lower(), b) > 0.1


def test_a_pod_is_restricted_and_has_the_nodes_cpus(rig, pods):
    for name, node in zip("ab", rig.nodes, strict=True):
        pods.start(f"c{name}", node, "sleep 600")
        pods.address(f"c{name}")
        status = pods.said(f"c{name}", "cat", "/proc/self/status")
        found = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.MULTILINE))
        assert cpus.parse(found["Cpus_allowed_list"]) == frozenset(rig.lab.cpus[name])
        assert found["Uid"].split() == ["65534"] * 4
        assert (found["CapEff"], found["CapBnd"]) == ("0" * 16, "0" * 16)
        assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
        assert "Read-only" in pods.said(f"c{name}", "sh", "-c", "touch /x 2>&1 || true")
        pods.said(f"c{name}", "sh", "-c", "echo something > /work/x")


def test_the_image_has_what_a_load_needs(pods):
    pods.start("tools", pods.cluster.nodes[0], "sleep 600")
    pods.address("tools")
    program = "import ctypes, hashlib, json, signal, socket, ssl, struct, subprocess; print('all')"
    assert pods.said("tools", "python3", "-c", program) == "all\n"
    for line in ("ip -j link", "ss -tin", "iperf3 --version", "echo aGk= | base64 -d",
                 "timeout 1 true", "tail -c 1 /etc/passwd", "stat /work", "sha256sum /etc/passwd",
                 "taskset -p 1", "tar -c /etc/passwd | wc -c"):  # fmt: skip
        pods.said("tools", "sh", "-c", line)


def test_a_deadline_ends_a_pod(pods):
    pods.start("late", pods.cluster.nodes[0], "sleep 600", activeDeadlineSeconds=2)
    pod = pods.wait("late", lambda pod: pod.status.phase == "Failed")
    assert pod.status.reason == "DeadlineExceeded"


def test_a_pod_reaches_the_api_server_by_its_service(rig, pods):
    pods.start("asks", rig.nodes[1], "sleep 600")
    pods.address("asks")
    program = ("import ssl, urllib.request as u; c = ssl._create_unverified_context();"
               "print(u.urlopen('https://10.96.0.1/healthz', context=c, timeout=5).read())")  # fmt: skip
    assert pods.said("asks", "python3", "-c", program) == "b'ok'\n"


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
    pods.start("after", rig.nodes[0], "true")
    pods.wait("after", lambda pod: pod.status.phase == "Succeeded")


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
        "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob("**/*cniperf-*")],
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


def built() -> Path:
    try:
        return binaries()
    except NotAble as problem:
        cannot_here(str(problem))


def test_an_orderly_end_leaves_nothing():
    """Over VXLAN, with roles: what the cluster that the tests share is not."""
    before = traces()
    with Rig("vxlan", rbac=True, programs=built()) as rig:
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
            for name, node in zip("ab", rig.nodes, strict=True):
                pods.start(name, node, SERVER)
            _, b = (pods.address(name) for name in "ab")
            assert "mtu 1450" in pods.said("a", "ip", "link", "show", "eth0")
            assert gigabits(pods, "a", b) > 0.1
    assert settles(before) == before


def test_a_killed_rig_leaves_nothing():
    before = traces()
    keeper = subprocess.Popen(
        [sys.executable, "-m", "cluster.rig", "--programs", str(built())],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )  # fmt: skip
    settings = keeper.stdout.readline().removeprefix("KUBECONFIG=").strip()
    cluster = Cluster(Path(settings), "localhost/cniperf-load:1", ("node-a", "node-b"))
    context = pods_of(cluster, "killed")
    pods = context.__enter__()
    pods.start("a", "node-a", SERVER)
    pods.address("a")
    assert traces() != before
    keeper.send_signal(signal.SIGKILL)
    keeper.wait()
    keeper.stdout.close()
    assert settles(before) == before

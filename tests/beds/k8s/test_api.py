"""A server, a login or a way there that is not well: one line each, and another try where it helps."""

import subprocess
import sys
import threading
import time

import pytest
from beds.k8s.fake_api import Answer, FakeApi, status
from conftest import ROOT

from cniperf.beds.k8s.client import Cluster
from cniperf.beds.k8s.trouble import ClusterLost, Refused
from cniperf.errors import NotAble

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "load", "namespace": "n"}}
PAGE = Answer(body="<html><form>Log in</form>", headers={"Content-Type": "text/html"})
FORBIDDEN = (
    'pods is forbidden: User "eve" cannot list resource "pods" in API group "" at the cluster scope'
)
SECURITY = (
    'pods "load" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation '
    '!= false (container "load" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "load" must set securityContext.capabilities.drop=["ALL"]'
    '), runAsNonRoot != true (pod or container "load" must set securityContext.runAsNonRoot=true)'
)
QUOTA = 'pods "load" is forbidden: exceeded quota: q, requested: cpu=2, used: cpu=3, limited: cpu=4'


def line(problem):
    text = str(problem.value)
    assert "\n" not in text and text.isprintable()
    return text


# ── refusals ──────────────────────────────────────────────────────────────────────────────────


def test_an_expired_token(api, tmp_path, monkeypatch):
    file = api.kubeconfig(tmp_path / "k")
    monkeypatch.setenv("KUBECONFIG", str(file))
    cluster = Cluster.connect()
    api.next("GET", "/version", Answer(401, status(401, "Unauthorized", "Unauthorized")))
    with pytest.raises(Refused) as refused:
        cluster.version()
    assert line(refused) == ("the token or certificate of context fake is not accepted (expired?): "
                             "log in again, then `kubectl --context fake get nodes`")  # fmt: skip
    api.next("GET", "/version", Answer(401, status(401, "Unauthorized", "Unauthorized")))
    with pytest.raises(Refused, match=f"`kubectl --kubeconfig {file} --context fake get nodes`"):
        Cluster.connect(file).version()


def test_a_right_that_is_missing(api, cluster):
    api.next("GET", "/pods", Answer(403, status(403, "Forbidden", FORBIDDEN)))
    with pytest.raises(Refused) as refused:
        cluster.list("Pod")
    assert line(refused) == (f"cluster fake refused to list pods: {FORBIDDEN}; ask for this right, "
                             "then `kubectl --context fake auth can-i …`")  # fmt: skip


@pytest.mark.parametrize("said", [SECURITY, QUOTA, SECURITY.replace(", ", ",\n\t")])
def test_what_admission_refuses_is_passed_on_whole(api, cluster, said):
    api.next("POST", "/pods", Answer(403, status(403, "Forbidden", said)))
    with pytest.raises(Refused) as refused:
        cluster.create(POD)
    assert line(refused) == f"cluster fake refused to create pod n/load: {' '.join(said.split())}"
    assert refused.value.code == 403


def test_an_admission_webhook_that_fails(api, cluster):
    cluster._api.patience = 0.3
    said = 'Internal error occurred: failed calling webhook "x": connection refused'
    api.next("POST", "/pods", *[Answer(500, status(500, "InternalError", said))] * 9)
    with pytest.raises(
        Refused, match="refused to create pod n/load: Internal error occurred: fail"
    ):
        cluster.create(POD)


# ── a server that is busy or away ─────────────────────────────────────────────────────────────


def test_a_server_that_asks_to_wait(api, cluster):
    much = Answer(429, status(429, "TooManyRequests", "too many"), {"Retry-After": "1"})
    api.next("GET", "/nodes", much)
    before = time.monotonic()
    assert cluster.nodes() == []
    assert 1 <= time.monotonic() - before < 3


def test_a_server_that_asks_to_wait_for_too_long(api, cluster):
    much = Answer(429, status(429, "TooManyRequests", "too many"), {"Retry-After": "60"})
    api.next("GET", "/nodes", much)
    with pytest.raises(ClusterLost, match="does not list nodes now: too many, and asks to wait 60"):
        cluster.nodes()


@pytest.mark.parametrize(
    "answer",
    [Answer(503, status(503, "ServiceUnavailable", "shutting down")), Answer(502, "bad gateway"),
     Answer(500, status(500, "InternalError", "etcdserver: leader changed")), Answer(cut=True),
     Answer(504, "", {"Content-Type": ""}), Answer(502, "<html>", {"Content-Type": "text/html"})],
)  # fmt: skip
def test_a_server_that_is_not_well_for_a_moment(api, cluster, answer):
    api.next("GET", "/nodes", answer, answer)
    assert cluster.nodes() == []
    assert len(api.asked) == 4


def test_a_server_that_stays_unwell(api, cluster):
    cluster._api.patience = 0.3
    api.next("GET", "/nodes", *[Answer(502, "<html>oh", {"Content-Type": "text/html"})] * 9)
    with pytest.raises(ClusterLost, match="does not list nodes now: 502 a web page: try again"):
        cluster.nodes()


def test_a_server_that_is_gone_in_the_middle(api, cluster):
    api.down()
    threading.Timer(1.0, api.up).start()
    assert cluster.nodes() == []


def test_a_server_that_comes_back_and_does_not_know_yet_who_may_what(api, cluster):
    api.next("GET", "/nodes", Answer(cut=True), Answer(403, status(403, "Forbidden", 'User "x" cannot list: RBAC: …')),
             Answer(401, status(401, "Unauthorized", "Unauthorized")))  # fmt: skip
    assert cluster.nodes() == []


def test_a_server_that_is_gone_for_good(api, cluster):
    cluster._api.patience = 0.5
    api.down()
    with pytest.raises(ClusterLost) as lost:
        cluster.nodes()
    assert line(lost) == (f"cluster fake ({api.url}) cannot be reached: [Errno 111] Connection "
                          "refused: does it run, and is its network reachable? Try "
                          "`kubectl --context fake get nodes`")  # fmt: skip


def test_a_server_that_never_was_there_is_reported_at_once(api, tmp_path):
    cluster = Cluster.connect(api.kubeconfig(tmp_path / "k"))
    api.down()
    before = time.monotonic()
    with pytest.raises(ClusterLost, match=r"cannot be reached: .*refused"):
        cluster.version()
    assert time.monotonic() - before < 5


def test_a_server_that_is_busy_from_the_start(api, tmp_path):
    api.next("GET", "/version", Answer(429, "", {"Retry-After": "0"}),
             Answer(503, status(503, "ServiceUnavailable", "starting")))  # fmt: skip
    assert Cluster.connect(api.kubeconfig(tmp_path / "k")).version()
    api.next("GET", "/version", Answer(502, "<html>", {"Content-Type": "text/html"}))
    with pytest.raises(ClusterLost, match="does not report its version now: 502 a web page"):
        Cluster.connect(api.kubeconfig(tmp_path / "k")).version()


def test_a_server_without_a_name(api, tmp_path):
    file = api.kubeconfig(tmp_path / "k", cluster={"server": "https://cluster.invalid:6443"})
    with pytest.raises(ClusterLost, match=r"fake \(https://cluster.invalid:6443\) cannot be reach"):
        Cluster.connect(file).version()


def test_a_server_that_falls_silent(api, cluster, monkeypatch):
    monkeypatch.setattr("cniperf.beds.k8s.api.REQUEST", 0.3)
    cluster._api.patience = 0
    monkeypatch.setattr(api, "do", lambda asked: time.sleep(2) or Answer())
    before = time.monotonic()
    with pytest.raises(ClusterLost, match=r"cannot be reached: .*timed out"):
        cluster.nodes()
    assert time.monotonic() - before < 1.8


# ── something else that answers ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", [PAGE, Answer(302, "", {"Location": "https://login.example/"})])
def test_a_login_page_of_a_proxy(api, cluster, page):
    api.next("GET", "/version", page)
    with pytest.raises(
        ClusterLost, match=r"answers with a web page, not as an API server.*NO_PROXY"
    ):
        cluster.version()


@pytest.mark.parametrize("body", ['{"kind": ', "[1]", "", "\x00\x1b[31m", b"\xff\xfe"])
def test_garbage(api, cluster, body):
    api.next("GET", "/nodes", Answer(body=body))
    with pytest.raises(ClusterLost, match="does not answer as an API server, but with '") as lost:
        cluster.nodes()
    line(lost)


def test_a_server_that_is_no_kubernetes(api, cluster):
    api.next("GET", "/version", Answer(body={"version": 1}))
    with pytest.raises(ClusterLost, match="is no Kubernetes: it reports no version"):
        cluster.version()
    api.next("GET", "/load", Answer(404, "404 page not found"))
    with pytest.raises(Refused, match="refused to read pod n/load: 404 404 page not found"):
        cluster.get("Pod", "load", "n")


# ── TLS, logins, proxies ──────────────────────────────────────────────────────────────────────


def test_a_certificate_of_another_cluster(files, tmp_path):
    with FakeApi(files) as api:
        assert Cluster.connect(api.kubeconfig(tmp_path / "a")).version() == "v1.36.3"
        stranger = api.kubeconfig(tmp_path / "b", cluster={})
        with pytest.raises(ClusterLost) as lost:
            Cluster.connect(stranger, patience=9).version()
    assert "its certificate is not trusted (self-signed certificate" in line(lost)


def test_a_certificate_for_another_name(files, tmp_path):
    named = {"certificate-authority": str(files[0]), "tls-server-name": "elsewhere"}
    with FakeApi(files) as api:
        file = api.kubeconfig(tmp_path / "a", cluster=named)
        with pytest.raises(ClusterLost, match=r"Hostname mismatch.*elsewhere"):
            Cluster.connect(file).version()
        named["tls-server-name"] = "127.0.0.1"
        named["server"] = api.url.replace("127.0.0.1", "localhost")
        assert Cluster.connect(api.kubeconfig(tmp_path / "b", cluster=named)).version()


PLUGIN = """#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >"$0.info"
{}
"""


def plugin(folder, script, **more):
    file = folder / "login"
    file.write_text(PLUGIN.format(script))
    file.chmod(0o755)
    return {"token": None, "exec": {"apiVersion": "client.authentication.k8s.io/v1",
                                    "command": "./login", "interactiveMode": "Never", **more}}  # fmt: skip


def test_a_login_by_a_command(api, tmp_path):
    given = """echo '{"status": {"token": "fresh"}}'"""
    file = api.kubeconfig(tmp_path / "k", user=plugin(tmp_path, given, provideClusterInfo=True))
    cluster = Cluster.connect(file)
    cluster.version()
    assert api.asked[-1].headers["authorization"] == "Bearer fresh"
    info = (tmp_path / "login.info").read_text()
    assert '"client.authentication.k8s.io/v1"' in info and api.url in info


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo no session >&2; exit 1", "no session"), ("echo {}", "no token came"),
     ("echo hello", "no token came")],
)  # fmt: skip
def test_a_login_that_fails(api, tmp_path, script, said):
    cluster = Cluster.connect(api.kubeconfig(tmp_path / "k", user=plugin(tmp_path, script)))
    with pytest.raises(NotAble) as lost:
        cluster.version()
    assert line(lost).startswith("context fake: logging in failed (") and said in line(lost)


def test_a_token_that_is_none_is_not_shown(api, tmp_path):
    cluster = Cluster.connect(api.kubeconfig(tmp_path / "k", user={"token": "se\ncret"}))
    with pytest.raises(NotAble, match="context fake: logging in failed") as lost:
        cluster.version()
    assert "cret" not in line(lost)


def test_a_proxy_of_the_environment_is_not_for_this_machine(api, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert Cluster.connect(api.kubeconfig(tmp_path / "k")).version()


def test_a_proxy_of_the_kubeconfig(api, tmp_path):
    away = {"server": "http://cluster.invalid:6443", "proxy-url": api.url}
    assert Cluster.connect(api.kubeconfig(tmp_path / "k", cluster=away)).version()
    assert api.asked[-1].headers["host"] == "cluster.invalid:6443"


# ── signals ───────────────────────────────────────────────────────────────────────────────────

WAITS = """
import sys, time
from pathlib import Path
from cniperf import stop
from cniperf.beds.k8s.client import Cluster
from cniperf.errors import Stopped
cluster = Cluster.connect(Path(sys.argv[1]))
cluster.version()
stop.listen()
print("ready", flush=True)
try:
    {}
except Stopped:
    print("stopped", flush=True)
"""


@pytest.fixture
def silent(api):
    """Let the server answer nothing but its version, until this is set."""
    silent, usual = threading.Event(), api.do

    def do(asked):
        if asked.path != "/version":
            silent.wait(15)
        return usual(asked)

    api.do = do
    api.plays.append(lambda peer: silent.wait(15))
    yield silent
    silent.set()


def waiting(file, what):
    process = subprocess.Popen([sys.executable, "-c", WAITS.format(what), file], cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def until_asked(api, end):
    deadline = time.monotonic() + 10
    while not any(each.path.endswith(end) for each in list(api.asked)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("what", "end"),
    [("cluster.nodes()", "/nodes"), ("cluster.exec('n', 'p', ['sleep', '20'])", "/exec"),
     ("cluster.wait('Pod', 'p', 'n', bool, 20)", "/p")],
)  # fmt: skip
def test_a_signal_is_heard_and_nothing_keeps_the_process(api, silent, tmp_path, what, end):
    process = waiting(api.kubeconfig(tmp_path / "k"), what)
    until_asked(api, end)
    before = time.monotonic()
    process.terminate()
    assert process.communicate(timeout=20) == ("stopped\n", "")
    assert time.monotonic() - before < 8


def test_what_is_being_created_has_its_answer_before_a_signal_is_heard(api, silent, tmp_path):
    what = f"cluster.create({POD}); print('created', flush=True); cluster.nodes()"
    process = waiting(api.kubeconfig(tmp_path / "k"), what)
    until_asked(api, "/pods")
    process.terminate()
    time.sleep(0.3)
    assert process.poll() is None
    silent.set()
    assert process.communicate(timeout=20) == ("created\nstopped\n", "")

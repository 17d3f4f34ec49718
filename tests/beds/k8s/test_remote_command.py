"""A command in a pod has a known end, or none is made up; a file comes whole, or not at all."""

import json
import threading
import time

import pytest
from beds.k8s.fake_api import (
    END,
    STDOUT,
    V4,
    Answer,
    FakeApi,
    ended,
    frame,
    real,
    status,
)

from cniperf.beds.command import CommandFailed
from cniperf.beds.k8s.client import Cluster
from cniperf.beds.k8s.trouble import ClusterLost, ExecCut, Refused


def run(cluster, *argv, **how):
    return cluster.exec("n", "load", argv or ["true"], **how)


# ── how a command ends ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [0, 3, 137])
def test_exit_codes(cluster, code):
    said = run(cluster, "sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert said == (b"out\n", b"err\n", code)
    assert said.text == "out\n"


def test_what_is_asked_for(api, cluster):
    run(cluster, "sh", "-c", "a 'b' & c", container="main")
    (asked,) = [each for each in api.asked if each.path == "/api/v1/namespaces/n/pods/load/exec"]
    assert asked.query == {"command": ["sh", "-c", "a 'b' & c"], "stdout": ["true"],
                           "stderr": ["true"], "container": ["main"]}  # fmt: skip
    assert asked.headers["authorization"] == "Bearer secret"


def test_a_server_that_speaks_only_the_older_protocol(api, cluster):
    api.protocols = (V4,)
    assert run(cluster, "echo", "x").text == "x\n"


def test_a_server_that_speaks_neither(api, cluster):
    api.protocols = ()
    with pytest.raises(ExecCut, match=r"neither v5\.channel\.k8s\.io nor v4\.channel"):
        run(cluster)


# ── how output comes ──────────────────────────────────────────────────────────────────────────

DATA = bytes(range(256)) * 800  # 204,800 bytes


@pytest.fixture(params=["plain", "tls"])
def way(request, api, cluster, files, tmp_path):
    """An API server and its cluster, without and with TLS."""
    if request.param == "plain":
        yield api, cluster
        return
    with FakeApi(files) as secure:
        yield secure, Cluster.connect(secure.kubeconfig(tmp_path / "secure"))


@pytest.mark.parametrize("cut", [1, 16384, 32768, 200_000])
def test_messages_of_every_size(way, cut):
    api, cluster = way
    data = DATA[:3000] if cut == 1 else DATA

    def play(peer):
        peer.send(STDOUT, data, cut)
        peer.end()
        peer.close()

    api.plays.append(play)
    assert run(cluster) == (data, b"", 0)


def test_all_of_it_in_one_record(way):
    """Two frames of output, the end and the close: one read of the client finds them all."""
    api, cluster = way
    end = json.dumps(ended(7)).encode()
    api.plays.append(lambda peer: peer.raw(
        frame(b"\x01one") + frame(b"\x01two") + frame(b"\x03" + end) + frame(b"\x03\xe8", 8)))  # fmt: skip
    assert run(cluster) == (b"onetwo", b"", 7)


def test_a_message_in_fragments_with_a_ping_between(api, cluster):
    def play(peer):
        peer.raw(frame(b"\x01he", last=False) + frame(b"?", 9) + frame(b"llo", 0))
        assert peer.connection.recv(100)[:1] == b"\x8a"  # the client answers a ping
        peer.end()
        peer.close()

    api.plays.append(play)
    assert run(cluster).stdout == b"hello"


def test_bytes_that_dribble(api, cluster):
    def play(peer):
        for byte in frame(b"\x01" + b"x" * 300) + frame(b"\x03" + json.dumps(ended(0)).encode()):
            peer.raw(bytes([byte]))
        peer.close()

    api.plays.append(play)
    assert run(cluster).stdout == b"x" * 300


def test_output_behind_the_end_and_no_close(api, cluster):
    def play(peer):
        peer.end(3)
        peer.send(STDOUT, b"late")
        time.sleep(3)

    api.plays.append(play)
    before = time.monotonic()
    assert run(cluster) == (b"late", b"", 3)
    assert time.monotonic() - before < 2.5


# ── no known end ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("play", "why"),
    [
        (lambda peer: peer.send(STDOUT, b"x"), "the connection broke"),
        (lambda peer: peer.raw(frame(b"\x01" + b"x" * 500)[:200]), "the connection broke"),
        (lambda peer: peer.close(), "the connection ended before the command did"),
        (lambda peer: peer.close(1011, "stream error"), "the server closed it: stream error"),
        (lambda peer: peer.close(1006), "remote CLOSE with local-only reason"),
        (lambda peer: peer.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "(?i)invalid|reserved"),
        (lambda peer: peer.send(END, b"{"), "the server reports its end as '{'"),
        (lambda peer: peer.send(END, b"[]"), r"the server reports its end as '\[\]'"),
        (lambda peer: peer.status(status(500, "NonZeroExitCode", "?")), "reports its end as"),
        (
            lambda peer: peer.status(status(500, "NonZeroExitCode", "?", details={"causes": []})),
            "reports its end as",
        ),
        (lambda peer: peer.status(status(500, "InternalError", "stream reset")), "stream reset"),
    ],
    ids=range(11),
)
def test_a_connection_that_is_cut(api, cluster, play, why):
    api.plays.append(play)
    with pytest.raises(ExecCut, match=why) as cut:
        run(cluster)
    begin = "cluster fake did not run a command in pod n/load to a known end: "
    assert str(cut.value).startswith(begin)
    assert sum(each.path.endswith("/exec") for each in api.asked) == 1  # it may have run


def test_a_command_that_takes_too_long(api, cluster):
    def play(peer):
        for _ in range(30):
            peer.send(STDOUT, b".")
            time.sleep(0.1)

    api.plays.append(play)
    before = time.monotonic()
    with pytest.raises(ExecCut, match="time is up"):
        run(cluster, seconds=0.5)
    assert time.monotonic() - before < 2.5


def test_a_request_that_gets_no_answer_may_have_been_carried_out(api, cluster):
    api.next("GET", "/exec", Answer(cut=True))
    with pytest.raises(ExecCut, match=r"(?i)disconnected"):
        run(cluster)


# ── not started ───────────────────────────────────────────────────────────────────────────────

GONE = 'container not found ("load")'


@pytest.mark.parametrize(
    ("answer", "said"),
    [(Answer(404, status(404, "NotFound", 'pods "load" not found')), 'pods "load" not found'),
     (Answer(500, status(500, "InternalError", f"unable to upgrade connection: {GONE}")), "container not found"),
     (Answer(400, status(400, "BadRequest", "container x is not valid for pod load")), "not valid"),
     (Answer(403, status(403, "Forbidden", 'User "e" cannot create resource "pods/exec"')),
      "pods/exec.*; ask for this right"),
     (Answer(401, status(401, "Unauthorized", "Unauthorized")), "not accepted")],
)  # fmt: skip
def test_a_command_that_is_refused(api, cluster, answer, said):
    api.next("GET", "/exec", answer)
    with pytest.raises(Refused, match=said):
        run(cluster)


def test_a_pod_that_is_going_is_reported_behind_the_upgrade(api, cluster):
    api.plays.append(lambda peer: peer.status(status(500, "InternalError", GONE)))
    with pytest.raises(
        Refused, match="refused to run a command in pod n/load: container not found"
    ):
        run(cluster)


def test_a_node_that_is_out_of_reach_for_a_moment(api, cluster):
    said = "error dialing backend: dial tcp 10.0.0.1:10250: connect: connection refused"
    api.next("GET", "/exec", Answer(500, status(500, "InternalError", said)), Answer(503, "busy"))
    assert run(cluster, "echo", "x").text == "x\n"


def test_a_node_that_stays_out_of_reach(api, cluster):
    cluster._api.patience = 0.2
    said = status(500, "InternalError", "error dialing backend: no route to host")
    api.next("GET", "/exec", *[Answer(500, said)] * 9)
    with pytest.raises(ClusterLost, match="error dialing backend: no route to host: try again"):
        run(cluster)


def test_a_server_that_is_away_when_a_command_is_to_start(api, cluster):
    api.down()
    threading.Timer(0.8, api.up).start()
    assert run(cluster, "echo", "x").text == "x\n"
    api.down()
    with pytest.raises(ClusterLost, match="cannot be reached") as lost:
        run(cluster, seconds=0.5)
    assert not isinstance(lost.value, ExecCut)


def test_a_proxy_that_answers_instead(api, cluster):
    api.next("GET", "/exec", Answer(200, "<html>", {"Content-Type": "text/html"}))
    with pytest.raises(ClusterLost, match="answers with a web page"):
        run(cluster)


# ── files ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "a 'file' $x"
    made.write_bytes(DATA)
    return made


def test_a_file_comes_whole(cluster, file):
    assert cluster.fetch("n", "load", str(file)) == DATA


def test_an_empty_file_and_one_in_pieces(api, cluster, file, monkeypatch):
    monkeypatch.setattr("cniperf.beds.k8s.remote_command.PIECE", 60_000)
    assert cluster.fetch("n", "load", str(file)) == DATA
    assert len([each for each in api.asked if each.path.endswith("/exec")]) == 5
    file.write_bytes(b"")
    assert cluster.fetch("n", "load", str(file)) == b""


def cut(peer):
    """Lose the end of what a command prints, and report success: servers do."""
    peer.send(STDOUT, DATA[:100_000])
    peer.end(0)
    peer.close()


def damaged(peer):
    peer.send(STDOUT, bytes(len(DATA)))
    peer.end(0)
    peer.close()


@pytest.mark.parametrize("second", [cut, damaged, lambda peer: peer.send(STDOUT, b"x")])
def test_a_file_that_is_cut_is_fetched_again(api, cluster, file, second):
    api.plays += [real, second]
    assert cluster.fetch("n", "load", str(file)) == DATA


def test_a_file_that_never_comes_whole(api, cluster, file):
    api.plays += [real, cut] * 3
    with pytest.raises(ExecCut, match="100000 bytes came of 204800"):
        cluster.fetch("n", "load", str(file))


def test_a_file_that_is_not_there(cluster, tmp_path):
    with pytest.raises(CommandFailed, match=r"pod n/load: stat .*No such file"):
        cluster.fetch("n", "load", str(tmp_path / "none"))

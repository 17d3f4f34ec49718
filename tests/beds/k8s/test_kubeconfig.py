"""What kubectl would take is taken; what is wrong with it is one line."""

import base64

import pytest
import yaml
from beds.k8s.fake_api import FakeApi

from cniperf.beds.k8s import kubeconfig
from cniperf.beds.k8s.client import Cluster
from cniperf.errors import NotAble, ParameterError


def refused(file, words, kind=NotAble, context=""):
    with pytest.raises(kind) as problem:
        Cluster.connect(file, context)
    text = str(problem.value)
    assert words in text and "\n" not in text
    return text


def write(file, data):
    file.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return file


def test_no_kubeconfig_at_all(tmp_path, monkeypatch):
    refused(
        None,
        f"no kubeconfig: KUBECONFIG is not set, and {tmp_path}/.kube/config does not exist: set KUBE",
    )
    monkeypatch.setenv("SUDO_USER", "me")
    refused(None, "(sudo drops both: use `sudo -E`)")
    monkeypatch.setenv("KUBECONFIG", "/nowhere/a:/nowhere/b")
    refused(None, "no kubeconfig: KUBECONFIG names /nowhere/a, /nowhere/b, which does not exist")
    refused(tmp_path / "none", "there is no kubeconfig")


def test_the_one_at_home(api, tmp_path):
    (tmp_path / ".kube").mkdir()
    api.kubeconfig(tmp_path / ".kube/config")
    assert Cluster.connect().version()


def test_an_unknown_context(api, tmp_path):
    file = api.kubeconfig(tmp_path / "k")
    refused(
        file, "unknown context 'fkae'; did you mean 'fake'? Known: fake", ParameterError, "fkae"
    )
    data = api.config()
    del data["current-context"]
    write(file, data)
    refused(file, "has no current context: give one of fake", ParameterError)
    assert Cluster.connect(file, "fake").version()


def test_several_files_are_one(api, tmp_path, monkeypatch):
    """The first that has an entry counts; the current context is the first that is named."""
    one, other = api.config("one"), api.config("two")
    other["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    one["users"] = []
    other["users"][0]["user"] = {"token": "other"}
    files = [write(tmp_path / "a", one), tmp_path / "none", write(tmp_path / "b", other)]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    cluster = Cluster.connect()
    assert (cluster.name, cluster.server) == ("one", api.url)
    cluster.version()
    assert api.asked[-1].headers["authorization"] == "Bearer other"
    assert Cluster.connect(context="two").version()


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "cannot be read: while parsing"), ("hello", "is no kubeconfig: it has no contexts"),
     ("\x00", "cannot be read"), ("a: 2026-99-99", "cannot be read"), ("[" * 400, "cannot be"), ("clusters: 5", "is no kubeconfig: clusters is 5"),
     ("clusters: [{name: a}]", "is no kubeconfig: clusters.0.cluster is missing"),
     ("contexts: null\ncurrent-context: ", "has no context: log in with your provider's tool")],
)  # fmt: skip
def test_broken_files(tmp_path, text, words):
    refused(write(tmp_path / "k", text), words, (NotAble, ParameterError))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"cluster": {"certificate-authority": "gone.pem"}}, "certificate-authority {}/gone.pem is not there"),
     ({"user": {"client-certificate": "gone.pem", "client-key": "x"}}, "client-certificate {}/gone.pem is"),
     ({"user": {"token": None, "tokenFile": "gone"}}, "tokenFile {}/gone is not there"),
     ({"user": {"client-certificate-data": "eA=="}}, "has a client-certificate but no client-key"),
     ({"user": {"client-certificate-data": "%", "client-key-data": "eA=="}}, "cannot be used"),
     ({"cluster": {"certificate-authority-data": "eA=="}}, "certificate or key cannot be used"),
     ({"cluster": {"server": None}}, "its cluster has no server"),
     ({"cluster": {"insecure-skip-tls-verify": "no"}}, "is not valid: Expected `bool`"),
     ({"user": {"as": "root"}}, "acts as another user (`as`), which is not supported"),
     ({"user": {"auth-provider": {"name": "gcp"}}}, "auth-provider, which kubectl 1.26 removed"),
     ({"user": {"exec": {"command": "no-such-login", "installHint": "get it\nthere"}}},
      "logs in by no-such-login, which is not here: get it there"),
     ({"user": {"exec": {"command": "./no-such-login"}}}, "logs in by {}/no-such-login, which is not"),
     ({"user": {"exec": {}, "token": None}}, ""), ({"user": {"exec": 5}}, "its login names no command")],
)  # fmt: skip
def test_entries_that_cannot_be_used(api, tmp_path, changes, words):
    file = api.kubeconfig(tmp_path / "k", **changes)
    if words:
        refused(file, words.format(tmp_path))
    else:
        assert Cluster.connect(file)  # kubectl, too, takes an empty login for none


def test_a_context_of_entries_that_are_not_there(api, tmp_path):
    data = api.config()
    data["contexts"][0]["context"]["user"] = "nobody"
    refused(write(tmp_path / "k", data), "context fake names a user that is not there: 'nobody'")
    del data["contexts"][0]["context"]["user"]
    assert Cluster.connect(write(tmp_path / "k", data)).version()
    assert "authorization" not in api.asked[-1].headers
    data["clusters"] = []
    refused(write(tmp_path / "k", data), "context fake names a cluster that is not there: 'c'")


def test_what_is_written_out_goes_before_a_file(files, tmp_path):
    """And a file's path starts where the kubeconfig is."""
    with FakeApi(files) as api:
        (tmp_path / "ca.pem").write_bytes(files[0].read_bytes())
        near = {"certificate-authority": "ca.pem"}
        assert Cluster.connect(api.kubeconfig(tmp_path / "k", cluster=near)).version()
        data = base64.b64encode(files[0].read_bytes()).decode()
        out = {"certificate-authority": "gone", "certificate-authority-data": data}
        assert Cluster.connect(api.kubeconfig(tmp_path / "k", cluster=out)).version()


def test_the_service_account_of_a_pod(files, tmp_path, monkeypatch):
    monkeypatch.setattr(kubeconfig, "ACCOUNT", tmp_path)
    for name, text in {
        "token": "pods-own",
        "namespace": "n",
        "ca.crt": files[0].read_text(),
    }.items():
        (tmp_path / name).write_text(text)
    refused(None, "the pod's service account cannot be used")
    with FakeApi(files) as api:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api.port))
        cluster = Cluster.connect()
        assert (cluster.name, cluster.version()) == ("in-cluster", "v1.36.3")
        assert api.asked[-1].headers["authorization"] == "Bearer pods-own"
    refused(None, "there is no context 'x' in a pod", ParameterError, "x")

"""What a cluster is asked, and what it answers."""

import importlib.util
import threading

import pytest
from beds.k8s.fake_api import Answer, status

from cniperf.beds.k8s.client import Cluster, Unread
from cniperf.beds.k8s.resources import Resource
from cniperf.beds.k8s.trouble import ClusterLost, Refused, TooLate
from cniperf.errors import NotAble

RUN = "cniperf/run"
POOLS = Resource("crd.projectcalico.org", "v1", "ippools", namespaced=False)


def pod(name="load", run="r1", **status):
    meta = {"name": name, "namespace": "n", "labels": {RUN: run}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": status}


def test_objects_are_made_found_and_deleted(cluster):
    made = cluster.create(pod())
    assert made == pod() == cluster.get("Pod", "load", "n")
    cluster.create(pod("other", run="r2"))
    assert [each["metadata"]["name"] for each in cluster.list("Pod", "n", {RUN: "r1"})] == ["load"]
    assert len(cluster.list("Pod", "n")) == 2
    assert cluster.delete("Pod", "load", "n")
    assert not cluster.delete("Pod", "load", "n")
    assert cluster.get("Pod", "load", "n") is None


def test_what_has_no_namespace(api, cluster):
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cniperf-1"}}
    cluster.create(space)
    assert api.asked[-1].path == "/api/v1/namespaces"
    cluster.delete("Namespace", "cniperf-1", grace=0)
    assert api.asked[-1].query == {"propagationPolicy": ["Background"],
                                   "gracePeriodSeconds": ["0"]}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path"),
    [("Pod", "/api/v1/namespaces/n/pods/x"), ("DaemonSet", "/apis/apps/v1/namespaces/n/daemonsets/x"),
     ("NetworkPolicy", "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies/x"),
     ("Node", "/api/v1/nodes/x"), ("ResourceQuota", "/api/v1/namespaces/n/resourcequotas/x")],
)  # fmt: skip
def test_where_each_kind_is_asked_for(api, cluster, kind, path):
    assert cluster.get(kind, "x", "n") is None
    assert api.asked[-1].path == path


def test_it_logs_in_and_reports_who_it_is(api, cluster):
    assert (cluster.name, cluster.server, cluster.version()) == ("fake", api.url, "v1.36.3")
    assert api.asked[-1].headers["authorization"] == "Bearer secret"
    assert api.asked[-1].headers["user-agent"].startswith("cniperf/")


def test_rights(api, cluster):
    assert cluster.may("create", "pods", namespace="n", subresource="exec")
    assert api.asked[-1].body["spec"]["resourceAttributes"] == {
        "verb": "create", "resource": "pods", "namespace": "n", "subresource": "exec"
    }  # fmt: skip
    assert not cluster.may("delete", "namespaces")


def test_what_nothing_depends_on_is_read_or_not(api, cluster):
    assert cluster.read(POOLS) is Unread.MISSING
    api.next("GET", "/ippools", Answer(403, status(403, "Forbidden", 'User "x" cannot list')),
             Answer(body="<!"), Answer(body={"kind": "IPPoolList", "items": [1]}))  # fmt: skip
    assert cluster.read(POOLS) is Unread.DENIED
    assert cluster.read(POOLS) is Unread.FAILED
    assert not Unread.FAILED
    assert cluster.read(POOLS) == {"kind": "IPPoolList", "items": [1]}
    assert (
        cluster.read(Resource("", "v1", "configmaps"), "cilium-config", "kube-system")
        is Unread.MISSING
    )
    assert api.asked[-1].path == "/api/v1/namespaces/kube-system/configmaps/cilium-config"


def test_logs_and_events(api, cluster):
    api.next("GET", "/pods/load/log", Answer(body="one\ntwo\n"))
    assert cluster.logs("n", "load", "main") == "one\ntwo\n"
    assert api.asked[-1].query == {"container": ["main"]}
    waiting = 'container "load" in pod "load" is waiting to start: ContainerCreating'
    api.next("GET", "/log", Answer(400, status(400, "BadRequest", waiting)))
    with pytest.raises(Refused, match=waiting):
        cluster.logs("n", "load")
    api.next("GET", "/events", Answer(body={"items": [
        {"reason": "Failed", "message": "no\nimage", "lastTimestamp": "2026-01-02T00:00:00Z"},
        {"reason": "Scheduled", "message": "on a", "eventTime": "2026-01-01T00:00:00.000001Z"},
    ]}))  # fmt: skip
    assert cluster.events("n", "load") == ["Scheduled: on a", "Failed: no image"]
    assert api.asked[-1].query == {"fieldSelector": ["involvedObject.name=load"]}


# ── waiting ───────────────────────────────────────────────────────────────────────────────────


def running(found):
    return bool(found) and found["status"].get("phase") == "Running"


def test_waiting_for_a_state_and_for_an_end(api, cluster):
    cluster.create(pod(phase="Pending"))
    path = "/api/v1/namespaces/n/pods/load"
    threading.Timer(0.4, lambda: api.objects.update({path: pod(phase="Running")})).start()
    assert cluster.wait("Pod", "load", "n", running, 5) == pod(phase="Running")
    threading.Timer(0.4, lambda: api.objects.clear()).start()
    assert cluster.wait("Pod", "load", "n", lambda found: found is None, 5) is None


def test_waiting_has_an_end_that_reports_what_was_seen(cluster):
    cluster.create(pod(phase="Pending", reason="Unschedulable"))
    with pytest.raises(
        TooLate, match="fake: pod n/load is not as requested after 0 s: it is Pending, Unsch"
    ) as late:
        cluster.wait("Pod", "load", "n", running, 0.3)
    assert late.value.last["status"]["phase"] == "Pending"
    with pytest.raises(TooLate, match="it is not there"):
        cluster.wait("Pod", "none", "n", running, 0.1)


def test_waiting_over_a_server_that_is_away(api, cluster):
    """Longer than one request's patience."""
    cluster.create(pod(phase="Running"))
    cluster._api.patience = 0.1
    api.down()
    threading.Timer(0.7, api.up).start()
    assert cluster.wait("Pod", "load", "n", running, 10) == pod(phase="Running")


def test_waiting_for_a_server_that_stays_away(api, cluster):
    api.down()
    with pytest.raises(ClusterLost, match="cannot be reached"):
        cluster.wait("Pod", "load", "n", running, 0.5)


# ── what was lost on the way ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "second",
    [None, Answer(403, status(403, "Forbidden", "exceeded quota: q, requested: pods=1"))],
    ids=["its name is taken", "the quota is full"],
)
def test_an_object_whose_answer_was_lost_is_ours(api, cluster, second):
    api.next("POST", "/pods", Answer(done=True, cut=True), *([second] if second else []))
    assert cluster.create(pod()) == pod()
    assert [each.method for each in api.asked[1:]] == ["POST", "POST", "GET"]


def test_an_object_of_another_run_is_not_ours(api, cluster):
    cluster.create(pod(run="another"))
    with pytest.raises(Refused, match=r"refused to create pod n/load: .*already exists") as refused:
        cluster.create(pod())
    assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")
    api.next("POST", "/pods", Answer(cut=True))
    with pytest.raises(Refused, match="already exists"):
        cluster.create(pod())


def test_a_quota_that_is_counted_at_this_moment_is_asked_again(api, cluster):
    said = 'Operation cannot be fulfilled on resourcequotas "q": the object has been modified'
    api.next("POST", "/pods", Answer(409, status(409, "Conflict", said)))
    assert cluster.create(pod()) == pod()


def test_a_deletion_whose_answer_was_lost(api, cluster):
    cluster.create(pod())
    api.next("DELETE", "/load", Answer(done=True, cut=True))
    assert cluster.delete("Pod", "load", "n")


def test_a_namespace_that_is_being_deleted(api, cluster):
    going = {"kind": "Namespace", "metadata": {"name": "x", "deletionTimestamp": "2026-01-01"}}
    api.objects["/api/v1/namespaces/x"] = going
    said = status(409, "Conflict", "The system is ensuring all content is removed")
    api.next("DELETE", "/x", Answer(409, said), Answer(409, said))
    assert cluster.delete("Namespace", "x")
    del going["metadata"]["deletionTimestamp"]
    with pytest.raises(Refused, match="refused to delete namespace x: The system is ensuring"):
        cluster.delete("Namespace", "x")


def test_without_lightkube_it_says_what_to_install(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("cniperf.beds.k8s.client.find_spec",
                        lambda name: None if name == "lightkube" else found(name))  # fmt: skip
    with pytest.raises(NotAble, match=r"needs lightkube: pip install 'cniperf\[k8s\]'"):
        Cluster.connect()

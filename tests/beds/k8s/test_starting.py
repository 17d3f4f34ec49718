"""Why a pod does not start, in the cluster's own words, with the next step."""

import pytest

from cniperf.beds.k8s.starting import _advice, reason, running


def waiting(word, message=""):
    return {"status": {"containerStatuses": [{"state": {"waiting": {"reason": word,
                                                                    "message": message}}}]}}  # fmt: skip


def test_a_pod_runs_once_it_is_ready_and_has_an_address():
    status = {"phase": "Running", "podIP": "10.0.0.2", "containerStatuses": [{"ready": True}]}
    assert running({"status": status})
    for less in ({"podIP": ""}, {"phase": "Pending"}, {"containerStatuses": []},
                 {"containerStatuses": [{"ready": True}, {"ready": False}]}):  # fmt: skip
        assert not running({"status": {**status, **less}})


@pytest.mark.parametrize(
    ("pod", "words", "step"),
    [
        (waiting("ErrImagePull", "no such host"), "ErrImagePull: no such host", "--image"),
        (waiting("CreateContainerConfigError", "runAsNonRoot"), "runAsNonRoot", "k8s image"),
        ({"status": {"conditions": [{"type": "PodScheduled", "reason": "Unschedulable",
                                     "message": "0/2 nodes are available"}]}},
         "Unschedulable: 0/2 nodes", "--nodes"),
        ({"status": {"phase": "Failed", "reason": "DeadlineExceeded", "message": "late"}},
         "DeadlineExceeded: late", ""),
        ({"status": {"containerStatuses": [{"state": {"terminated": {"reason": "Error"}}}]}},
         "its container ended: Error", ""),
    ],
)  # fmt: skip
def test_what_will_not_start_says_why(pod, words, step):
    assert words in reason(pod) and step in _advice(reason(pod))


@pytest.mark.parametrize("word", ["ContainerCreating", "PodInitializing"])
def test_what_may_still_start_is_waited_for(word):
    assert reason(waiting(word)) == "" == reason({"status": {"phase": "Pending"}})

"""What a login may do decides what a run can: in a cluster that asks its roles, over a VXLAN."""

import json
import subprocess
import sys

import pytest
import yaml
from conftest import cannot_here

import cniperf
from cluster.rig import Rig
from cniperf.beds.k8s.rights import role
from cniperf.errors import CniperfError, NotAble
from cniperf.runs import load_evidence

pytestmark = [pytest.mark.lab, pytest.mark.cluster, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def rig():
    try:
        with Rig("vxlan", rbac=True) as found:
            yield found
    except NotAble as problem:
        cannot_here(str(problem))


def checked(kubeconfig):
    words = [sys.executable, "-m", "cniperf", "k8s", "check", "--kubeconfig", str(kubeconfig)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def measured(rig, user, folder):
    asked = cniperf.Experiment.of(
        scheme="pod-to-pod", bed="k8s", kubeconfig=rig.control.kubeconfig(user), duration=1,
        image=rig.image, congestion="reno", data_dir=folder,
    )  # fmt: skip
    (run,) = cniperf.run(asked, lambda moment: None)
    return run


def test_a_login_without_rights_is_told_which_it_lacks(rig, tmp_path):
    said = checked(rig.control.kubeconfig("nobody"))
    assert said.returncode == 1 and said.stderr.count("\n") == 1
    assert "not allowed: create, delete, list" in said.stdout
    assert "cniperf k8s role | kubectl apply -f -" in said.stdout
    with pytest.raises(CniperfError, match="nodes") as told:
        measured(rig, "nobody", tmp_path)
    assert "\n" not in str(told.value) and not list(tmp_path.iterdir())


def test_the_role_that_is_printed_will_do_and_the_tunnel_shows(rig, tmp_path):
    rig.control.grant(yaml.safe_load(role()))
    said = checked(rig.control.kubeconfig("cniperf"))
    assert said.returncode == 0, said.stdout
    run = measured(rig, "cniperf", tmp_path)
    facts = json.loads((run / "run.json").read_text())["bed"]["cluster"]
    assert facts["tunnels"] == {"flannel.1": "vxlan"}
    hops = load_evidence(run)["hops"]
    nics = [hop for hop in hops if hop["place"] in "ab" and hop["name"] == "eth0"]
    assert [hop["encapsulation"] for hop in nics] == ["VXLAN", "VXLAN"]
    assert [hop["name"] for hop in hops if hop["place"] == "a"][-2:] == ["flannel.1", "eth0"]

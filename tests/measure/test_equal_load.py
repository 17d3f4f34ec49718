import pytest

from cniperf.measure import equal_load
from cniperf.measure.equal_load import common_rate
from cniperf.params import Experiment
from cniperf.runs import load_runs


def test_the_rate_is_what_the_slowest_can_carry(shelf, monkeypatch):
    speeds = {"hostnetwork": 30.0, "ovs": 0.9, "calico": 20.0, "canal": 4.3}

    def run(asked, progress):
        datapath = "netdev" if asked.scheme == "ovs" else None
        return [shelf.add(asked.scheme, speeds[asked.scheme], ovs_datapath=datapath)]

    monkeypatch.setattr(equal_load, "run", run)
    told = []
    assert common_rate(Experiment.of(), list(speeds), shelf.folder, told.append) == 3.9
    assert "canal is the slowest with 4.30 Gbit/s: each scheme is offered 3.9 Gbit/s" in told


@pytest.mark.lab
@pytest.mark.alone
def test_at_that_rate_all_carry_the_same(tmp_path):
    from cniperf import run

    asked = {"duration": 1, "omit": 0, "data_dir": tmp_path}
    schemes = ["hostnetwork", "flannel-vxlan"]
    rate = common_rate(Experiment.of(**asked), schemes, tmp_path, lambda line: None)
    for scheme in schemes:
        run(Experiment.of(**asked, scheme=scheme, rate=rate / 2), lambda moment: None)
    paced = load_runs(tmp_path).query("rate > 0")
    assert paced["gbps"].tolist() == pytest.approx([rate / 2] * 2, rel=0.1)
    assert (paced["cost"] > 0).all()

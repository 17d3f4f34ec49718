"""What all kinds of bed have in common: each takes what an experiment asks of it."""

import pytest

from cniperf import beds
from cniperf.errors import ParameterError
from cniperf.modes import MODES
from cniperf.params import Experiment

HOSTS = """hosts:
  alpha: {ssh: 127.0.0.1, nic: eth0, address: 192.168.20.42/24}
  beta: {ssh: 127.0.0.2, nic: eth0, address: 192.168.20.43/24}
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["lab", "ssh", "vm"])
def test_a_bed_can_be_made_for_each_mode_and_nothing_is_touched_yet(name, mode, tmp_path):
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text(HOSTS)
    more = {"hosts": hosts} if name == "ssh" else {}
    asked = Experiment.of(scheme="calico", bed=name, mode=mode, **more)
    assert beds.find(name).open(asked).name == name


def test_a_bed_that_measures_by_itself_lends_no_hosts():
    with pytest.raises(ParameterError, match="use bed='vm', which has the same kernel"):
        beds.find("counted").open(Experiment.of(scheme="calico", bed="counted"))

"""Beds lend a scheme two hosts. Nothing outside this folder changes a system.

``lab``  two hosts as network namespaces on this machine (:mod:`cniperf.beds.lab`)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cniperf.beds.lab import Lab
    from cniperf.params import Experiment


def open_bed(experiment: "Experiment") -> "Lab":
    """Return the bed that an experiment names, not yet built: use it with ``with``."""
    from cniperf.beds.lab import Lab

    return Lab(
        nic=experiment.nic,
        mtu=experiment.mtu,
        gro=experiment.gro,
        udpcsum=experiment.udpcsum,
        ovs=experiment.needs_ovs,
        pairs=experiment.pairs,
    )

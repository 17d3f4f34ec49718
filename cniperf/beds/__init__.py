"""Beds lend a scheme two hosts. Nothing outside this folder changes a system.

``lab``  two hosts as network namespaces on this machine (:mod:`cniperf.beds.lab`)
``ssh``  two machines that are reached by SSH (:mod:`cniperf.beds.ssh`)
``vm``   two virtual machines on this one, wired by SSH, too (:mod:`cniperf.beds.vm`)
"""

from typing import TYPE_CHECKING, Any

from cniperf.errors import ParameterError

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.beds.lab import Lab
    from cniperf.params import Experiment


def open_bed(experiment: "Experiment") -> "Bed":
    """Return the bed that an experiment names, not yet built: use it with ``with``.

    Raises:
        ParameterError: a hosts file with something that is not allowed, or a bed that measures by
            itself, in one go.
    """
    if experiment.bed == "counted":
        raise ParameterError("bed='counted' has no hosts to lend: bed='vm' has the same kernel")
    return {"lab": open_lab, "ssh": _ssh, "vm": _vm}[experiment.bed](experiment)


def open_lab(experiment: "Experiment") -> "Lab":
    """Return the lab of an experiment, not yet built."""
    from cniperf.beds.lab import Lab

    return Lab(
        nic=experiment.nic,
        mtu=experiment.mtu,
        gro=experiment.gro,
        udpcsum=experiment.udpcsum,
        ovs=experiment.needs_ovs,
        pairs=experiment.pairs,
        bare=experiment.design == "interleaved",
    )


def _vm(experiment: "Experiment") -> "Bed":
    from cniperf.beds.vm import VmBed

    return VmBed(**_asked(experiment))


def _ssh(experiment: "Experiment") -> "Bed":
    from cniperf.beds.ssh import SshBed
    from cniperf.inventory import read_inventory

    assert experiment.hosts is not None
    return SshBed(
        read_inventory(experiment.hosts).pair(experiment.between),
        **_asked(experiment),
        turns=experiment.design == "interleaved",
        allow_shared_nic=experiment.allow_shared_nic,
        grace=experiment.grace,
    )


def _asked(experiment: "Experiment") -> dict[str, Any]:
    """Return what hosts that are reached by SSH are asked for."""
    from cniperf.generators import all_generators
    from cniperf.schemes import find

    return {
        "mtu": experiment.mtu,
        "ovs": experiment.needs_ovs,
        "udpcsum": experiment.udpcsum,
        "pairs": experiment.pairs,
        "tools": {
            **all_generators()[experiment.generator].package,
            **find(experiment.scheme).tools,
        },
        "congestion": experiment.congestion,
        "devices": find(experiment.scheme).devices,
    }

"""The figures of a load that a counting guest made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cniperf.beds.counted.guest import per_byte
from cniperf.generators import Job, Traffic, all_generators
from cniperf.record import UNTOLD


def summary(
    traffic: Traffic, folder: Path, found: Mapping[str, Any], load: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the figures of a load on the bed ``counted``.

    Args:
        traffic: what was sent.
        folder: of the run, with the generator's output.
        found: what the guest reported, see :func:`cniperf.measure.inside.measure`.
        load: what it reported of this load.

    Raises:
        MeasurementFailed: the generator has no figure, or the guest's CPU waited.
    """
    generator = all_generators()[traffic.generator]
    said = generator.read(
        Job(traffic=traffic, address="", port=generator.port, folder=folder,
            seconds=traffic.duration, omit=traffic.omit)
    )  # fmt: skip
    assert said.gbps is not None
    return {
        **dict.fromkeys(UNTOLD),
        "insn_per_byte": per_byte(load["used"], said.gbps),
        "retransmits": said.retransmits,
        "mss": said.mss,
        "pod_mtu": found["pod_mtu"],
        "busy": load["used"],
    }

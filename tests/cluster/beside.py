"""A cluster and a lab beside each other, wired by the same steps: they must lose the same.

``python -m cluster.beside`` measures pods of the rig, by bed ``k8s``, and the lab's scheme of the
same wiring, in turns of one run each. It prints both losses, and what the two differ by.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

import cniperf
from cluster.rig import TRANSPORTS, Rig, until_stopped
from cniperf import stop
from cniperf.analysis.blocks import laid_out
from cniperf.analysis.sample import Sample
from cniperf.params import Experiment
from cniperf.runs import load_runs

SCHEMES = {"hostgw": "flannel-hostgw", "vxlan": "flannel-vxlan"}
SLICE = 0.03  # seconds, of both: the cluster's own


def measure(transport: str, rounds: int, folder: Path) -> None:
    """Leave so many runs of each in two folders below one, ``k8s`` and ``lab``."""
    with Rig(transport) as rig:
        for number in range(1, rounds + 1):
            shared = {"suite": transport, "first_round": number, "slice": SLICE,
                      "congestion": "reno"}  # fmt: skip
            for bed, own in (
                ("k8s", {"scheme": "pod-to-pod", "kubeconfig": rig.kubeconfig, "image": rig.image,
                         "nodes": ",".join(rig.nodes)}),
                ("lab", {"scheme": SCHEMES[transport]}),
            ):  # fmt: skip
                stop.look()
                asked = Experiment.of(bed=bed, data_dir=folder / bed, **shared, **own)
                cniperf.run(asked, lambda moment: None)
                print(f"{transport} round {number} {bed}", flush=True)


def compared(transport: str, folder: Path) -> str:
    """Return both losses, and the difference of what is carried, with their 95 % intervals."""
    samples, lines = {}, []
    for bed in ("k8s", "lab"):
        runs: pd.DataFrame = load_runs(folder / bed, suite=transport)
        scheme = str(runs["scheme"].iloc[0])
        row = cniperf.loss_table(runs).loc[scheme]
        samples[bed] = laid_out(runs).shares(scheme)
        lines.append(f"{transport} {bed:<4} {scheme:<15} loses {row['loss']:.1%} "
                     f"({row['loss_low']:.1%} to {row['loss_high']:.1%}), "
                     f"{int(row['runs'])} runs, {row['figure']:.2f} Gbit/s")  # fmt: skip
    change = Sample(samples["k8s"], samples["lab"]).interval().as_change()
    lines.append(f"{transport} the cluster carries {change.middle:+.1%} "
                 f"({change.low:+.1%} to {change.high:+.1%}) beside the lab")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Measure both transports and print what came out."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--folder", type=Path, help="keep the runs here")
    chosen = parser.parse_args()
    with until_stopped(), tempfile.TemporaryDirectory() as own:
        folder = chosen.folder or Path(own)
        for transport in TRANSPORTS:
            measure(transport, chosen.rounds, folder)
            print(compared(transport, folder), flush=True)


if __name__ == "__main__":
    main()

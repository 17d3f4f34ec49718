"""The dead man's switch of a run in a cluster: ``python -m cniperf.beds.k8s.reaper JOURNAL RUN …``.

As that of a lab (:mod:`cniperf.beds.reaper`) it waits for the run's end, however it comes, and
deletes the run's namespaces. Where this whole machine goes, or its network, the pods end by
themselves, and ``cniperf clean --bed k8s`` deletes what is left of their names.
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from cniperf.beds import reaper
from cniperf.beds.journal import Journal
from cniperf.beds.k8s.client import Cluster
from cniperf.beds.k8s.sweep import sweep
from cniperf.errors import CniperfError


def start(
    journal: Journal, run: str, kubeconfig: Path | None, context: str
) -> subprocess.Popen[bytes]:
    """Start the reaper of a run; closing its ``stdin`` lets it sweep and end."""
    words = [str(journal.path.resolve()), run, str(kubeconfig or ""), context]
    return reaper.start_as(__name__, *words, folder=str(Path.cwd()))  # KUBECONFIG may be relative


def main(journal: str, run: str, kubeconfig: str, context: str) -> None:
    """Wait for the run's end, then delete what it has left, there and here."""
    reaper.await_end()
    with suppress(CniperfError):
        sweep(Cluster.connect(Path(kubeconfig) if kubeconfig else None, context), run)
    Journal(Path(journal)).sweep()


if __name__ == "__main__":
    main(*sys.argv[1:])

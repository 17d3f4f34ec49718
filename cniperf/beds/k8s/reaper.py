"""The dead man's switch of a run in a cluster: ``python -m cniperf.beds.k8s.reaper RUN …``.

It waits on its standard input, whose other end the run holds. However the run ends, the pipe
closes, and the reaper deletes the run's namespaces. Where this whole machine goes, or its network,
the pods end by themselves, and ``cniperf clean --bed k8s`` deletes what is left of their names.
"""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from cniperf.beds.journal import Journal
from cniperf.beds.k8s.sweep import sweep
from cniperf.errors import CniperfError


def start(
    journal: Journal, run: str, kubeconfig: Path | None, context: str
) -> subprocess.Popen[bytes]:
    """Start the reaper of a run; closing its ``stdin`` lets it sweep and end."""
    words = [str(journal.path.resolve()), run, str(kubeconfig or ""), context]
    return subprocess.Popen(
        [sys.executable, "-m", "cniperf.beds.k8s.reaper", *words],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C meant for the run must not end it
    )  # fmt: skip


def main(journal: str, run: str, kubeconfig: str, context: str) -> None:
    """Wait for the run's end, then delete what it has left, there and here."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    from cniperf.beds.k8s.client import Cluster

    with suppress(CniperfError):
        sweep(Cluster.connect(Path(kubeconfig) if kubeconfig else None, context), run)
    Journal(Path(journal)).sweep()


if __name__ == "__main__":
    main(*sys.argv[1:])

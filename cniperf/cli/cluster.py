"""The verbs about a Kubernetes cluster: k8s check, role, image."""

import typer

from cniperf.cli.app import app, examples, tell
from cniperf.cli.options import Context, Kubeconfig
from cniperf.errors import CniperfError

k8s = typer.Typer(name="k8s", help="The cluster that bed k8s measures.", no_args_is_help=True)
app.add_typer(k8s)


@k8s.command(epilog=examples("cniperf k8s check", "cniperf k8s check --context staging"))
def check(kubeconfig: Kubeconfig = None, context: Context = "") -> None:
    """Report what a run needs of the cluster, and what this login may not do.

    Changes nothing. Exit code 1 where something stands in the way of a run.
    """
    from cniperf.beds.k8s.client import Cluster
    from cniperf.cluster_check import examine

    cluster = Cluster.connect(kubeconfig, context)
    lacking = False
    for subject, findings in examine(cluster):
        tell(subject, findings)
        lacking |= not all(finding.ok for finding in findings)
    if lacking:
        raise CniperfError(f"cluster {cluster.name} is not ready: see the lines marked no; "
                           "`cniperf k8s role` prints the role that would do")  # fmt: skip


@k8s.command(epilog=examples("cniperf k8s role | kubectl apply -f -"))
def role() -> None:
    """Print the ClusterRole that allows a run."""
    from cniperf.beds.k8s.rights import role as as_yaml

    typer.echo(as_yaml().rstrip())


@k8s.command(epilog=examples("cniperf k8s image > Containerfile"))
def image() -> None:
    """Print the Containerfile of the load's image, for a registry of your own."""
    from cniperf.beds.k8s.image import CONTAINERFILE

    typer.echo(CONTAINERFILE.rstrip())

"""The verbs for a Kubernetes cluster: k8s check, role, image."""

import typer

from cniperf.cli.app import app, examples, report_findings
from cniperf.cli.options import Context, Kubeconfig
from cniperf.errors import CniperfError

k8s = typer.Typer(name="k8s", help="The cluster that bed k8s measures.", no_args_is_help=True)
app.add_typer(k8s)


@k8s.command(epilog=examples("cniperf k8s check", "cniperf k8s check --context staging"))
def check(kubeconfig: Kubeconfig = None, context: Context = "") -> None:
    """Report whether the cluster and this login allow a run. Changes nothing.

    The exit code is 1 if a run is not possible.
    """
    from cniperf.beds.k8s.client import Cluster
    from cniperf.cluster_check import examine

    cluster = Cluster.connect(kubeconfig, context)
    lacking = False
    for subject, findings in examine(cluster):
        report_findings(subject, findings)
        lacking |= not all(finding.ok for finding in findings)
    if lacking:
        raise CniperfError(f"cluster {cluster.name} is not ready: fix the lines marked NO; "
                           "`cniperf k8s role` prints the role that a run needs")  # fmt: skip


@k8s.command(epilog=examples("cniperf k8s role | kubectl apply -f -"))
def role() -> None:
    """Print the ClusterRole that allows a run."""
    from cniperf.beds.k8s.rights import role as as_yaml

    typer.echo(as_yaml().rstrip())


@k8s.command(epilog=examples("cniperf k8s image > Containerfile"))
def image() -> None:
    """Print the Containerfile of the load's image, to build it for your own registry."""
    from cniperf.beds.k8s.image import CONTAINERFILE

    typer.echo(CONTAINERFILE.rstrip())

"""The verbs for hosts that are reached by SSH: hosts check."""

from pathlib import Path
from typing import Annotated

import typer

from cniperf.cli.app import app, examples, report_findings
from cniperf.errors import CniperfError

hosts = typer.Typer(name="hosts", help="The hosts that bed ssh measures.", no_args_is_help=True)
app.add_typer(hosts)


@hosts.callback()
def _hosts() -> None:
    """Keep ``check`` a verb of its own: typer drops the name of a single verb."""


@hosts.command(epilog=examples("cniperf hosts check hosts.yaml"))
def check(
    file: Annotated[Path, typer.Argument(help="The hosts file; docs/ssh.md has an example.")],
) -> None:
    """Report whether the hosts of a file and their network allow a run. Changes nothing.

    The exit code is 1 if a run is not possible on one of them.
    """
    from cniperf.hosts_check import check as examine
    from cniperf.inventory import read_inventory

    lacking = []
    for name, findings in examine(read_inventory(file)):
        report_findings(name, findings)
        if not all(finding.ok for finding in findings):
            lacking.append(name)
    if lacking:
        raise CniperfError(f"not ready: {', '.join(lacking)}: fix the lines marked NO")

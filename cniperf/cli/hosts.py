"""The verbs about hosts that are reached by SSH: hosts check."""

from pathlib import Path
from typing import Annotated

import typer

from cniperf.cli.app import app, examples, tell
from cniperf.errors import CniperfError

hosts = typer.Typer(name="hosts", help="The hosts that bed ssh measures.", no_args_is_help=True)
app.add_typer(hosts)


@hosts.callback()
def _hosts() -> None:
    """Keep ``check`` a verb of its own: typer would fold a single one away."""


@hosts.command(epilog=examples("cniperf hosts check hosts.yaml"))
def check(
    file: Annotated[Path, typer.Argument(help="The hosts file; docs/ssh.md has an example.")],
) -> None:
    """Tell what the hosts of a file have and lack, and whether their data network is one.

    Changes nothing. Exit code 1 where something stands in the way of a run.
    """
    from cniperf.hosts_check import check as examine
    from cniperf.inventory import read_inventory

    lacking = []
    for name, findings in examine(read_inventory(file)):
        tell(name, findings)
        if not all(finding.ok for finding in findings):
            lacking.append(name)
    if lacking:
        raise CniperfError(f"not ready: {', '.join(lacking)}")

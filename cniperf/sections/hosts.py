"""What a report says first where several pairs of hosts were measured."""

import pandas as pd

from cniperf.analysis.between import between_table
from cniperf.language import _
from cniperf.sections.html import Html


def hosts(runs: pd.DataFrame) -> Html:
    """Introduce the maps of hosts, and say which pair is the slowest on the hosts' own network."""
    table = between_table(runs)
    base = table[table["scheme"].eq("hostnetwork") & table["figure"].notna()]
    text = _(
        "A row is the host that runs the clients, a column the one that runs the servers; a pair "
        "that was not measured is white. hostnetwork has its own figure, every other scheme what "
        "it loses against hostnetwork between the same two hosts."
    )
    slow = ""
    if len(base) > 1:
        ordered = base.sort_values("figure")
        least, most = ordered.iloc[0], ordered.iloc[-1]
        slow = _(
            "The hosts' own network carries least from {client} to {server}: {share:.0f} % of what "
            "it carries from {best_client} to {best_server}."
        ).format(
            client=least["client"], server=least["server"], best_client=most["client"],
            best_server=most["server"], share=100 * least["figure"] / most["figure"],
        )  # fmt: skip
    title = _("Host by host")
    return Html(f"<h2>{title}</h2><p>{slow} {text}</p>")

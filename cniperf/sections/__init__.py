"""The sections of the report in words and tables: each takes runs and returns a piece of HTML."""

from cniperf.sections.appendix import (
    commands,
    environment,
    how_measured,
    how_to_repeat,
    left_out,
    listed_runs,
)
from cniperf.sections.beds import beds, claims_by_bed
from cniperf.sections.explore import choice, opened
from cniperf.sections.hosts import hosts
from cniperf.sections.html import Html
from cniperf.sections.link import link
from cniperf.sections.loads import latency, pairs
from cniperf.sections.measured import completed, heading, measured_how, title
from cniperf.sections.single import each_run
from cniperf.sections.story import story
from cniperf.sections.summary import answer, losses
from cniperf.sections.sweeps import sweeps, swept, why_vxlan
from cniperf.sections.trust import noise
from cniperf.sections.verdicts import claims, control

__all__ = [
    "Html", "answer", "beds", "choice", "claims", "claims_by_bed", "commands", "completed",
    "control", "each_run", "environment", "heading", "hosts", "how_measured", "how_to_repeat",
    "latency", "left_out", "link", "listed_runs", "losses", "measured_how", "noise", "opened",
    "pairs", "story", "sweeps", "swept", "title", "why_vxlan",
]  # fmt: skip

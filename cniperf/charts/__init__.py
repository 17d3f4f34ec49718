"""Charts: each takes one tidy table and returns one figure that shows itself in a notebook."""

from cniperf.charts.beds import beds
from cniperf.charts.comparison import comparison
from cniperf.charts.hosts import hosts
from cniperf.charts.loads import cpu, latency, pairs, throughput, timeline
from cniperf.charts.losses import ladder, loss, trade_off
from cniperf.charts.style import COLOURS, FAINT, INK, WIDTH, Chart, colours, styled
from cniperf.charts.sweeps import cells, effects, sweep

__all__ = [
    "COLOURS", "FAINT", "INK", "WIDTH", "Chart", "beds", "cells", "colours", "comparison", "cpu",
    "effects", "hosts", "ladder", "latency", "loss", "pairs", "styled", "sweep", "throughput",
    "timeline", "trade_off",
]  # fmt: skip

"""What does a pod network cost? Eight ways to wire two pods, built, loaded and compared.

The names below are the public ones. They are imported on first use, so that ``import cniperf``
is quick and a program that only reads runs never loads the wiring code.
"""

from importlib import import_module

TYPE_CHECKING = False  # typing itself takes longer to import than all of this
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_HOME = {
    "beds_table": "cniperf.analysis.beds",
    "compare": "cniperf.analysis.compare",
    "CniperfError": "cniperf.errors",
    "conditions": "cniperf.analysis.loss",
    "default_data_dir": "cniperf.runs",
    "Experiment": "cniperf.params",
    "Host": "cniperf.hosts",
    "load_evidence": "cniperf.runs",
    "load_intervals": "cniperf.timeline",
    "load_raw": "cniperf.runs",
    "load_runs": "cniperf.runs",
    "loss_table": "cniperf.analysis.loss",
    "make_plan": "cniperf.plan",
    "make_report": "cniperf.report",
    "new_suite": "cniperf.measure.suite",
    "Plan": "cniperf.plan",
    "planned": "cniperf.plan",
    "run": "cniperf.measure.run",
    "run_suite": "cniperf.measure.suite",
    "scheme_cells": "cniperf.measure.suite",
    "sittings": "cniperf.analysis.loss",
    "speak": "cniperf.language",
    "sweep_cells": "cniperf.measure.sweep",
    "sweep_table": "cniperf.analysis.sweep",
    "scheme_names": "cniperf.schemes",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> "Any":  # noqa: ANN401
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'cniperf' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

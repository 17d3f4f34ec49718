"""Beds give a scheme two hosts, one folder each. Nothing outside these folders changes a system.

A folder that contains a ``BED`` is a bed; shared code is beside these folders.
"""

import os
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from cniperf.beds.kind import Kind
from cniperf.errors import ParameterError, unknown

if TYPE_CHECKING:
    from cniperf.beds.bed import Bed
    from cniperf.params import Experiment

# Debian leaves the tools of the network out of an ordinary user's PATH.
SYSTEM_TOOLS = ("/usr/sbin", "/sbin")
if os.geteuid() != 0:
    known = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys([*known, *SYSTEM_TOOLS]))


@cache
def all_beds() -> dict[str, Kind]:
    """Return every kind of bed by name, in order."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)
               if found.ispkg)  # fmt: skip
    found = [module.BED for module in modules if hasattr(module, "BED")]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.order)}


def find(name: str) -> Kind:
    """Return the kind of bed of this name.

    Raises:
        ParameterError: no bed has this name; the text lists those there are.
    """
    try:
        return all_beds()[name]
    except KeyError:
        raise ParameterError(unknown("bed", name, all_beds())) from None


def open_bed(experiment: "Experiment") -> "Bed":
    """Return the bed that an experiment names, not yet built; see :meth:`Kind.open`."""
    return find(experiment.bed).open(experiment)

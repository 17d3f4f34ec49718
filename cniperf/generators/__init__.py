"""The generators, one file each. A file in this folder that holds a ``GENERATOR`` is one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cniperf.generators.generator import Figures, Generator, Job

__all__ = ["Figures", "Generator", "Job", "all_generators"]


@cache
def all_generators() -> dict[str, Generator]:
    """Return every generator by name."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.GENERATOR for module in modules if hasattr(module, "GENERATOR")]
    return {generator.name: generator for generator in found}

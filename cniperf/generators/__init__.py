"""The generators, one file each. A file in this folder that contains a ``GENERATOR`` is one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cniperf.errors import ParameterError, unknown
from cniperf.generators.generator import Figures, Generator, Job
from cniperf.generators.traffic import Traffic

__all__ = ["Figures", "Generator", "Job", "Traffic", "all_generators", "find"]


@cache
def all_generators() -> dict[str, Generator]:
    """Return every generator by name."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.GENERATOR for module in modules if hasattr(module, "GENERATOR")]
    return {generator.name: generator for generator in found}


def find(name: str) -> Generator:
    """Return the generator of this name.

    Raises:
        ParameterError: no generator has this name; the text lists those there are.
    """
    try:
        return all_generators()[name]
    except KeyError:
        raise ParameterError(unknown("generator", name, all_generators())) from None

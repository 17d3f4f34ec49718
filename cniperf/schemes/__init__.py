"""The schemes, one file each. A file in this folder that holds a ``SCHEME`` is a scheme."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cniperf.errors import UnknownScheme, unknown
from cniperf.schemes.scheme import Scheme

BASELINE = "hostnetwork"


@cache
def all_schemes() -> dict[str, Scheme]:
    """Return every scheme by name, in the order of charts."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    schemes = [module.SCHEME for module in modules if hasattr(module, "SCHEME")]
    return {scheme.name: scheme for scheme in sorted(schemes, key=lambda s: s.order)}


def scheme_names() -> list[str]:
    """Return the names of all schemes, in the order of charts."""
    return list(all_schemes())


def find(name: str) -> Scheme:
    """Return the scheme of this name.

    Raises:
        UnknownScheme: no scheme has this name; the text lists those there are.
    """
    try:
        return all_schemes()[name]
    except KeyError:
        raise UnknownScheme(unknown("scheme", name, scheme_names())) from None

"""The schemes, one file each. A file in this folder that contains a ``SCHEME`` is a scheme.

Where schemes differ in a single value, one file contains them all, as ``SCHEMES``.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from cniperf.errors import UnknownScheme, unknown
from cniperf.schemes.scheme import Scheme

BASELINE = "hostnetwork"

# The default schemes: the article's eight, in its order.
ARTICLE = ("hostnetwork", "macvlan", "ovs", "ovs-bridge", "calico", "flannel-hostgw",
           "flannel-vxlan", "canal")  # fmt: skip


def all_schemes() -> dict[str, Scheme]:
    """Return every scheme that can be wired, by name, in the order of charts."""
    return schemes_of("")


@cache
def schemes_of(bed: str) -> dict[str, Scheme]:
    """Return the schemes that one bed alone has, by name, in the order of charts."""
    return {name: scheme for name, scheme in _every().items() if scheme.bed == bed}


@cache
def _every() -> dict[str, Scheme]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    schemes = [scheme for module in modules for scheme in _held(module)]
    return {scheme.name: scheme for scheme in sorted(schemes, key=lambda s: s.order)}


def _held(module: ModuleType) -> Sequence[Scheme]:
    """Return the schemes that a file contains."""
    one = getattr(module, "SCHEME", None)
    return [one] if one else getattr(module, "SCHEMES", ())


def scheme_names() -> list[str]:
    """Return the names of all schemes that can be wired, in the order of charts."""
    return list(all_schemes())


def find(name: str) -> Scheme:
    """Return the scheme of this name.

    Raises:
        UnknownScheme: no scheme has this name; the text lists those there are.
    """
    try:
        return _every()[name]
    except KeyError:
        raise UnknownScheme(unknown("scheme", name, _every())) from None

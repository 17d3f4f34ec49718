"""Results that several sections and charts ask for, computed once for each table of runs."""

import weakref
from collections.abc import Callable
from copy import copy
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import pandas as pd

from cniperf.language import spoken

P = ParamSpec("P")
T = TypeVar("T")

# By the table's identity: itself, to see whether it is still there, and what was computed of it.
_kept: "dict[int, tuple[weakref.ref[pd.DataFrame], dict[object, Any]]]" = {}


def once(
    function: Callable[Concatenate[pd.DataFrame, P], T],
) -> Callable[Concatenate[pd.DataFrame, P], T]:
    """Compute a function of a table of runs once, for as long as the table is there.

    The table must not be changed meanwhile. A result is kept for each language and each set of
    further arguments; callers get a shallow copy of it, so that they may add columns.
    """

    @wraps(function)
    def kept(runs: pd.DataFrame, *args: P.args, **kwargs: P.kwargs) -> T:
        table, found = _kept.get(id(runs), (None, {}))
        if table is None or table() is not runs:
            for gone in [name for name, (other, _) in _kept.items() if other() is None]:
                del _kept[gone]
            found = {}
            _kept[id(runs)] = weakref.ref(runs), found
        key = (function, spoken(), args, tuple(sorted(kwargs.items())))
        if key not in found:
            found[key] = function(runs, *args, **kwargs)
        return copy(found[key])  # type: ignore[no-any-return]

    return cast(Callable[Concatenate[pd.DataFrame, P], T], kept)

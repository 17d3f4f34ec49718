"""An import that all of Jupyter's packages share, without the seconds that it takes."""

import sys
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any

IRIS = "rfc3987_syntax"
_ONE_AT_A_TIME = Lock()  # a suite executes several notebooks at once


def import_jsonschema() -> None:
    """Import jsonschema; its grammar of IRIs is built where an IRI is checked.

    Building it takes three seconds of a processor, and no notebook has an IRI. To be called before
    nbformat, nbconvert or papermill is imported.
    """
    with _ONE_AT_A_TIME:
        if "jsonschema" in sys.modules or IRIS in sys.modules or not find_spec(IRIS):
            return
        stand_in: Any = ModuleType(IRIS)
        stand_in.is_valid_syntax = _is_valid_syntax
        sys.modules[IRIS] = stand_in
        try:
            import_module("jsonschema")
        finally:
            del sys.modules[IRIS]


def _is_valid_syntax(*words: Any) -> Any:  # noqa: ANN401
    return import_module(IRIS).is_valid_syntax(*words)

"""Settings and hosts files: YAML whose values are the words that stand there.

YAML 1.1 guesses: ``off`` and ``no`` become false, ``1:30`` a number, ``2026-01-02`` a date. Here a
word stays a word, and the model that takes it decides its type.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from cniperf import files
from cniperf.errors import ParameterError, one_line, shown

LARGEST = 2**18  # bytes of such a file


def read_words(path: Path, what: str) -> Any:  # noqa: ANN401
    """Read a YAML file: mappings and lists of words, and None for what is empty.

    Args:
        path: the file; a pipe will do.
        what: what is read from it, for people.

    Raises:
        ParameterError: it cannot be read or is no YAML, or a key stands in it twice.
    """
    try:
        return yaml.load(files.read_text(path, LARGEST, pipe=True), _Words)
    except (yaml.YAMLError, UnicodeError) as problem:
        raise ParameterError(f"{path} is no YAML: {one_line(str(problem), 300)}") from None
    except RecursionError:
        raise ParameterError(f"{path} is no YAML: it is nested too deeply") from None
    except (OSError, ValueError) as problem:
        raise ParameterError(f"cannot read {what} from {path}: {files.reason(problem)}") from None


class _Words(yaml.BaseLoader):
    """A loader that guesses nothing, and takes no tag at its word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Reject a key that is no word or stands twice, of which the last would silently win."""
        names = [key.value if isinstance(key, yaml.ScalarNode) else None for key, _ in node.value]
        for place, name in enumerate(names):
            if name is None or name in names[:place]:
                why = "a key is no word" if name is None else f"the key {shown(name)} stands twice"
                raise yaml.constructor.ConstructorError(
                    None, None, why, node.value[place][0].start_mark
                )
        values = (self.construct_object(value, deep=deep) for _, value in node.value)
        return dict(zip(names, values, strict=True))


_NULL = "tag:yaml.org,2002:null"
_Words.add_implicit_resolver(_NULL, re.compile(r"(~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Words.add_constructor(_NULL, lambda loader, node: None)

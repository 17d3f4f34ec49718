"""The errors that the book quotes are those of the code."""

import ast
import re

import pytest
from book import blocks_of
from conftest import ROOT

ERRORS = [
    block.text.strip() for block in blocks_of(ROOT / "docs/faq.md") if block.language == "text"
]


def said_by_the_code():
    """A pattern for each text in the code that has words enough to be told by."""
    for file in (ROOT / "cniperf").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            fixed = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            words = "".join(text for text in fixed if isinstance(text, str))
            if len(re.sub(r"\W", "", words)) > 8 and "\n" not in words:
                yield "".join(".*" if text is None else re.escape(text) for text in fixed)


PATTERNS = list(said_by_the_code())


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_that_the_book_quotes_is_in_the_code(line):
    assert "\n" not in line
    own = line.removeprefix("cniperf: ")
    assert any(re.fullmatch(pattern, own) for pattern in PATTERNS)

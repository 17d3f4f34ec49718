"""The book and the README as the tests read them: pages, fenced blocks, chapters."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT

BOOK = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *BOOK]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comment right above it."""

    page: Path
    number: int
    mark: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.number}"

    def marked(self, what: str) -> str:
        """What the comment says after these words; empty if it begins with others."""
        return self.mark.removeprefix(what).strip() if self.mark.startswith(what) else ""

    @property
    def is_shell(self) -> bool:
        return self.language in ("", "sh") and not self.mark

    @property
    def needs_lab(self) -> bool:
        return bool(LAB.search(self.text))


LAB = re.compile(r"cniperf (run|suite|sweep|prove|up|exec|capture|down|clean|bench)\b|run_scheme")
FENCE = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page):
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1] or "", found[2], found[3])
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def each(blocks):
    return pytest.mark.parametrize(
        "block",
        [
            pytest.param(
                b, id=str(b), marks=[pytest.mark.lab, pytest.mark.alone] if b.needs_lab else []
            )
            for b in blocks
        ],
    )


def chapter(name, title):
    """The text of a page below a heading, to the next one of its level."""
    text = (ROOT / "docs" / name).read_text()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def spans(text):
    return set(re.findall(r"`([^`\n]+)`", text))

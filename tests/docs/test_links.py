"""Links and pictures of the book lead somewhere, and its contents list every page."""

import re

import pytest
from book import BOOK, FENCE, PAGES
from conftest import ROOT

LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "data/README.md"]


def without_blocks(page):
    return FENCE.sub("", page.read_text())


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(file), target


def test_the_contents_list_every_page_once():
    listed = re.findall(
        r"^- \[[^]]+\]\(([\w-]+\.md)\): .+\.$", BOOK_INDEX.read_text(), re.MULTILINE
    )
    assert sorted(listed) == [page.name for page in BOOK if page != BOOK_INDEX]


BOOK_INDEX = ROOT / "docs/README.md"


def test_every_picture_of_the_reference_runs_is_explained():
    text = "".join(page.read_text() for page in BOOK)
    for picture in (ROOT / "data/reference").glob("*.png"):
        assert f"../data/reference/{picture.name}" in text

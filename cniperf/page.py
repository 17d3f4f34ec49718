"""The report's page: contents, links, and pictures whose words can be found and read aloud.

The page is one file that loads nothing from outside. It needs no script; its only one sorts
tables.
"""

import itertools
import re
from collections import Counter
from html import escape, unescape

from cniperf.language import N_

TITLE = N_("What a pod network costs")
HEADING = re.compile(r"<h([23])([^>]*)>(.*?)</h\1>", re.DOTALL)
INSIDE = re.compile(r"""<a href=["']#([^"']+)["']>(.*?)</a>""", re.DOTALL)
NAME = re.compile(r"""\s\bid=["']([^"']+)["']""")
HOVER = "hover:"  # what an artist's gid begins with whose words show when a reader points at it


def with_contents(page: str, title: str) -> str:
    """Return a page whose headings can be linked to, with a list of them before the first one.

    Args:
        page: HTML.
        title: of the list, in the reader's language.
    """
    if "<h2" not in page:
        return page
    items: list[str] = []
    parts: Counter[str] = Counter()

    def linked(match: re.Match[str]) -> str:
        level, attributes, text = match.groups()
        own = NAME.search(attributes)
        name = own[1] if own else f"section-{len(items) + 1}"
        attributes = NAME.sub("", attributes)
        parts[text] += level == "2"
        if level == "2" and parts[text] > 1:  # two suites of one condition
            text = f"{text} ({parts[text]})"
        words = re.sub("<[^>]+>", "", text)
        items.append(f"<li class='level-{level}'><a href='#{name}'>{words}</a></li>")
        return f"<h{level} id='{name}'{attributes}>{text}</h{level}>"

    found = HEADING.sub(linked, page)
    listed = (
        f"<nav><details><summary>{escape(title)}</summary><ul>{''.join(items)}</ul></details></nav>"
    )
    return _without_dead_links(re.sub(r"(?=<h2 )", lambda _: listed, found, count=1))


def _without_dead_links(page: str) -> str:
    """Return a page whose links inside it all lead somewhere: others are plain words."""
    names = set(NAME.findall(page))
    return INSIDE.sub(lambda link: link[0] if link[1] in names else link[2], page)


class Pictures:
    """The pictures of one page. An SVG becomes a part of it, with names that no other one has."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def inline(self, svg: str, alt: str) -> str:
        """Return an SVG document as an element of the page.

        Args:
            svg: the document, as Matplotlib writes it.
            alt: what the picture shows, for readers who do not see it.
        """
        own = f"picture-{next(self._numbers)}-"
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        # Matplotlib's rule for its own lines would apply to those of the whole page.
        svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
        svg = re.sub(rf'<g id="{HOVER}([^"]*)">', r"<g><title>\1</title>", svg)
        svg = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{own}", svg)
        head = (
            f'<svg role="img" aria-label="{escape(unescape(alt))}" '
            'style="stroke-linejoin: round; stroke-linecap: butt" '
        )
        first, rest = svg.split(">", 1)
        sized = re.sub(r'\s(?:width|height)="[^"]*"', "", first.removeprefix("<svg"))
        return f"{head}{sized.strip()}>{rest}"

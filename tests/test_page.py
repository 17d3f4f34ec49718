"""The report's page: headings that can be linked to, and pictures that are a part of it."""

import re
import xml.etree.ElementTree as ET

from cniperf import charts
from cniperf.page import Pictures, with_contents
from cniperf.runs import load_runs

PAGE = (
    "<h1>T</h1><p>x</p><h2>First &amp; last</h2><h3 class='k'>Part <code>a</code></h3><h2>End</h2>"
)


def test_every_heading_is_listed_before_the_first_and_links_to_its_place():
    page = with_contents(PAGE, "What is here")
    head, rest = page.split("</nav>")
    assert head.startswith("<h1>T</h1><p>x</p><nav>") and "What is here" in head
    links = re.findall(r"<a href='#([^']*)'>(.*?)</a>", head)
    assert [words for _, words in links] == ["First &amp; last", "Part a", "End"]
    places = re.findall(r"<h[23] id='([^']*)'", rest)
    assert [name for name, _ in links] == places and len(set(places)) == 3
    assert "class='k'" in rest


def test_a_page_without_sections_has_no_contents():
    assert with_contents("<h1>T</h1>", "What is here") == "<h1>T</h1>"


def drawn(shelf):
    shelf.add("hostnetwork", 20.0)
    shelf.add("calico", 15.0)
    bundle, about = charts.loss(load_runs(shelf.folder))._repr_mimebundle_()
    return bundle["image/svg+xml"], about["image/svg+xml"]["alt"]


def test_a_picture_has_words_a_name_and_values_to_point_at(shelf):
    svg = Pictures().inline(*drawn(shelf))
    root = ET.fromstring(svg)
    assert root.get("role") == "img" and root.get("aria-label") == "Loss against hostnetwork"
    assert "calico" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    titles = [each.text for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["calico: 25.00"]
    assert "width" not in root.attrib and root.get("viewBox")


def test_pictures_of_one_page_share_no_name_and_no_rule_of_style(shelf):
    pictures, (svg, alt) = Pictures(), drawn(shelf)
    first, second = (pictures.inline(svg, alt) for _ in range(2))
    names = [set(re.findall(r'\bid="([^"]*)"', each)) for each in (first, second)]
    assert names[0] and not names[0] & names[1]
    for each, own in zip((first, second), names, strict=True):
        assert set(re.findall(r"url\(#([^)]*)\)", each)) <= own
        assert "<style" not in each and "<!DOCTYPE" not in each


def test_what_a_picture_shows_is_escaped(shelf):
    svg, _ = drawn(shelf)
    assert 'aria-label="a &lt;b&gt; &quot;c&quot;"' in Pictures().inline(svg, 'a <b> "c"')

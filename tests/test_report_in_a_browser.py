"""The report's page as a reader has it: on a screen and on a phone, light and dark, read aloud."""

import re

import pytest
from browser import SCREENSHOTS, browser

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(240)]
WIDTHS = [1280, 800, 390]

# What axe-core must find nothing of.
RULES = ["color-contrast", "svg-img-alt", "image-alt", "heading-order", "empty-heading",
         "page-has-heading-one", "document-title", "html-has-lang", "duplicate-id-aria", "list",
         "listitem", "link-name", "td-headers-attr", "th-has-data-cells", "aria-allowed-attr",
         "scrollable-region-focusable"]  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture
def opened(chromium, reference):
    """Open the report, without scripts of its own, and see that it asks for nothing."""
    asked, contexts = [], []

    def open_page(width, scheme="light", **options):
        context = chromium.new_context(viewport={"width": width, "height": 900},
                                       color_scheme=scheme, **options)  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(reference.html.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert set(asked) == {reference.html.as_uri()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(opened, width, scheme):
    page = opened(width, scheme)
    page.screenshot(path=SCREENSHOTS / f"report-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg[role=img]").count() == 7


def test_it_works_without_scripts(opened):
    page = opened(1280, java_script_enabled=False)
    page.click("nav summary")
    page.click('nav a:has-text("The article\'s claims")')
    assert page.locator('h3:text-is("The article\'s claims")').is_visible()


def test_a_table_is_sorted_by_a_click_on_its_head(opened):
    page = opened(1280)
    table = page.locator("table", has=page.locator("th", has_text="CPU s/GB")).first
    place = table.locator("th").all_text_contents().index("CPU s/GB")

    def column():
        cells = [
            row.locator("td").nth(place).inner_text() for row in table.locator("tbody tr").all()
        ]
        return [float(found[0]) if (found := re.match(r"[\d.]+", cell)) else None for cell in cells]

    own = column()
    head = table.locator("th").nth(place)
    head.get_by_role("button").click()
    known = sorted(value for value in own if value is not None)
    none = [None] * own.count(None)
    assert column() == known + none and head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").press("Enter")  # as a reader without a mouse does
    assert column() == known[::-1] + none and head.get_attribute("aria-sort") == "descending"
    assert page.locator("[aria-sort]").count() == 1
    page.screenshot(path=SCREENSHOTS / "report-sorted.png")


def test_words_of_a_chart_can_be_found_and_values_pointed_at(opened):
    page = opened(1280)
    chart = page.locator('svg[aria-label="Loss against hostnetwork"]')
    assert chart.locator("text", has_text="flannel-hostgw").first.is_visible()
    titles = chart.locator("title").all_text_contents()
    assert any(title.startswith("calico: ") and "–" in title for title in titles)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(opened, scheme):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened(1280, scheme), options={"runOnly": {"type": "rule", "values": RULES}})
    wrong = [(each["id"], node["html"][:120], node.get("failureSummary", "")[:200])
             for each in found.response["violations"] for node in each["nodes"]]  # fmt: skip
    assert wrong == []
    assert len(found.response["passes"]) > 6

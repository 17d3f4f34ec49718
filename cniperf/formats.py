"""The formats of a report, each made from an executed notebook's page."""

import itertools
import re
from base64 import b64decode
from pathlib import Path

from cniperf.language import _, speaking, spoken
from cniperf.page import INSIDE, TITLE, Pictures, with_contents
from cniperf.quick import import_jsonschema

FORMATS = ("html", "pdf", "md")


def html(notebook: str, file: str, lang: str) -> None:
    """Write an executed notebook as one page: outputs only, pictures inside.

    Args:
        notebook: its file.
        file: the page's.
        lang: the language of the page's own title.
    """
    import_jsonschema()
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
        exclude_input=True,
    )
    exporter.register_filter("inline", Pictures().inline)
    with speaking(lang):
        words, contents = {"title": _(TITLE), "lang": spoken()}, _("Contents")
    text, __ = exporter.from_filename(notebook, resources=words)
    text = with_contents(text, contents)
    Path(file).write_text(text, encoding="utf-8")


def pdf(page: str, file: str) -> None:
    """Write that page as a PDF of A4 pages."""
    import weasyprint

    weasyprint.HTML(string=Path(page).read_text(encoding="utf-8")).write_pdf(file)


def md(page: str, file: str) -> None:
    """Write that page as Markdown, whose pictures are the charts saved beside it."""
    from markdownify import markdownify

    text = Path(page).read_text(encoding="utf-8")
    body = text[text.index("<main>") : text.index("</main>")]
    number = itertools.count(1)
    body = re.sub("<nav>.*?</nav>|<section.*?</section>", "", body, flags=re.DOTALL)
    body = INSIDE.sub(r"\2", body)
    body = re.sub(r'<svg [^>]*?aria-label="([^"]*)".*?</svg>',
                  lambda svg: f'<img alt="{svg[1]}" src="chart-{next(number)}.png">', body,
                  flags=re.DOTALL)  # fmt: skip
    text = str(markdownify(body, heading_style="ATX", bullets="-", escape_misc=True))
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    Path(file).write_text(text, encoding="utf-8")


def save_charts(notebook: Path, folder: Path) -> None:
    """Save the charts of an executed notebook as ``chart-1.png`` and so on."""
    import_jsonschema()
    import nbformat

    cells = nbformat.read(str(notebook), as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [out["data"]["image/png"] for out in outputs if "image/png" in out.get("data", {})]
    for number, picture in enumerate(pictures, 1):
        (folder / f"chart-{number}.png").write_bytes(b64decode(picture))

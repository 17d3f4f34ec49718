"""From a folder of runs to a report: HTML without an outside link, and PDF and Markdown from it."""

import itertools
import re
import shutil
import time
import warnings
from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cniperf import checksums, files
from cniperf.analysis.damage import damaged
from cniperf.errors import CniperfError, ParameterError, unknown
from cniperf.language import _, known, speaking, spoken
from cniperf.notebook import execute
from cniperf.runs import default_data_dir, load_runs
from cniperf.sections import TITLE

FORMATS = ("html", "pdf", "md")

# What earlier reports have left in a folder that a new one goes to.
OURS = ("report.*", "chart-*.png", checksums.NAME)


@dataclass(frozen=True)
class Report:
    """The files of a report.

    Attributes:
        folder: where they lie, with the charts as PNG and the checksums of what they tell of.
        formats: those of :data:`FORMATS` that were made.
    """

    folder: Path
    formats: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        """The report, a file a format."""
        return [self.folder / f"report.{each}" for each in self.formats]

    @property
    def html(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    @property
    def pdf(self) -> Path:
        """The PDF."""
        return self.folder / "report.pdf"


def default_reports_dir() -> Path:
    """Return the ``reports/`` beside :func:`cniperf.runs.default_data_dir`."""
    return default_data_dir().parent / "reports"


def make_report(
    data_dir: Path | str | None = None,
    out_dir: Path | str | None = None,
    *,
    suite: str = "",
    formats: Collection[str] = ("html", "pdf"),
    kernel: Any = None,  # noqa: ANN401
    lang: str = "en",
) -> Report:
    """Run ``report.ipynb`` over a folder of runs and leave the report, charts and the notebook.

    Beside them ``SHA256SUMS`` has the checksum of every file of the runs.

    Args:
        data_dir: folder of run folders; the project's ``data/`` if not given.
        out_dir: folder for the files; a report that is there already is replaced.
        suite: only the runs of this suite.
        formats: some of :data:`FORMATS`.
        kernel: a kernel from :func:`cniperf.notebook.warm_kernel`.
        lang: the language it is written in, see :func:`cniperf.language.languages`.

    Raises:
        ParameterError: there is no such format, or no such language.
        CniperfError: there is no run to report, or the folder cannot be written.
    """
    known(lang)
    for each in formats:
        if each not in FORMATS:
            raise ParameterError(unknown("format", each, FORMATS))
    data = Path(data_dir or default_data_dir()).resolve()
    for folder in (data, Path(out_dir or ".").resolve()):
        if not files.is_text(folder):
            raise CniperfError(f"{folder}: this name is no text in this locale; rename it, or try "
                               "LC_ALL=C.UTF-8")  # fmt: skip
    runs = load_runs(data, suite=suite or None)
    if runs.empty:
        which = f" of suite {suite!r}" if suite else ""
        raise CniperfError(f"no run{which} in {data}: measure some with `cniperf suite`")
    for problem in damaged(runs):
        warnings.warn(problem, stacklevel=2)
    name = suite or time.strftime("report-%Y%m%dT%H%M%SZ", time.gmtime())
    final = Path(out_dir or default_reports_dir() / name).resolve()
    draft = final.with_name(f".partial-{final.name}")
    try:
        with speaking(lang):
            _write(draft, data, suite, formats, kernel)
        (draft / checksums.NAME).write_text(
            checksums.checksums(runs["path"], runs["suite"]), "utf-8", checksums.NAMES
        )
        final.mkdir(exist_ok=True)
        for old in itertools.chain.from_iterable(map(final.glob, OURS)):
            old.unlink()
        for file in draft.iterdir():
            file.replace(final / file.name)
    except OSError as problem:
        raise CniperfError(f"cannot write the report to {final}: {files.reason(problem)}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Report(final, tuple(each for each in FORMATS if each in formats))


def _write(
    folder: Path,
    data: Path,
    suite: str,
    formats: Collection[str],
    kernel: Any,  # noqa: ANN401
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    notebook = folder / "report.ipynb"
    execute("report", notebook, {"data_dir": str(data), "suite": suite, "lang": spoken()}, kernel)
    text = to_html(notebook)
    if "html" in formats:
        (folder / "report.html").write_text(text, encoding="utf-8")
    if "pdf" in formats:
        to_pdf(text, folder / "report.pdf")
    if "md" in formats:
        (folder / "report.md").write_text(to_markdown(text), encoding="utf-8")
    save_charts(notebook, folder)


def to_html(notebook: Path) -> str:
    """Turn an executed notebook into one page: outputs only, pictures inside.

    The page's own title and language are those of :func:`cniperf.language.spoken`.
    """
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
        exclude_input=True,
    )
    words = {"title": _(TITLE), "lang": spoken()}
    html, __ = exporter.from_filename(str(notebook), resources=words)
    return str(html)


def to_pdf(html: str, file: Path) -> None:
    """Turn that page into a PDF of A4 pages."""
    import weasyprint

    weasyprint.HTML(string=html).write_pdf(str(file))


def to_markdown(html: str) -> str:
    """Turn that page into Markdown, whose pictures are the charts saved beside it."""
    from markdownify import markdownify

    body = html[html.index("<main>") :]
    number = itertools.count(1)
    body = re.sub(r'src="data:image/[^"]*"', lambda _: f'src="chart-{next(number)}.png"', body)
    text = str(markdownify(body, heading_style="ATX", bullets="-", escape_misc=True))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def save_charts(notebook: Path, folder: Path) -> None:
    """Save the charts of an executed notebook as ``chart-1.png`` and so on."""
    import nbformat

    cells = nbformat.read(str(notebook), as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [out["data"]["image/png"] for out in outputs if "image/png" in out.get("data", {})]
    for number, picture in enumerate(pictures, 1):
        (folder / f"chart-{number}.png").write_bytes(b64decode(picture))

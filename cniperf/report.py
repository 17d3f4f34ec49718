"""From a folder of runs to a report: HTML without an outside link, and PDF and Markdown from it."""

import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cniperf import checksums
from cniperf.analysis.damage import damaged
from cniperf.apart import Died, apart
from cniperf.delivery import Delivery
from cniperf.errors import CniperfError, ParameterError, unknown
from cniperf.formats import FORMATS, save_charts
from cniperf.language import known, speaking, spoken
from cniperf.notebook import execute
from cniperf.places import real
from cniperf.runs import default_data_dir, load_runs

HINT = {"pdf": " (it needs a font: apt-get install fonts-dejavu-core)"}


class Unfinished(CniperfError):
    """Some formats of a report could not be made; the others are there."""


@dataclass(frozen=True)
class Report:
    """The files of a report.

    Attributes:
        folder: where they lie, with the charts as PNG and the checksums of their runs.
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


def _silent(line: str) -> None:
    """Report no progress: a notebook shows the report itself."""


def make_report(
    data_dir: Path | str | None = None,
    out_dir: Path | str | None = None,
    *,
    suite: str = "",
    formats: Collection[str] = ("html", "pdf"),
    kernel: Any = None,  # noqa: ANN401
    lang: str = "en",
    tell: Callable[[str], None] = _silent,
) -> Report:
    """Run ``report.ipynb`` over a folder of runs and leave the report, charts and the notebook.

    Beside them ``SHA256SUMS`` has the checksum of every file of the runs.

    Args:
        data_dir: folder of run folders; the project's ``data/`` if not given.
        out_dir: folder for the files; an existing report is replaced.
        suite: only the runs of this suite.
        formats: some of :data:`FORMATS`.
        kernel: a kernel from :func:`cniperf.notebook.warm_kernel`.
        lang: the language it is written in, see :func:`cniperf.language.languages`.
        tell: called with a line when a step starts.

    Raises:
        ParameterError: there is no such format, or no such language; or something that no report
            wrote is in its way.
        Unfinished: a format could not be made; the others have been delivered.
        CniperfError: there is no run to report, or the folder cannot be written.
    """
    known(lang)
    for each in formats:
        if each not in FORMATS:
            raise ParameterError(unknown("format", each, FORMATS))
    data = real(data_dir or default_data_dir())
    tell(f"reading the runs of {data}")
    runs = load_runs(data, suite=suite or None)
    if runs.empty:
        which = f" of suite {suite!r}" if suite else ""
        raise CniperfError(f"no run{which} in {data}: measure some with `cniperf suite`")
    for problem in damaged(runs):
        warnings.warn(problem, stacklevel=2)
    name = suite or time.strftime("report-%Y%m%dT%H%M%SZ", time.gmtime())
    delivery = Delivery(real(out_dir or default_reports_dir() / name))
    delivery.check(formats)
    with delivery:
        notebook = delivery.draft / "report.ipynb"
        tell(f"analysing {len(runs)} runs (report.ipynb)")
        with speaking(lang):
            told = {"data_dir": str(data), "suite": suite, "lang": spoken()}
            execute("report", notebook, told, kernel)
        tell("saving the charts")
        save_charts(notebook, delivery.draft)
        failed = _make(notebook, formats, lang, tell)
        tell("computing the checksums of the runs")
        listed = checksums.checksums(runs["path"], runs["suite"])
        (delivery.draft / checksums.NAME).write_text(listed, "utf-8", checksums.NAMES)
        delivery.deliver()
    made = Report(delivery.folder, tuple(each for each in FORMATS if each in formats))
    if failed:
        missing = "; ".join(f"report.{each} was not made: {why}" for each, why in failed.items())
        there = ", ".join(file.name for file in made.files if file.exists()) or "report.ipynb"
        raise Unfinished(f"{missing}; {there} is in {made.folder}")
    return made


def _make(
    notebook: Path, formats: Collection[str], lang: str, tell: Callable[[str], None]
) -> dict[str, str]:
    """Make the formats beside an executed notebook, one by one; return why some were not made.

    Each has its own process: what lays out a page is C code that may crash.
    """
    folder, failed = notebook.parent, {}
    page = folder / "report.html"
    tell("making the page (html)")
    try:
        apart("cniperf.formats:html", str(notebook), str(page), lang)
    except Died as problem:
        return dict.fromkeys(formats, str(problem))
    for each in (format for format in FORMATS if format in formats and format != "html"):
        file = folder / f"report.{each}"
        tell(f"converting the page to {each}")
        try:
            apart(f"cniperf.formats:{each}", str(page), str(file))
        except Died as problem:
            failed[each] = f"{problem}{HINT.get(each, '')}"
            file.unlink(missing_ok=True)
    if "html" not in formats:
        page.unlink()
    return failed

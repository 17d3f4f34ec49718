"""From a folder of runs to a report: HTML without an outside link, and the PDF made from it."""

import shutil
import time
from base64 import b64decode
from pathlib import Path
from typing import Any, NamedTuple

from cniperf.errors import CniperfError
from cniperf.language import _, known, speaking, spoken
from cniperf.notebook import execute
from cniperf.runs import default_data_dir, load_runs
from cniperf.sections import TITLE


class Report(NamedTuple):
    """The files of a report."""

    html: Path
    pdf: Path


def default_reports_dir() -> Path:
    """Return the ``reports/`` beside :func:`cniperf.runs.default_data_dir`."""
    return default_data_dir().parent / "reports"


def make_report(
    data_dir: Path | str | None = None,
    out_dir: Path | str | None = None,
    *,
    suite: str = "",
    kernel: Any = None,  # noqa: ANN401
    lang: str = "en",
) -> Report:
    """Run ``report.ipynb`` over a folder of runs and leave HTML, PDF, charts and the notebook.

    Args:
        data_dir: folder of run folders; the project's ``data/`` if not given.
        out_dir: folder for the files; a report that is there already is replaced.
        suite: only the runs of this suite.
        kernel: a kernel from :func:`cniperf.notebook.warm_kernel`.
        lang: the language it is written in, see :func:`cniperf.language.languages`.

    Raises:
        ParameterError: there is no such language.
        CniperfError: there is no run to report, or the folder cannot be written.
    """
    known(lang)
    data = Path(data_dir or default_data_dir()).resolve()
    if load_runs(data, suite=suite or None).empty:
        which = f" of suite {suite!r}" if suite else ""
        raise CniperfError(f"no run{which} in {data}: measure some with `cniperf suite`")
    name = suite or time.strftime("report-%Y%m%dT%H%M%SZ", time.gmtime())
    final = Path(out_dir or default_reports_dir() / name).resolve()
    draft = final.with_name(f".partial-{final.name}")
    try:
        with speaking(lang):
            _write(draft, data, suite, kernel)
        final.mkdir(exist_ok=True)
        for file in draft.iterdir():
            file.replace(final / file.name)
    except OSError as problem:
        raise CniperfError(f"cannot write the report to {final}: {problem.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Report(final / "report.html", final / "report.pdf")


def _write(folder: Path, data: Path, suite: str, kernel: Any) -> None:  # noqa: ANN401
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    notebook = folder / "report.ipynb"
    execute("report", notebook, {"data_dir": str(data), "suite": suite, "lang": spoken()}, kernel)
    text = to_html(notebook)
    (folder / "report.html").write_text(text)
    to_pdf(text, folder / "report.pdf")
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


def save_charts(notebook: Path, folder: Path) -> None:
    """Save the charts of an executed notebook as ``chart-1.png`` and so on."""
    import nbformat

    cells = nbformat.read(str(notebook), as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [out["data"]["image/png"] for out in outputs if "image/png" in out.get("data", {})]
    for number, picture in enumerate(pictures, 1):
        (folder / f"chart-{number}.png").write_bytes(b64decode(picture))

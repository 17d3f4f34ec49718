import re
import subprocess

import pytest
from conftest import ROOT

from cniperf.errors import CniperfError
from cniperf.report import make_report

pytestmark = pytest.mark.notebook
REFERENCE = ROOT / "data/reference"


def pdf_text(file):
    return subprocess.check_output(["pdftotext", "-layout", file, "-"], text=True)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return make_report(REFERENCE, tmp_path_factory.mktemp("report") / "r")


def test_the_page_needs_nothing_from_outside(reference):
    html = reference.html.read_text()
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:|#)", html)
    assert not re.findall(r"url\((?![\"']?data:)", html)
    assert "<script" not in html and '<meta charset="utf-8"' in html


def test_it_shows_results_and_no_code(reference):
    html = reference.html.read_text()
    assert "load_runs" not in html
    assert html.count("data:image/svg+xml") == 2
    assert 'alt="Goodput, pod to pod"' in html and 'alt="Loss against hostnetwork"' in html
    for word in ("What a pod network costs", "Beside the article", "The machine", "−86.0 %"):
        assert word in html


def test_the_pdf_says_the_same_on_numbered_pages(reference):
    text = pdf_text(reference.pdf)
    for scheme in ("hostnetwork", "macvlan", "ovs-bridge", "flannel-hostgw", "canal"):
        assert scheme in text
    pages = int(
        re.search(
            r"Pages:\s+(\d+)", subprocess.check_output(["pdfinfo", reference.pdf], text=True)
        )[1]
    )
    assert re.findall(r"(\d+) ?/ ?(\d+)$", text, re.MULTILINE) == [
        (str(page), str(pages)) for page in range(1, pages + 1)
    ]
    assert "�" not in text


def test_its_charts_are_saved(reference):
    assert len(list(reference.html.parent.glob("chart-*.png"))) == 2


def test_a_failed_scheme_appears_as_failed_with_its_reason(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    report = make_report(shelf.folder, tmp_path / "r")
    html = report.html.read_text()
    assert html.count("failed</span>: host a: `ip link add` was refused: no") == 2
    assert "failed" in pdf_text(report.pdf)


def test_words_from_outside_are_escaped(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    shelf.add("<script>alert(1)", 10.0)
    html = make_report(shelf.folder, tmp_path / "r").html.read_text()
    assert "<script" not in html and "A <CPU>" not in html


def test_unlike_conditions_have_sections_of_their_own(shelf, tmp_path):
    for nic in ("virtio", "plain"):
        shelf.add("hostnetwork", 20.0, nic=nic)
        shelf.add("calico", 15.0, nic=nic)
    html = make_report(shelf.folder, tmp_path / "r").html.read_text()
    assert html.count("<h2>NICs without") == 2


def test_a_new_report_replaces_the_old_and_leaves_its_neighbours(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    (tmp_path / "r").mkdir()
    (tmp_path / "r/notes.txt").write_text("mine")
    make_report(shelf.folder, tmp_path / "r")
    first = (tmp_path / "r/report.html").read_text()
    shelf.add("calico", 15.0)
    make_report(shelf.folder, tmp_path / "r")
    assert (tmp_path / "r/report.html").read_text() != first
    assert (tmp_path / "r/notes.txt").read_text() == "mine"
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["data", "r"]


def test_a_report_that_cannot_be_written_leaves_nothing(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(CniperfError, match="cannot write the report"):
        make_report(shelf.folder, tmp_path / "file/r")
    with pytest.raises(CniperfError, match="no run of suite 'none'"):
        make_report(shelf.folder, tmp_path / "r", suite="none")
    assert not (tmp_path / "r").exists()

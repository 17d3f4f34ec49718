import json
import re
import subprocess

import pytest
from conftest import Shelf
from odd_runs import add_proven
from reporting import pages_are_filled
from three_beds import add_three_beds

from cniperf.analysis.claims import CLAIMS
from cniperf.errors import CniperfError
from cniperf.report import Unfinished, make_report
from cniperf.suites import Suite

pytestmark = pytest.mark.notebook


def pdf_text(file):
    return subprocess.check_output(["pdftotext", "-layout", file, "-"], text=True)


def test_the_page_needs_nothing_from_outside(reference):
    html = reference.html.read_text()
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:|#)", html)
    assert not re.findall(r"url\((?![\"']?(?:data:|#))", html)
    assert html.count("<script") == 1 and '<meta charset="utf-8"' in html


def test_it_shows_results_and_no_code(reference):
    html = reference.html.read_text()
    assert "load_runs" not in html
    assert html.count('role="img"') == 7
    assert 'aria-label="Goodput, pod to pod"' in html and ">flannel-hostgw</text>" in html
    for word in ("What a pod network costs", "The article's claims", "The machine", "−86.0 %",
                 "How far these figures can be trusted", "95 % interval", "How it was measured",
                 "Open vSwitch ran in userspace", "What each piece costs", "Loss, and what the network must allow",
                 "Which way the packets went", "(20 of 20 dropped)"):  # fmt: skip
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


def test_no_page_but_the_last_is_half_empty_and_nothing_leaves_the_margin(tmp_path, reference):
    pages_are_filled(reference.pdf, tmp_path)


def test_its_charts_are_saved(reference):
    assert len(list(reference.html.parent.glob("chart-*.png"))) == 7


def test_a_failed_scheme_appears_as_failed_with_its_reason(shelf, reported):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    report = reported(shelf.folder, formats=["html", "pdf"])
    html = report.html.read_text()
    assert html.count("failed</span>: host a: `ip link add` failed: no") == 2
    assert "failed" in pdf_text(report.pdf)


def test_it_says_what_is_known_and_what_is_not(shelf, reported):
    wobble = [1.0, 1.01, 0.99, 1.0, 1.005, 0.995, 1.0, 1.0]
    shelf.add_rounds(
        hostnetwork=[(20 * a, 20 * b) for a, b in zip(wobble, reversed(wobble), strict=True)],
        macvlan=[20 * w for w in wobble],
        calico=[14 * w for w in wobble],
    )
    shelf.add("calico", 14.0, suite="s", round=9, others=80.0)
    Suite(name="s", seed=7, cells=({"scheme": "calico"},), ended="the cap of 8 rounds").save(
        shelf.folder
    )
    html = reported(shelf.folder).html.read_text()
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html))
    assert re.search(r"calico loses 30\.\d % \(95 % interval: [\d.]+ to [\d.]+ %\)", text)
    assert re.search(r"Not told apart: (hostnetwork, macvlan|macvlan, hostnetwork)", text)
    assert re.search(r"calico is slower than hostnetwork the host −30.0 % −30.\d % −30.\d to −29.\d %"
                     " slower, by as much as in the article direction: holds · size: as the article", text)  # fmt: skip
    assert "<b class='confirmed'>slower, by as much" in html.replace('"', "'")
    assert "hostnetwork was compared with itself 8 times" in text and "shows no fault" in text
    assert "Each interval has 95 % confidence" in text
    assert "bootstrap" not in text and "noise floor" not in text
    assert "others calico 1 9 other processes took 80 % of a CPU" in text
    assert "s 7 1 the cap of 8 rounds" in text


def test_all_eleven_claims_of_a_completed_suite_are_on_the_first_page(shelf, reported):
    """As noisy as a short one is, so that the sentences and the picks are as long as they get."""
    lost = {"hostnetwork": 20.0, "macvlan": 19.5, "calico": 16.0, "flannel-hostgw": 15.5,
            "flannel-vxlan": 4.3, "canal": 4.4}  # fmt: skip
    for number, wobble in enumerate((1.0, 1.1, 0.9), 1):
        for scheme, gbps in lost.items():
            own = wobble if number % 2 else 1 / wobble
            add_proven(shelf, scheme, gbps * (own if scheme in ("calico", "canal") else wobble),
                       suite="s", round=number, stolen=3.0)  # fmt: skip
    counts = {"hostnetwork": 1.12, "calico": 1.53, "ovs": 1.35, "ovs-bridge": 1.52}
    for seed in (1, 2):
        for scheme, insn in counts.items():
            datapath = "system" if "ovs" in scheme else None
            shelf.count(scheme, insn + seed / 1000, seed=seed, suite="s", ovs_datapath=datapath)
    text = pdf_text(reported(shelf.folder, formats=["html", "pdf"]).pdf).split("\f")[0]
    first = re.sub(r"\s+", " ", text)
    assert [claim.text for claim in CLAIMS if claim.text not in first] == []
    assert "Disturbed: the hypervisor took CPU time in 18 of 18 runs" in first
    assert "† Counted in a guest" in first and "Which one to pick" in first


def test_a_single_round_has_no_interval_and_the_report_says_so(shelf, reported):
    shelf.add_rounds(hostnetwork=[20.0], calico=[15.0])
    html = reported(shelf.folder).html.read_text()
    assert "one run: no interval" in html and "an interval takes 2" in html
    assert "that takes two rounds with hostnetwork against itself" in html


def test_the_answer_comes_first(reference):
    """Who is nearly free, who costs what, why, which one to pick, and how sure: on page one."""
    first, second = (re.sub(r"\s+", " ", page) for page in pdf_text(reference.pdf).split("\f")[:2])
    words = ["Nearly free: macvlan", "These lose most:", "In brackets: 95 % interval",
             "What makes the difference: encap", "Confidence:", "Which one to pick",
             "the hosts' own addresses only", "article of 2018 makes 11 claims", "hostnetwork is best",
             "canal is a little faster than flannel vxlan"]  # fmt: skip
    places = [first.find(word) for word in words]
    assert -1 not in places and places == sorted(places)
    assert second.lstrip().startswith("the article") and "Loss against hostnetwork" in second


def test_a_control_that_fails_is_said_first(shelf, reported):
    shelf.add_labs(hostnetwork=[1.05, 1.051, 1.049, 1.05], calico=[0.7, 0.71, 0.7, 0.69])
    Suite(name="s", seed=7, cells=({"scheme": "calico"},)).save(shelf.folder)
    html = reported(shelf.folder).html.read_text()
    first = html[html.index("<h2") :].split("<ul>")[1].split("</li>")[0]
    assert "The control failed" in first and "+5.0 %" in first
    text = text_of(html)
    assert "Do not use the figures below" in text and "Interleaved design: in each lab" in text


def test_a_lone_interleaved_scheme_is_answered(shelf, reported):
    for ratio in (0.97, 0.98, 0.975):
        shelf.lab("macvlan", ratio)
    text = text_of(reported(shelf.folder).html.read_text())
    assert "hostnetwork carries 20.00 Gbit/s" in text
    assert re.search(r"macvlan loses 2\.5 % \(95 % interval: 1\.\d to 3\.\d %\)", text)


def test_both_placements_stand_on_the_first_page(shelf, reported):
    for number in range(1, 9):
        for lie, share in ((1.5, 0.76), (4.7, 0.84))[: 2 if number < 5 else 1]:
            share += 0.001 * (-1) ** number
            shelf.lab("calico", share, suite="s", round=number, handover=[lie, lie])
    report = reported(shelf.folder, formats=["pdf", "html"])
    text = re.sub(r"\s+", " ", pdf_text(report.pdf).split("\f")[0])
    assert re.search(
        r"calico loses 16\.\d to 24\.\d % \(24\.\d % with a common cache, 95 % interval", text
    )
    assert re.search(r"16\.\d % without a common cache, 95 % interval", text)


def test_two_suites_are_two_headlines(shelf, reported):
    shelf.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    for number in (1, 2):
        for scheme, gbps in (("hostnetwork", 20.0), ("calico", 19.0)):
            shelf.add(scheme, gbps, suite="t", round=number)
    text = text_of(reported(shelf.folder).html.read_text())
    assert "calico loses 25.0 %" in text and "calico loses 5.0 %" in text
    assert "Suite s ." in text and "Suite t ." in text


def test_how_long_a_round_took_is_told_as_it_was(shelf, reported):
    for number, minute in ((1, 0), (2, 3)):
        for scheme, at in (
            ("hostnetwork", "03:04:05+00:00"),
            ("calico", f"03:0{4 + minute}:45+00:00"),
        ):
            shelf.add(scheme, 20.0, suite="s", round=number, started=f"2026-01-02T{at}")
    Suite(name="s", seed=7, cells=({"scheme": "calico"},)).save(shelf.folder)
    text = text_of(reported(shelf.folder).html.read_text())
    assert "began within 2 min 10 s of each other (median), at most 3 min 40 s" in text


def test_words_from_outside_are_escaped(shelf, reported):
    shelf.add("hostnetwork", 20.0)
    shelf.add("<script>alert(1)", 10.0)
    html = reported(shelf.folder).html.read_text()
    assert html.count("<script") == 1 and "A <CPU>" not in html


def test_unlike_conditions_have_sections_of_their_own(shelf, reported):
    for nic in ("virtio", "plain"):
        shelf.add("hostnetwork", 20.0, nic=nic)
        add_proven(shelf, "calico", 15.0, nic=nic)
    html = reported(shelf.folder).html.read_text()
    assert html.count(">NICs without") == 3 * 2  # the contents and the list of runs, too
    # The packets took the same way in both: it is drawn once.
    assert html.count('aria-label="Which way the packets went') == 1
    assert html.count("The same as above: calico.") == 1
    assert html.count('aria-label="Loss, and what the network must allow') == 2


@pytest.fixture(scope="module")
def three_beds(tmp_path_factory, kernel):
    folder = tmp_path_factory.mktemp("beds")
    runs = add_three_beds(Shelf(folder / "data")).folder
    return make_report(runs, folder / "r", formats=["html", "pdf", "md"], kernel=kernel)


def text_of(html):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html))


def test_beds_stand_side_by_side_before_each_by_itself(three_beds):
    html = three_beds.html.read_text()
    first, *others = re.findall("<h2[^>]*>(.*?)</h2>", html)
    assert first == "Beds side by side"
    assert others[:3] == [
        "NICs without tunnel segmentation (virtio)", "NICs with every offload",
        "Two guests: NICs without tunnel segmentation (virtio)",
    ]  # fmt: skip
    assert len(re.findall("<h2[^>]*>Counted in one guest: ", html)) == 5
    text = text_of(html)
    for words in ("Another order on counted plain: flannel-vxlan, canal before calico,",
                  "The copy model (ERMS) alone moves the loss of flannel-vxlan from 21.2 % "
                  "(counted offload, ERMS) to 52.7 % (counted offload)",
                  "hostnetwork 22.40 22.40 1.100 3.375 6.780 0.989 3.630 4.920",
                  "flannel-vxlan 81.0 41.0 86.0 35.7 22.7 52.7 21.2 29.0"):  # fmt: skip
        assert words in text


def test_the_claims_are_judged_bed_by_bed_in_one_table(three_beds):
    text = text_of(three_beds.html.read_text())
    assert "The article's claims, bed by bed" in text
    assert len(re.findall("the article says", text)) == 1
    assert re.search(
        r"ovs is next after macvlan against hostnetwork −12\.5 – – ✓= −9\.0 ✓= −6\.6", text
    )


def test_a_count_is_told_in_its_own_words(three_beds):
    html = three_beds.html.read_text()
    _, own = re.split("<h2[^>]*>Counted in one guest: NICs with every offload<", html)
    own = text_of("<" + own[: own.index("<h2")])
    assert "hostnetwork takes 0.989 instructions/B from host to host" in own
    assert "ovs loses 18.5 % (spread of the seeds: 18.4 to 18.6 %)" in own
    assert "The same seed gives the same digits" in own
    assert "A spread of seeds is not a 95 % interval: other seeds may lie outside it." in own
    assert not re.search("goodput|Gbit|(?<!is not a 95 % )interval", own)


def test_what_software_emulation_clocked_is_no_headline(three_beds):
    html = three_beds.html.read_text()
    *_, last = re.findall(r"<h2[^>]*>[^<]*virtio[^<]*</h2>.*?(?=<h2)", html, re.DOTALL)
    last = text_of(last)
    assert "These figures mean little: software emulates the CPUs" in last
    assert "calico loses" not in last and "hostnetwork carries" not in last
    assert "emulated calico 3 1, 2, 3" in last


def test_the_pdf_has_words_table_and_chart_of_the_beds_on_its_first_page(three_beds):
    first, second, *_ = pdf_text(three_beds.pdf).split("\f")
    assert "Beds side by side" in first and "half of the widest interval" in first
    assert second.lstrip().startswith("The article's claims, bed by bed")


def test_each_beds_machine_is_told(three_beds):
    machine = re.split("<h2[^>]*>The machine</h2>", three_beds.html.read_text())[1]
    assert re.findall("<h3[^>]*>(.*?)</h3>", machine) == ["lab", "vm", "counted"]


def test_a_single_bed_has_no_such_page(reference):
    html = reference.html.read_text()
    assert "Beds side by side" not in html and "bed by bed" not in html


def test_a_new_report_replaces_the_old_and_leaves_its_neighbours(shelf, tmp_path, reported):
    shelf.add("hostnetwork", 20.0)
    (tmp_path / "r").mkdir()
    (tmp_path / "r/notes.txt").write_text("mine")
    reported(shelf.folder)
    first = (tmp_path / "r/report.html").read_text()
    shelf.add("calico", 15.0)
    reported(shelf.folder)
    assert (tmp_path / "r/report.html").read_text() != first
    assert (tmp_path / "r/notes.txt").read_text() == "mine"
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["data", "r"]


def test_a_report_that_cannot_be_written_leaves_nothing(shelf, tmp_path, reported):
    shelf.add("hostnetwork", 20.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(CniperfError, match="cannot write the report"):
        reported(shelf.folder, out_dir=tmp_path / "file/r")
    with pytest.raises(CniperfError, match="no run of suite 'none'"):
        reported(shelf.folder, suite="none")
    assert not (tmp_path / "r").exists()


def test_a_format_whose_process_dies_is_named_and_the_others_are_delivered(
    shelf, tmp_path, monkeypatch, reported
):
    """As WeasyPrint does on a machine without fonts."""
    shelf.add("hostnetwork", 20.0)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/weasyprint.py").write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with pytest.raises(Unfinished, match=r"^report.pdf was not made: SIGSEGV .*; report.html, rep"):
        reported(shelf.folder, formats=["html", "pdf", "md"])
    names = {file.name for file in (tmp_path / "r").iterdir()}
    assert {"report.html", "report.md", "report.ipynb", "SHA256SUMS", "chart-1.png"} <= names
    assert not any("pdf" in name or "partial" in name for name in names)


def test_as_markdown_it_says_the_same_and_shows_the_charts(shelf, tmp_path, reported):
    shelf.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    report = reported(shelf.folder, formats=["md"])
    text = (tmp_path / "r/report.md").read_text()
    assert "# What a pod network costs" in text and "**calico** loses 25.0 %" in text
    assert "| scheme | runs |" in text
    for picture in re.findall(r"\]\(([^)]+)\)", text):
        assert (tmp_path / "r" / picture).read_bytes().startswith(b"\x89PNG")
    assert "data:image" not in text and "<" not in re.sub(
        r"```.*?```", "", text, flags=re.DOTALL
    ).replace("\\<", "")
    assert [file.name for file in report.files] == ["report.md"] and not report.html.exists()


def test_a_stranger_can_tell_the_data_and_has_the_command(shelf, tmp_path, reported):
    shelf.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    params = json.loads(next(shelf.folder.glob("*/run.json")).read_text())["params"]
    for name in ("scheme", "rounds"):
        del params[name]
    Suite(name="s", seed=7, cells=({"scheme": "hostnetwork"},) * 2, params=params).save(
        shelf.folder
    )
    html = reported(shelf.folder, formats=["html", "md"]).html.read_text()
    own = subprocess.check_output(["sha256sum", tmp_path / "r/SHA256SUMS"], text=True).split()[0]
    assert own in html
    assert "sudo cniperf suite hostnetwork --seed 7" in html
    reported(shelf.folder)
    assert not (tmp_path / "r/report.md").exists()  # nothing of an earlier report stays


def test_an_unknown_format_says_which_there_are(shelf, tmp_path, reported):
    shelf.add("hostnetwork", 20.0)
    with pytest.raises(CniperfError, match=r"unknown format 'docx'.*html, pdf, md"):
        reported(shelf.folder, formats=["docx"])
    assert not (tmp_path / "r").exists()

"""The report and the charts in another language: every word is there, and English is English."""

import ast
import re
import subprocess
from functools import cache
from html.parser import HTMLParser
from string import Formatter
from types import SimpleNamespace

import pandas as pd
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from conftest import ROOT, Shelf
from matplotlib.text import Text
from odd_runs import REFERENCE, odd_runs, why_runs
from reporting import pages_are_filled
from three_beds import add_three_beds

from cniperf import charts, sections
from cniperf.analysis import factors
from cniperf.analysis.compare import compare
from cniperf.analysis.loss import sittings
from cniperf.errors import ParameterError
from cniperf.formats import FORMATS
from cniperf.language import FOLDER, _, each, languages, plural, speak, speaking, spoken
from cniperf.path_picture import path_picture
from cniperf.report import make_report
from cniperf.runs import load_runs, run_folders
from cniperf.suites import CAP, REASONS, Suite

KEYWORDS = {"_": None, "N_": None, "plural": (1, 2)}
OTHERS = languages()[1:]

# ── the language that is spoken ───────────────────────────────────────────────────────────────


def test_english_is_spoken_unless_another_language_is():
    assert languages() == ["en", "zh"] and spoken() == "en"
    assert (_("loss"), each("no, takes effect"), plural("one", "many", 2)) == (
        "loss",
        "no, takes effect",
        "many",
    )
    with speaking("zh"):
        assert (_("loss"), each("no, takes effect"), _("")) == ("损失", "不生效、生效", "")
        assert _("never heard of") == "never heard of"
    assert spoken() == "en"


@pytest.mark.parametrize("say", [speak, lambda lang: make_report(REFERENCE, lang=lang)])
def test_an_unknown_language_names_those_there_are(say):
    with pytest.raises(ParameterError, match=r"unknown lang 'de'.* Known: en, zh$"):
        say("de")
    assert spoken() == "en"


@pytest.mark.parametrize("reason", REASONS)
def test_why_a_suite_ended_is_told_from_its_settings(reason):
    suite = Suite(name="s", seed=1, cells=(), target=0.015, rounds=8, budget=900.0)
    ended = suite.end(suite.reason(reason))
    assert ended.ended_by == ended.ended
    with speaking("zh"):
        assert ended.ended_by != ended.ended and re.search("[一-鿿]", ended.ended_by)
        assert suite.ended_by == "被中断"
        assert suite.end("the {cap} of old").ended_by == "the {cap} of old"
    assert suite.reason(CAP) == "the cap of 8 rounds"


# ── the catalogue ─────────────────────────────────────────────────────────────────────────────


def placeholders(text):
    """What is filled in, with its form: a change of form would change a figure."""
    return sorted((name, form) for __, name, form, __ in Formatter().parse(text) if name)


def forms(text):
    return (text,) if isinstance(text, str) else tuple(text)


def said_in_the_code():
    found = Catalog()
    for __, __, message, __, context in extract_from_dir(ROOT / "cniperf", keywords=KEYWORDS):
        found.add(message, context=context)
    return {forms(message.id): message for message in found if message.id}


@pytest.mark.parametrize("lang", OTHERS)
def test_every_message_has_a_translation_that_fills_in_the_same(lang):
    with (FOLDER / lang / "LC_MESSAGES/cniperf.po").open("rb") as file:
        catalogue = read_po(file)
    there = {forms(message.id): message for message in catalogue if message.id}
    assert set(there) == set(said_in_the_code()), "make catalogue"
    assert not catalogue.obsolete and catalogue.num_plurals == 1
    for ids, message in there.items():
        strings = forms(message.string)
        assert all(strings) and not message.fuzzy, ids
        assert {str(placeholders(text)) for text in strings} == {str(placeholders(ids[-1]))}, ids
        for text in strings:
            assert re.findall("<[^>]+>", text) == re.findall("<[^>]+>", ids[-1]), ids
            assert not re.search(r"[一-鿿] ?[,;:!?](\s|$)|[一-鿿]\.(\s|$)|[一-鿿]\(", text), text


def test_the_catalogue_says_nothing_that_changes_by_itself():
    text = (FOLDER / "zh/LC_MESSAGES/cniperf.po").read_text()
    assert "POT-Creation-Date" not in text and "\n#:" not in text
    assert '"Plural-Forms: nplurals=1; plural=0;\\n"' in text


def calls(tree, *names):
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
            and n.func.id in names]  # fmt: skip


@pytest.mark.parametrize("file", sorted((ROOT / "cniperf").rglob("*.py")), ids=lambda f: f.stem)
def test_nothing_hides_a_message(file):
    """pybabel sees no message in an f-string, and a variable named _ hides the function."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            hidden = [c for c in calls(node, *KEYWORDS) if isinstance(c.args[0], ast.Constant)]
            assert not hidden, node.lineno
        if isinstance(node, ast.FunctionDef | ast.Lambda) and calls(node, "_"):
            names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == "_"]
            assert not [n.lineno for n in names if isinstance(n.ctx, ast.Store)]


# ── no English is left ────────────────────────────────────────────────────────────────────────

# Words that are the same in both languages: terms, units, tools, names of parameters and of
# their values, devices and hooks of the path picture, and the data of the runs made up here.
SAME = """
    hostnetwork macvlan ovs ovs-bridge calico flannel flannel-hostgw flannel-vxlan host-gw vxlan
    canal c d e f g h ab bc cd cache shared apart SHA-256 veth Pod VXLAN MTU MSS GRO TSO GSO CPU NIC TCP UDP IP IPv6 MAC Linux Open vSwitch OVS Jain
    openvswitch forward input local hook B KiB GiB Gbit/s s/GB s min µs UTC GB a b
    virtio offload plain on off cubic lab iperf3 iperf sockperf curl nginx iproute2 ethtool
    pyroute2 cniperf suite Python Debian x86_64 GNU/Linux bookworm AMD EPYC pfifo_fast nan
    bed nic mtu mode stream streams pairs direction duration omit window length br_netfilter
    ERMS KVM vm tcg counted ssh qemu NetworkPolicy
    eth0 macvlan0 veth-c veth-h veth-br veth-ovs br-int br-ovs ovs-br linux-br docker0
    calico-c calico-h flannel-c flannel-h flannel.1 canal-c canal-h
""".split()  # noqa: SIM905  prose
DATA = (
    r"host a: `ip link add` failed: no( …)?", r"there is no run\.json",
    r"(suite-)?\d{8}T\d{6}Z[\w-]*", r"net\.\S+", r"\d+\.\d+\.\d+[\w.-]*", r"A <CPU>",
    r"\bs\d\b", r"\b\d+K\b", r"\b[0-9a-f]{64}\b",
    r"^\s*[a-i]{2,5}\s*$",  # the letters of groups
)  # fmt: skip


def english(text):
    """Return the words of a text that are neither data nor the same in both languages."""
    for data in DATA:
        text = re.sub(data, " ", text)
    words = re.findall(r"[A-Za-zµ][\w./'-]*", text, re.ASCII)
    return [word for word in words if word.rstrip("./") not in SAME]


class Visible(HTMLParser):
    """The text of a page that is neither code nor style, and what is said of its pictures."""

    def __init__(self, html):
        super().__init__()
        self.texts, self._inside = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag in ("pre", "code", "style", "script"):
            self._inside.append(tag)
        self.texts += [value for name, value in attrs if name in ("alt", "title")]

    def handle_endtag(self, tag):
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.texts.append(data)


def texts(shown):
    """Return every text of a chart, as it is drawn, or of a piece of HTML."""
    if isinstance(shown, sections.Html):
        return Visible(shown.text).texts
    shown.set_layout_engine(None)  # where a text stands is not looked at
    shown.draw_without_rendering()
    return [text.get_text() for text in shown.findobj(Text)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    beds = add_three_beds(Shelf(folder / "beds")).folder
    return SimpleNamespace(odd=odd_runs(folder / "odd"), why=why_runs(folder / "why"), beds=beds,
                           reference=REFERENCE)  # fmt: skip


@pytest.fixture(scope="module")
def reports(runs, kernel, tmp_path_factory):
    """Make a report in one warm kernel, once, when a test first asks for it."""
    out = tmp_path_factory.mktemp("reports")

    @cache
    def made(name, lang):
        formats = FORMATS if name == "reference" else ["html"]
        return make_report(getattr(runs, name), out / f"{name}-{lang}", kernel=kernel, lang=lang,
                           formats=formats)  # fmt: skip

    return made


@pytest.mark.notebook
@pytest.mark.parametrize("name", ["odd", "beds", "reference"])
@pytest.mark.filterwarnings("ignore::cniperf.runs.BrokenRunWarning")
def test_a_chinese_report_has_no_english_sentence_left(reports, name):
    html = reports(name, "zh").html.read_text()
    assert '<html lang="zh">' in html and "<title>Pod 网络的代价</title>" in html
    left = {text.strip(): english(text) for text in Visible(html).texts}
    assert {text: words for text, words in left.items() if words} == {}


def every_chart(folder):
    for __, group in sittings(load_runs(folder)):
        for draw in (charts.loss, charts.throughput, charts.cpu, charts.latency, charts.pairs,
                     charts.ladder, charts.trade_off, path_picture):  # fmt: skip
            yield draw(group)
    for value in ("loss", "figure", "cost"):
        yield charts.sweep(group, value)
    yield charts.beds(load_runs(folder))


def every_sweep(folder):
    for group in sections.sweeps(load_runs(folder))[0]:
        for value in ("loss", "figure", "cost"):
            yield charts.sweep(group, value)


def rare(runs):
    """What no report shows: the other notebooks' charts and words, and that nothing is there."""
    why, nothing = load_runs(runs.why), load_runs(runs.why).head(0)
    for found in (why, nothing):
        yield sections.why_vxlan(found)
        yield charts.effects(factors.effects_table(found))
        yield charts.cells(factors.cells_table(found))
    run = load_runs(runs.odd)["path"].iloc[0]
    yield charts.timeline([run])
    yield charts.timeline(run_folders(REFERENCE)[:2])
    yield sections.title(nothing)
    yield charts.beds(nothing)
    yield from alone(runs)
    yield charts.throughput(nothing)
    for name in charts.sweeps.AXES:
        frame = load_runs(runs.odd).query("suite == 's5'")
        points = [frame.assign(**{name: value}) for value in (1, 2)]
        yield charts.sweep(pd.concat(points, ignore_index=True))


def alone(runs):
    """What is said of a count, a bed or a gate where there is less than in the report of several."""
    found = load_runs(runs.beds)
    counted = found.query("bed == 'counted' and nic == 'offload' and not erms")
    yield sections.claims(counted)
    yield charts.comparison(compare(counted, counted))
    one_seed = counted[counted["seed"].eq(1)]
    for group in (counted, one_seed):
        yield sections.noise(group)
        yield sections.losses(group)
        yield sections.beds(pd.concat([group, found.query("bed == 'vm' and round == 1")]))
    two = counted.query("scheme in ('hostnetwork', 'flannel-vxlan')")
    yield sections.beds(pd.concat([two, found.query("bed == 'lab' and nic == 'virtio'")]))
    native = found.query("suite == 'slow'").assign(accelerator="kvm")
    yield sections.heading(native.iloc[0])
    yield sections.measured_how(native.iloc[0], native)


@pytest.mark.filterwarnings("ignore::cniperf.runs.BrokenRunWarning")
@pytest.mark.parametrize("draw", [
    lambda runs: every_chart(runs.odd), lambda runs: every_chart(runs.beds),
    lambda runs: every_chart(runs.reference), lambda runs: every_sweep(runs.odd), rare,
], ids=["odd", "beds", "reference", "sweeps", "rare"])  # fmt: skip
def test_chinese_charts_have_no_english_sentence_left(runs, draw, recwarn):
    with speaking("zh"):
        said = [text for shown in draw(runs) for text in texts(shown)]
    assert any(re.search("[一-鿿]", text) for text in said)
    left = {text: english(text) for text in said}
    assert {text: words for text, words in left.items() if words} == {}
    assert not [w for w in recwarn if "missing from" in str(w.message)]  # a font's glyph


def test_the_knobs_of_the_vxlan_experiment_are_told_in_the_readers_language():
    english_words = factors.factors_table()["words"].tolist()
    assert english_words == [factor.words for factor in factors.WHY_VXLAN]
    with speaking("zh"):
        assert not [words for words in factors.factors_table()["words"] if english(words)]


def test_an_unmarked_sentence_would_be_found():
    assert english("损失 lost 24.5 %") == ["lost"] and english("CPU 数, flannel.1") == []


# ── pages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.notebook
def test_after_a_chinese_report_the_same_kernel_speaks_english_again(reports):
    reports("reference", "zh")
    html = reports("reference", "en").html.read_text()
    assert '<html lang="en">' in html and "<title>What a pod network costs</title>" in html
    assert not re.search("[一-鿿]", html)


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", ["Pod 网络的代价", "网卡无隧道分段卸载（virtio）", "原文的结论", "更慢，但幅度较小",
                "达到轮数上限 20", "各方案的组网命令", "几何平均"]),
        ("en", ["What a pod network costs", "NICs without tunnel segmentation (virtio)",
                "The article's claims", "the cap of 20 rounds", "geometric means"]),
    ],
)  # fmt: skip
def test_the_pdf_says_it_in_fonts_that_it_carries(reports, lang, words):
    pdf = reports("reference", lang).pdf
    text = subprocess.check_output(["pdftotext", "-layout", pdf, "-"], text=True)
    for word in words:
        assert word in text
    assert "�" not in text and "□" not in text and "\0" not in text
    fonts = subprocess.check_output(["pdffonts", pdf], text=True).splitlines()[2:]
    embedded = [line.split()[-5] for line in fonts]
    assert fonts and set(embedded) == {"yes"}
    assert any("CJK-SC" in line for line in fonts)


@pytest.mark.notebook
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_page_but_the_last_is_half_empty_and_nothing_leaves_the_margin(reports, tmp_path, lang):
    pages_are_filled(reports("reference", lang).pdf, tmp_path)

"""The book and the README say what is: their commands run, their quotations are compared."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from cniperf.beds import open_bed
from cniperf.beds.command import CommandFailed
from cniperf.hops import Bridge, Inside, Stack
from cniperf.hosts import ARTICLE_HOSTS
from cniperf.measure.evidence import prove
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.runs import COLUMNS, load_runs
from cniperf.schemes import all_schemes, scheme_names
from cniperf.steps import AddFdb, AddNeighbour
from cniperf.suites import Suite

BOOK = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *BOOK]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "data/README.md"]

# What is run in the place of a command that would take long, or needs a name that is not there;
# None: it is not run, for the reason beside it.
ROUND = "--rounds 1 --target 0 --omit 0"
SUITE = f"cniperf suite macvlan {ROUND}"
TWINS = {
    "cniperf run canal --nic offload": "cniperf run canal --nic offload --duration 1 --omit 0",
    "cniperf run macvlan": "cniperf run macvlan --duration 1 --omit 0",
    "cniperf run macvlan --generator sockets":
        "cniperf run macvlan --generator sockets --duration 1 --omit 1",
    "cniperf suite --budget 15m": SUITE,
    "cniperf suite macvlan calico": SUITE,
    "cniperf suite macvlan linux-bridge": f"cniperf suite linux-bridge {ROUND}",
    "cniperf suite --mode rr": f"cniperf suite hostnetwork --mode rr {ROUND}",
    "cniperf suite --equal-load": f"cniperf suite hostnetwork --equal-load {ROUND}",
    "cniperf suite --resume NAME": None,  # tests/measure/test_suite.py interrupts one
    "cniperf sweep --vary mtu=1450,1500,9000 --vary streams=1,4":
        f"cniperf sweep --vary mtu=9000 --schemes macvlan {ROUND}",
    "cniperf bench": None,  # ten minutes; docs/bench.md is what it wrote
    "cniperf capture a:eth0":
        "{ cniperf exec pod-a -- ping -c 9 -i 0.2 172.28.1.3 & cniperf capture a:eth0 -c 1; wait; }",
    "cniperf hosts check hosts.yaml": None,  # it needs two servers; tests/test_hosts_check.py has them
    "cniperf compare data/old data/new": "cniperf compare data/reference data/reference",
    "cniperf compare data/baseline data/new --within 2":
        "cniperf compare data/reference data/reference --within 2",
    "papermill run_scheme.ipynb out.ipynb -p scheme macvlan":
        "papermill run_scheme.ipynb out.ipynb -p scheme macvlan -p duration 1",
    "papermill run_scheme.ipynb out.ipynb -p scheme calico":
        "papermill run_scheme.ipynb out.ipynb -p scheme calico -p duration 1",
}  # fmt: skip
LONG = re.compile(r"cniperf (run|suite|sweep|bench)\b|papermill run_scheme")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comment right above it."""

    page: Path
    number: int
    mark: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.number}"

    def marked(self, what: str) -> str:
        """What the comment says after these words; empty if it begins with others."""
        return self.mark.removeprefix(what).strip() if self.mark.startswith(what) else ""

    @property
    def is_shell(self) -> bool:
        return self.language in ("", "sh") and not self.mark

    @property
    def needs_root(self) -> bool:
        return "sudo" in self.text or "run_scheme" in self.text


FENCE = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page):
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1] or "", found[2], found[3])
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def each(blocks):
    return pytest.mark.parametrize(
        "block",
        [
            pytest.param(b, id=str(b), marks=[pytest.mark.lab] if b.needs_root else [])
            for b in blocks
        ],
    )


def chapter(name, title):
    """The text of a page below a heading, to the next one of its level."""
    text = (ROOT / "docs" / name).read_text()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def spans(text):
    return set(re.findall(r"`([^`\n]+)`", text))


# ── what is run ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checkout(tmp_path, monkeypatch, still):
    """A copy of the project that commands may write to."""
    home = tmp_path / "checkout"
    (home / "data").mkdir(parents=True)
    (home / "reports").mkdir()
    bare = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "cniperf", home / "cniperf", symlinks=True, ignore=bare)
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    for name in ("reference", "counted"):
        (home / "data" / name).symlink_to(ROOT / "data" / name)
    (home / ".venv").symlink_to(sys.prefix)
    monkeypatch.setenv("PYTHONPATH", f"{home}:{os.environ['PYTHONPATH']}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return home


def put_files(page, home):
    """Put the blocks of a page that are files where they belong."""
    for block in blocks_of(page):
        if name := block.marked("file:"):
            (home / name).write_text(block.text)


def commands(block):
    """The lines of a shell block as they are run here."""
    for line in block.text.splitlines():
        command = re.sub(r"(^|\s+)# .*", "", line).strip()
        as_root = re.sub(r"^sudo ((\.\./)?\.venv/bin/)?", "", command)
        if as_root in TWINS:
            yield from filter(None, [TWINS[as_root]])
        elif command:
            assert not LONG.search(as_root), f"{block}: give {as_root!r} a shorter twin in TWINS"
            yield as_root


def run_in(home, block):
    """Run a shell block as a person would; a line that fails ends it and is shown."""
    script = "\n".join(f"echo {shlex.quote('$ ' + line)}\n{line}" for line in commands(block))
    done = subprocess.run(["bash", "-e", "-c", script], cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


SHELL = [block for block in BLOCKS if block.is_shell]
OTHER_PAGES = [block for block in SHELL if block.page.name != "extending.md"]
RUN = set()


@pytest.mark.timeout(300)
@each(OTHER_PAGES)
def test_a_shell_block_runs(block, checkout):
    lines = set(commands(block))
    if not lines <= RUN:  # no need to run what another page has, too
        run_in(checkout, block)
    RUN.update(lines)


@each([block for block in BLOCKS if block.language == "python" and not block.mark])
def test_a_python_block_runs(block, checkout):
    code = [sys.executable, "-W", "error", "-c", block.text]
    done = subprocess.run(code, cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@each([block for block in BLOCKS if block.language == "yaml"])
def test_a_settings_file_has_names_that_there_are(block):
    known = {*Experiment.model_fields, "vary", "schemes", "budget", "target", "rounds", "seed"}
    found = yaml.safe_load(block.text)
    assert set(found) <= known and set(found.get("vary", {})) <= known


@each([block for block in BLOCKS if block.marked("the output of:")])
def test_a_quoted_output_is_what_the_command_prints(block):
    words = shlex.split(block.marked("the output of:"))
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == block.text.strip()


def test_a_block_that_is_not_run_says_why():
    known = ("not run by the tests: ", "the output of: ", "file: ")
    for block in BLOCKS:
        assert not block.mark or block.mark.startswith(known), block
        assert block.language in ("", "sh", "python", "yaml", "text"), block


# ── extending ─────────────────────────────────────────────────────────────────────────────────

EXTENDING = ROOT / "docs/extending.md"


@pytest.mark.lab
@pytest.mark.timeout(300)
def test_a_ninth_scheme_and_a_generator_are_one_file_each(checkout):
    put_files(EXTENDING, checkout)
    scheme, generator = (block for block in SHELL if block.page == EXTENDING)
    said = run_in(checkout, scheme)
    assert "linux-bridge: 100 packets of 1000 B each way" in said and "NOT proven" not in said
    (report,) = (checkout / "reports").glob("*/report.html")
    page = report.read_text()
    assert "<b>linux-bridge</b> loses" in page or "<b>linux-bridge</b> gains" in page
    assert "ip link set eth0 master pods0" in page
    run_in(checkout, generator)
    runs = load_runs(checkout / "data")
    assert runs["status"].eq("ok").all()
    assert {"hostnetwork", "linux-bridge"} <= set(runs["scheme"])
    (row,) = runs[runs["generator"].eq("sockets")].to_dict("records")
    assert row["gbps"] > 0.1 and row["version"] and row["duration"] == row["omit"] == 1


def test_the_new_names_are_offered_and_held_to_what_they_can(checkout):
    put_files(EXTENDING, checkout)
    words = [sys.executable, "-m", "cniperf", "run"]
    told = subprocess.run([*words, "--help"], capture_output=True, text=True, cwd=checkout).stdout
    assert "linux-bridge" in told and "sockets" in told
    wrong = [*words, "macvlan", "--generator", "sockets", "--streams", "2"]
    done = subprocess.run(wrong, capture_output=True, text=True, cwd=checkout)
    assert done.returncode == 2 and "streams=2 does not go with" in done.stderr


@each([block for block in BLOCKS if block.marked("file:")])
def test_a_file_of_the_book_has_the_projects_style(block):
    ruff = Path(sys.executable).with_name("ruff")
    name = ["--stdin-filename", ROOT / block.marked("file:"), "-"]
    for words in (["check", "--quiet"], ["format", "--check", "--quiet"]):
        done = subprocess.run([ruff, *words, *name], input=block.text, cwd=ROOT, text=True,
                              capture_output=True)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


# ── links ─────────────────────────────────────────────────────────────────────────────────────


def without_blocks(page):
    return FENCE.sub("", page.read_text())


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(file), target


def test_the_contents_list_every_page_once():
    listed = re.findall(
        r"^- \[[^]]+\]\(([\w-]+\.md)\): .+\.$", BOOK_INDEX.read_text(), re.MULTILINE
    )
    assert sorted(listed) == [page.name for page in BOOK if page != BOOK_INDEX]


BOOK_INDEX = ROOT / "docs/README.md"


def test_every_picture_of_the_reference_runs_is_explained():
    text = "".join(page.read_text() for page in BOOK)
    for picture in (ROOT / "data/reference").glob("*.png"):
        assert f"../data/reference/{picture.name}" in text


# ── the schemes ───────────────────────────────────────────────────────────────────────────────


def drawing(scheme):
    """Draw the way of a packet from the hops that the scheme declares."""
    a, b = (scheme.hops(host) for host in ARTICLE_HOSTS)
    rows = [("host a", outside(a)), ("wire", [f"in {a[-1].inside.name}" if a[-1].inside else on_the_wire(a)]),
            ("host b", outside(b)[::-1])]  # fmt: skip
    pods = [[hop.device for hop in hops if isinstance(hop, Inside)] for hops in (a, b)]
    if pods[0]:
        rows = [("pod a", pods[0]), *rows, ("pod b", pods[1])]
    if any(isinstance(hop, Bridge) for hop in a):
        rows.append(("stack", ["sees it only where br_netfilter is loaded"]))
    elif not any(isinstance(hop, Stack) for hop in a):
        sees = "the tunnel's packets only" if a[-1].inside else "nothing"
        rows.append(("stack", [f"of both hosts: sees {sees}"]))
    return "".join(f"{place:<8}{' → '.join(map(str, hops))}\n" for place, hops in rows)


def on_the_wire(hops):
    translated = any(isinstance(hop, Stack) and hop.translates for hop in hops)
    return "with host a's address" if translated else "as it is"


def outside(hops):
    return [hop for hop in hops if not isinstance(hop, Inside)]


@pytest.mark.parametrize("name", scheme_names())
def test_each_scheme_is_drawn_as_it_declares_its_path(name):
    first = re.search(r"```text\n(.*?)```", chapter("schemes.md", name), re.DOTALL)
    assert first and first[1] == drawing(all_schemes()[name])
    assert f"cniperf plan {name} --host a" in chapter("schemes.md", name)


@pytest.mark.parametrize("name", scheme_names())
def test_no_plan_has_a_line_that_the_book_calls_wrong(name):
    rows = re.findall(r"^\| (a|b|a, b) \| (.+?) \|", chapter("schemes.md", name), re.MULTILINE)
    for side in make_plan(name):
        for hosts, printed in rows:
            if side.host.name in hosts and not printed.endswith("first"):
                assert not spans(printed) & set(map(str, side.steps))


# Up to which step a plan is taken, the article's line, where, and what the kernel says to it.
REFUSED = [
    ("calico", "route add 169.254.1.1", "pod-a", "ip route add default via 169.254.1.1",
     "invalid gateway"),
    ("calico", "link set calico-h up", "a", "ip route add 172.28.0.3 dev calico-h", "not up"),
    ("canal", "link set canal-h up", "a", "ip route add 10.5.58.103 dev canal-h", "not up"),
    ("flannel-vxlan", "route add 10.5.47.0/24", "a",
     "ip route add 10.5.58.0/24 via 10.5.58.0 dev flannel.1 onlink", "invalid gateway"),
    ("ovs-bridge", "netns add", "a", "ovs-vsctl add-port br-int eth0", "already exists"),
    ("ovs-bridge", "addr add", "pod-a", "ip link set ovs up", "Cannot find device"),
]  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize(("scheme", "before", "place", "line", "says"), REFUSED)
def test_the_kernel_refuses_what_the_article_prints(scheme, before, place, line, says):
    with open_bed(Experiment.of(scheme=scheme)) as bed:
        plan = make_plan(scheme, *bed.hosts)
        upto = next(n for n, step in enumerate(plan.a.steps) if before in str(step))
        bed.apply(replace(plan, a=replace(plan.a, steps=plan.a.steps[:upto])))
        with pytest.raises(CommandFailed, match=says):
            bed.command(place, line.split())


OWN, PEER = "8e:09:f3:4f:94:34", "2a:33:36:9b:2f:28"  # of host b's VTEP and of host a's

# What the article gives host b's VTEP in place of the neighbour and FDB entries that work, and what
# the proof of path says to it.
ASTRAY = {
    "flannel-vxlan": ([AddNeighbour("10.5.58.0", PEER, "flannel.1"),
                       AddFdb(OWN, "192.168.20.42", "flannel.1")],
                      r"b:eth0 \(in VXLAN\) saw 0 of the 100 packets"),
    "canal": ([AddNeighbour("10.5.58.0", OWN, "flannel.1"),
               AddFdb(OWN, "192.168.20.43", "flannel.1")],
              r"b:postrouting saw \d{4} of the 100 packets"),
}  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize("scheme", ASTRAY)
def test_the_articles_entries_for_host_b_lead_astray(scheme):
    entries, says = ASTRAY[scheme]
    with open_bed(Experiment.of(scheme=scheme)) as bed:
        plan, wrong = make_plan(scheme, *bed.hosts), iter(entries)
        steps = [next(wrong) if isinstance(step, AddNeighbour | AddFdb) else step
                 for step in plan.b.steps]  # fmt: skip
        bed.apply(replace(plan, b=replace(plan.b, steps=tuple(steps))))
        assert re.match(says, prove(bed, plan).problem)


# ── the run folder ────────────────────────────────────────────────────────────────────────────

# Objects whose keys are names of devices, hosts or tools.
BY_NAME = ("bed.cpus", "bed.offloads", "bed.bridge_netfilter", "environment.versions",
           "environment.sysctl", "macs", "pods")  # fmt: skip
SOME_RUNS = {"error", *(f"summary.{name}" for name in
             ("p50", "p90", "p99", "p999", "pair_figures", "jain", "search"))}  # fmt: skip

# Keys that runs in guests add; the made-up runs of tests/conftest.py have them.
BY_GUESTS = {"params.erms", "bed.meter", "bed.accelerator", "bed.seed", "summary.insn_per_byte",
             "summary.insn_per_byte_a", "summary.insn_per_byte_b"}  # fmt: skip

# Keys that bed ssh adds; tests/beds/test_ssh.py sees that they are there.
BY_SSH = {"bed.machines", "bed.nics", "bed.grace", "environment.hosts", "params.between",
          "params.allow_shared_nic", "params.grace"}  # fmt: skip


def keys(record, before=""):
    for key, value in record.items():
        yield before + key
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and before + key not in BY_NAME:
            yield from keys(inner, f"{before}{key}.")


def real(name):
    return {
        key
        for file in (ROOT / "data/reference").glob(f"*/{name}")
        for key in keys(json.loads(file.read_text()))
    }


def test_every_key_of_a_run_is_explained_and_no_other():
    told = spans(chapter("run-format.md", "run.json"))
    found = real("run.json")
    assert found - told == set()
    dotted = {
        word for word in told if re.fullmatch(r"(params|scheme|bed|environment|summary)\.\w+", word)
    }
    assert dotted - found <= SOME_RUNS | BY_SSH | BY_GUESTS


def test_every_key_of_the_evidence_is_explained():
    assert real("evidence.json") - spans(chapter("run-format.md", "evidence.json")) == set()


def test_every_key_of_a_suite_is_explained():
    told = spans(chapter("run-format.md", "suites/NAME.json"))
    assert {"format", *(each.name for each in fields(Suite))} - told == set()


def test_every_column_is_explained():
    assert set(COLUMNS) - spans(chapter("run-format.md", "The table")) == set()


def test_every_file_of_a_run_is_explained():
    told = spans(chapter("run-format.md", "Files"))
    names = {file.name for file in (ROOT / "data/reference").glob("2*/*")}
    assert {name.removesuffix(".gz") for name in names} <= told


# ── errors ────────────────────────────────────────────────────────────────────────────────────

ERRORS = [
    block.text.strip() for block in blocks_of(ROOT / "docs/faq.md") if block.language == "text"
]


def said_by_the_code():
    """A pattern for each text in the code that has words enough to be told by."""
    for file in (ROOT / "cniperf").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            fixed = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            words = "".join(text for text in fixed if isinstance(text, str))
            if len(re.sub(r"\W", "", words)) > 8 and "\n" not in words:
                yield "".join(".*" if text is None else re.escape(text) for text in fixed)


PATTERNS = list(said_by_the_code())


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_that_the_book_quotes_is_in_the_code(line):
    assert "\n" not in line
    own = line.removeprefix("cniperf: ")
    assert any(re.fullmatch(pattern, own) for pattern in PATTERNS)

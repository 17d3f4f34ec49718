import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, cannot_here
from typed import cniperf, refused

from cniperf.generators import all_generators
from cniperf.schemes import ARTICLE, scheme_names

REFERENCE = str(ROOT / "data/reference")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "calcio"], "did you mean 'calico'"),
        (["plan", "calcio"], "did you mean 'calico'"),
        (["suite", "calcio"], "did you mean 'calico'"),
        (["run", "calico", "--mtu", "100"], "576"),
        (["run", "calico", "--duration", "0"], "greater than or equal to 1"),
        (["run", "calico", "--nic", "fast"], "is not one of 'virtio', 'offload', 'plain'"),
        (["run", "calico", "--settings", "/nowhere.yaml"], "/nowhere.yaml"),
        (["run", "calico", "--nic", "plain", "--gro", "on"], "does not go with nic='plain'"),
        (["suite", "--budget", "10"], "10m or 1h30m"),
        (["suite", "--target", "-1"], "from 0 to 100"),
        (["suite", "--rounds", "0"], "from 1 to"),
        (["suite", "--resume", "nobody"], "unknown suite 'nobody'"),
        (["suite", "--resume", "nobody", "--rounds", "3"], "give no other option"),
        (["suite", "--resume", "nobody", "--lang", "zh"], "unknown suite 'nobody'"),
        (["suite", "--at-once", "2"], "several pairs of hosts"),
        (["suite", "--at-once", "0"], "at_once=0 is not allowed: a whole number from 1 to 64"),
        (["suite", "--lang", "de"], "unknown lang 'de'. Known: en, zh"),
        (["suite", "--equal-load", "--lang", "de"], "unknown lang 'de'. Known: en, zh"),
        (["sweep", "--lang", "de"], "unknown lang 'de'. Known: en, zh"),
        (["report", "--lang", "de"], "unknown lang 'de'. Known: en, zh"),
    ],
)
def test_a_wrong_value_is_one_line_and_exit_code_2(words, says):
    refused(cniperf(*words), says, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "calico", "--duraton", "5"], "--duration"),
        (["run", "calico", "--duration", "long"], "Invalid value for '--duration'"),
        (["run", "calico", "--duration"], "requires an argument"),
        (["run"], "Missing argument"),
        (["run", "calico", "canal"], "canal"),
        (["nonsense"], "No such command 'nonsense': see `cniperf --help`"),
        (["hosts", "nonsense"], "see `cniperf hosts --help`"),
        (["plan", "calico", "--host", "c"], "'a'"),
        (["compare", "a", "b", "--within", "-1"], "--within"),
        (["n" * 20_000], " … "),
        (["plan", "a\nb"], "unknown scheme"),
    ],
)
def test_bad_usage_is_one_line_and_has_exit_code_2(words, says):
    done = cniperf(*words)
    refused(done, says, 2)
    assert len(done.stderr) < 2500


def test_no_verb_at_all_is_answered_with_help():
    done = cniperf()
    assert done.returncode == 2 and "suite" in done.stdout and done.stderr == ""


def test_a_reader_that_leaves_early_ends_nothing(tmp_path):
    out = tmp_path / "x.csv"
    words = shlex.join([sys.executable, "-m", "cniperf", "export", REFERENCE, "--out", str(out)])
    script = f"{{ sleep 2; {words}; echo $? >{tmp_path}/code; }} | true"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    deadline = time.monotonic() + 20
    while not (tmp_path / "code").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ((tmp_path / "code").read_text(), done.stderr) == ("0\n", "") and out.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_standard_output_is_told_and_the_work_is_done(tmp_path):
    out = tmp_path / "x.csv"
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cniperf", "export", REFERENCE, "--out", str(out)],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    refused(done, "cannot write to standard output: No space left on device", 1)
    assert out.exists()


@pytest.mark.parametrize("place", ["file/x.csv", "n" * 300 + ".csv", "file", "loop/x.csv", "d.csv"])
def test_a_file_that_cannot_be_written_is_one_line(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "d.csv").mkdir()
    code = 2 if place == "file" else 1
    refused(cniperf("export", REFERENCE, "--out", tmp_path / place), "", code)
    assert (tmp_path / "file").read_text() == "mine"


def test_the_root_takes_no_report():
    refused(cniperf("report", REFERENCE, "--out-dir", "/"), "a report in / is not allowed", 2)


def test_an_unknown_name_in_a_settings_file_is_told(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("duraton: 5\n")
    refused(cniperf("run", "calico", "--settings", file), "did you mean 'duration'", 2)


def test_the_command_line_offers_the_schemes_and_generators_there_are():
    text = cniperf("run", "--help").stdout
    text = "".join(text.replace("│", "").split())  # a name may be broken over two lines
    assert all(name in text for name in [*scheme_names(), *all_generators()])


@pytest.mark.parametrize("scheme", scheme_names())
def test_plan_prints_both_hosts_and_the_way_back(scheme):
    there, back = cniperf("plan", scheme).stdout, cniperf("plan", scheme, "--undo").stdout
    assert there.count("# host") == back.count("# host") == 2
    assert cniperf("plan", scheme, "--host", "b").stdout.startswith("# host b")


def test_a_report_without_runs_is_refused(tmp_path):
    refused(cniperf("report", tmp_path), "no run in", 1)
    refused(cniperf("report", tmp_path / "nowhere"), "there is no folder", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_report_names_what_it_left_out(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    (shelf.folder / "20260102T030499Z-broken-0000").mkdir()
    done = cniperf("report", shelf.folder, "--out-dir", tmp_path / "report")
    assert done.returncode == 0 and "broken-0000" in done.stderr
    assert "broken-0000" in (tmp_path / "report/report.html").read_text()


def test_a_report_speaks_the_language_that_is_asked_for(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    done = cniperf("report", shelf.folder, "--out-dir", tmp_path / "report", "--lang", "zh")
    assert done.returncode == 0, done.stderr
    assert "Pod 网络的代价" in (tmp_path / "report/report.html").read_text()


def test_a_report_comes_in_the_formats_that_are_asked_for(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    out = tmp_path / "report"
    done = cniperf("report", shelf.folder, "--out-dir", out, "--format", "html, md")
    assert done.returncode == 0, done.stderr
    *steps, first, last = done.stdout.splitlines()
    assert first.endswith("report.html") and last.endswith("report.md")
    assert not (out / "report.pdf").exists()
    assert steps == [f"reading the runs of {shelf.folder}", "analysing 1 runs (report.ipynb)",
                     "saving the charts", "making the page (html)", "converting the page to md",
                     "computing the checksums of the runs"]  # fmt: skip
    refused(cniperf("report", shelf.folder, "--format", "docx"), "html, pdf, md", 2)


def test_runs_are_exported_as_one_file(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    done = cniperf("export", shelf.folder, "--out", tmp_path / "runs.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs.csv").read_text().count("hostnetwork") == 2  # its id, its scheme
    refused(cniperf("export", shelf.folder, "--out", tmp_path / "runs.xlsx"), ".parquet", 2)


LOCALES = [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
           {"PYTHONIOENCODING": "gbk"}, {"PYTHONIOENCODING": "iso-8859-1"}]  # fmt: skip


@pytest.mark.parametrize("environ", LOCALES, ids=["C", "GBK", "ISO-8859-1"])
def test_a_verb_that_reads_does_so_in_any_locale(shelf, tmp_path, environ):
    run = shelf.add("hostnetwork", 20.0)
    text = (run / "run.json").read_text().replace("A <CPU>", "A ±→µ CPU")
    (run / "run.json").write_text(text, encoding="utf-8")
    shelf.count("hostnetwork", 1.5)
    done = cniperf("export", shelf.folder, "--out", tmp_path / "runs.csv", environ=environ)
    assert done.returncode == 0, done.stderr
    assert "A ±→µ CPU" in (tmp_path / "runs.csv").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "cniperf", "compare", shelf.folder, shelf.folder],
                          capture_output=True, env={**os.environ, **environ})  # fmt: skip
    assert done.returncode == 0 and b"undecided" in done.stdout, done.stderr


@pytest.mark.parametrize("verb", ["export", "compare"])
def test_what_is_left_out_is_a_line_each(shelf, tmp_path, verb):
    shelf.add("hostnetwork", 20.0)
    for name in ("20260102T030499Z-broken-0000", "20260102T030499Z-broken\nin two"):
        (shelf.folder / name).mkdir()
    words = ["--out", tmp_path / "runs.csv"] if verb == "export" else [shelf.folder]
    done = cniperf(verb, shelf.folder, *words)
    assert done.returncode == 0, done.stderr
    assert [line[:9] for line in done.stderr.splitlines()] == ["left out:"] * 2


@pytest.mark.parametrize(
    ("words", "code"),
    [(["export", "x" * 20_000], 1), (["suite", "--resume", "x" * 20_000], 2),
     (["run", "x" * 20_000], 2), (["compare", "a\nb", "c"], 1), (["report", "\udcff"], 1),
     (["hosts", "check", "x" * 20_000], 2), (["report", ".", "--format", "x" * 20_000], 2)],
)  # fmt: skip
def test_what_was_given_is_not_echoed_whole(words, code, tmp_path):
    done = cniperf(*words)
    refused(done, "", code)
    assert len(done.stderr) < 2100


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [(["export", "{0}", "--suite", "typo"], "unknown suite 'typo'; did you mean 'typos'", 2),
     (["compare", "{0}", "{0}", "--suites", "typo", "typo"], "unknown suite 'typo'", 2),
     (["export", "{0}/none", "--out", "{0}/no/x.csv"], "no such folder: `mkdir -p", 1),
     (["export", "{0}/none", "--out", "{0}/x.xls"], "ends in .csv or .parquet", 2)],
)  # fmt: skip
def test_what_a_table_is_not_made_of_is_told_by_name(shelf, words, says, code):
    shelf.add("calico", 9.0)
    (shelf.folder / "suites").mkdir()
    (shelf.folder / "suites/typos.json").write_text("{}")
    refused(cniperf(*(word.format(shelf.folder) for word in words)), says, code)


def test_a_run_that_is_left_out_is_a_line_where_warnings_are_errors(shelf, tmp_path, monkeypatch):
    shelf.add("calico", 9.0)
    (shelf.folder / "20260102T030499Z-broken-0000").mkdir()
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    done = cniperf("export", shelf.folder, "--out", tmp_path / "runs.csv")
    assert done.returncode == 0 and done.stderr.startswith("left out: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_was_removed_is_told(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    refused(
        cniperf("export", before=["env"]),
        "the current folder was removed: cd to one that is there",
        1,
    )


def test_a_full_output_is_a_line():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-m", "cniperf", "plan", "calico"], stdout=full,
                              stderr=subprocess.PIPE, text=True)  # fmt: skip
    refused(done, "No space left on device", 1)


def test_a_completion_that_cannot_be_written_is_a_line():
    environ = {"_CNIPERF_COMPLETE": "complete_bash", "COMP_WORDS": "cniperf p", "COMP_CWORD": "1"}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-m", "cniperf"], stdout=full, text=True,
                              stderr=subprocess.PIPE, env={**os.environ, **environ})  # fmt: skip
    refused(done, "No space left on device", 1)


def test_the_reader_of_an_output_may_go_away():
    with subprocess.Popen([sys.executable, "-m", "cniperf", "plan", "calico"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:  # fmt: skip
        done.stdout.close()
        assert done.stderr.read() == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [("rounds: 1.5", "rounds='1.5'"), ("target: true", "target='true'"),
     ("seed: [1, 2]", "seed=['1', '2']"), ("cls: 1", "unknown parameter 'cls'"),
     ("d: !!int x", "unknown parameter 'd'"), ("[" * 3000, "nested too deeply"),
     ("mtu: 1500\nmtu: 9000", "'mtu' stands twice"), ("duration: 2026-01-01", "duration=")],
)  # fmt: skip
def test_settings_of_a_wrong_kind_are_refused_in_a_line(tmp_path, text, says):
    (tmp_path / "settings.yaml").write_text(text)
    refused(cniperf("suite", "calico", "--settings", tmp_path / "settings.yaml"), says, 2)


NOT_ROOT = ("unshare", "--user", "--map-user=1000")


@pytest.mark.parametrize("words", [["run", "calico"], ["suite"]])
def test_who_may_make_no_namespaces_is_told_what_to_do(words, tmp_path):
    if subprocess.run([*NOT_ROOT, "true"], capture_output=True).returncode:
        cannot_here("this kernel lets nobody make user namespaces", kernel=True)
    refused(cniperf(*words, "--data-dir", tmp_path, before=NOT_ROOT), "sudo", 1)
    assert list(tmp_path.iterdir()) == []


def test_doctor_without_root_says_what_it_cannot_tell():
    if subprocess.run([*NOT_ROOT, "true"], capture_output=True).returncode:
        cannot_here("this kernel lets nobody make user namespaces", kernel=True)
    done = cniperf("doctor", before=NOT_ROOT)
    assert done.returncode == 1 and "sudo cniperf doctor" in done.stdout


@pytest.fixture
def path_without(tmp_path):
    """A PATH with all that is on this one, less one tool."""

    def make(tool: str) -> str:
        folder = tmp_path / "bin"
        folder.mkdir()
        for place in reversed(os.environ["PATH"].split(":")):
            for file in Path(place).iterdir() if Path(place).is_dir() else ():
                link = folder / file.name
                link.unlink(missing_ok=True)
                link.symlink_to(file)
        (folder / tool).unlink()
        return str(folder)

    return make


@pytest.mark.lab
def test_a_missing_tool_is_told_with_its_package(path_without, tmp_path):
    environ = {"PATH": path_without("iperf3")}
    done = cniperf("run", "calico", "--data-dir", tmp_path / "d", environ=environ)
    refused(done, "apt-get install iperf3", 1)
    assert not (tmp_path / "d").exists()


@pytest.mark.lab
def test_missing_open_vswitch_fails_its_schemes_and_no_other(path_without, tmp_path):
    environ = {"PATH": path_without("ovs-vswitchd")}
    done = cniperf("run", "ovs", "--data-dir", tmp_path / "d", environ=environ)
    assert done.returncode == 1
    assert "apt-get install openvswitch-switch" in done.stderr.splitlines()[-1]
    report = cniperf("doctor", environ=environ)
    assert report.returncode == 1 and "apt-get install openvswitch-switch" in report.stdout
    failed = set(re.findall(r"^  NO    (\S+)", report.stdout, re.MULTILINE))
    assert {"ovs", "ovs-bridge"} == failed & set(ARTICLE)


@pytest.mark.lab
def test_doctor_finds_this_machine_able():
    done = cniperf("doctor")
    assert done.returncode == 0, done.stdout
    eight, further = done.stdout.split("Further schemes")
    ready = re.findall(r"^  (?:ok  |warn)  (\S+)", eight, re.MULTILINE)
    assert set(ARTICLE) <= set(ready)
    assert all(f" {name} " in further for name in set(scheme_names()) - set(ARTICLE))


@pytest.mark.lab
def test_a_congestion_control_the_kernel_lacks_is_told_with_those_it_has():
    refused(cniperf("run", "calico", "--congestion", "vegas2"), "cubic", 2)


@pytest.mark.lab
def test_run_leaves_one_run_and_names_it(tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text("duration: 30\nomit: 0\nrounds: 1\n")
    words = ["--settings", settings, "--duration", "1", "--data-dir", tmp_path / "d"]
    done = cniperf("run", "macvlan", *words)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "d").iterdir()
    assert str(run) in done.stdout
    params = json.loads((run / "run.json").read_text())["params"]
    assert (params["duration"], params["omit"]) == (1, 0)

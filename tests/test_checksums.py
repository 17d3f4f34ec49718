import os
import signal
import subprocess
import sys
import time

from conftest import ROOT, ended

from cniperf.checksums import checksum, checksums
from cniperf.runs import load_runs
from cniperf.suites import Suite


def test_sha256sum_checks_them_and_finds_a_changed_file(shelf, tmp_path):
    shelf.add_rounds(hostnetwork=[20.0], calico=[15.0])
    shelf.add("canal", 4.0, suite="other")
    Suite(name="s", seed=7, cells=({"scheme": "calico"},)).save(shelf.folder)
    runs = load_runs(shelf.folder, suite="s")
    text = checksums(runs["path"], runs["suite"])
    (tmp_path / "SHA256SUMS").write_text(text)
    assert text.count("\n") == 7 and "canal" not in text

    def check():
        return subprocess.run(
            ["sha256sum", "--check", "--quiet", tmp_path / "SHA256SUMS"],
            cwd=shelf.folder, capture_output=True, text=True,
        )  # fmt: skip

    assert check().returncode == 0
    own = subprocess.check_output(["sha256sum", tmp_path / "SHA256SUMS"], text=True).split()[0]
    assert checksum(text) == own
    (shelf.folder / "suites/s.json").write_text("{}")
    assert "suites/s.json: FAILED" in check().stdout


def test_a_name_with_a_line_break_is_written_as_sha256sum_has_it(shelf, tmp_path):
    run = shelf.add("calico", 9.0)
    (run / "two\nlines").write_text("x")
    (run / "odd\udcff").write_text("y")
    os.mkfifo(run / "pipe")
    listed = tmp_path / "SHA256SUMS"
    listed.write_text(checksums([run]), encoding="utf-8", errors="surrogateescape")
    done = subprocess.run(["sha256sum", "--check", "--quiet", listed], cwd=shelf.folder)
    assert done.returncode == 0 and len(listed.read_bytes().splitlines()) == 5


def test_the_file_of_a_suite_that_is_a_pipe_is_not_waited_for(shelf):
    run = shelf.add("calico", 9.0)
    (shelf.folder / "suites").mkdir()
    os.mkfifo(shelf.folder / "suites/s.json")
    assert checksums([run], ["s"]).count("\n") == 3


STOPPED = """
import sys
from cniperf import stop
from cniperf.checksums import checksums
from cniperf.errors import Stopped

stop.listen()
print("listens", flush=True)
try:
    checksums(sys.argv[1:])
except Stopped:
    print("stopped", flush=True)
"""


def test_a_signal_is_heard_within_a_huge_file(shelf):
    run = shelf.add("calico", 9.0)
    (run / "huge").touch()
    os.truncate(run / "huge", 2**40)
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, run], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout.readline() == "listens\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert ended(process, within=5) == ("stopped\n", "")

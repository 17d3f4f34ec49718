"""A signal, at whatever instant, is heard: the verb ends in order, and nobody swallows it."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT, Shelf, ended, machine_state, settled
from signals import BOTH, CNIPERF, assert_heard, started, tried

from cniperf.runs import load_runs

REFERENCE = ROOT / "data/reference"


def planted(folder, code):
    """Variables that let every Python that is started run some code first."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


VERBS = {
    "plan": (["plan", "canal"], 8, 0.4, lambda out: out.count("# host") == 2),
    "help": (["--help"], 6, 0.3, lambda out: "hosts" in out),
    "export": (["export", REFERENCE, "--out", "x.csv"], 6, 1.0, lambda out: "x.csv" in out),
    "compare": (["compare", REFERENCE, REFERENCE, "--anyway"], 6, 2.0,
                lambda out: "canal" in out),
    "clean": (["clean"], 6, 0.4, lambda out: "sweep" in out or "in use" in out),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_signal_at_any_instant_is_heard(tmp_path, verb, trials):
    words, times, longest, complete = VERBS[verb]
    if verb == "clean" and os.geteuid() != 0:
        pytest.skip("needs root")
    for _ in tried(words, trials.of(times), longest, tmp_path, complete):
        assert not list(tmp_path.glob(".partial*"))


@pytest.mark.notebook
def test_a_signal_at_any_instant_of_a_report_is_heard_and_leaves_nothing_half(tmp_path, trials):
    shelf = Shelf(tmp_path / "data")
    shelf.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    words = ["report", shelf.folder, "--out-dir", tmp_path / "r"]
    whole = tmp_path / "r/report.pdf"
    for told in tried(words, trials.of(6), 9.0, tmp_path, lambda out: whole.exists()):
        left = [*tmp_path.rglob("*")]  # the next report would remove a draft that this one left
        assert not [file for file in left if file.name.startswith(".partial")], (told, left)
        assert not (tmp_path / "r").exists() or (tmp_path / "r/report.html").exists(), (told, left)


QUICK = ["--duration", "1", "--omit", "0", "--data-dir", "d"]
ROUND = ["--rounds", "1", "--target", "0", *QUICK]
LAB = {
    "run": (["run", "macvlan", "--duration", "1", "--data-dir", "d"], 8, 4.0,
            lambda out: out.strip()),
    "prove": (["prove", "ovs"], 5, 2.0, lambda out: "ovs" in out),
    "doctor": (["doctor"], 5, 1.5, lambda out: "Further schemes" in out),
    "suite": (["suite", "macvlan", *ROUND, "--out-dir", "r"], 3, 14.0,
              lambda out: "report.html" in out),
    "sweep": (["sweep", "--vary", "mtu=9000", "--schemes", "macvlan", *ROUND, "--out-dir", "r"],
              3, 14.0, lambda out: "report.html" in out),
    "notebook": (["notebook", "macvlan", "--rounds", "1", *QUICK, "--out", "x/m.ipynb"], 3, 9.0,
                 lambda out: "m.ipynb" in out),
}  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize("verb", LAB)
def test_a_signal_or_a_kill_at_any_instant_leaves_no_lab(tmp_path, verb, trials):
    words, times, longest, complete = LAB[verb]
    before, signals = machine_state(), (*BOTH, signal.SIGKILL)
    for told in tried(words, trials.of(times), longest, tmp_path, complete, signals):
        assert settled(before) == before, told
        # Of a report or a notebook that was killed, the next one removes the draft.
        place = tmp_path / "d" if told.startswith("SIGKILL") else tmp_path
        left = [*place.rglob(".partial*"), *place.rglob(".partial*/*")]
        assert not left, (told, left)
        if (tmp_path / "d").exists():
            assert not load_runs(tmp_path / "d").attrs["broken"], told
        shutil.rmtree(tmp_path / "x", ignore_errors=True)


@pytest.mark.lab
@pytest.mark.parametrize("after", [0.3, 0.8, 1.1, 1.4])
def test_up_that_is_stopped_leaves_no_lab_standing(tmp_path, after):
    before = machine_state()
    process = started(CNIPERF, "up", "canal")
    time.sleep(after)
    process.send_signal(signal.SIGTERM)
    out, err = ended(process, within=20)
    assert_heard(process, signal.SIGTERM, out, err, lambda out: "is up" in out)
    if process.returncode == 0:
        subprocess.run([CNIPERF, "down"], check=True, capture_output=True)
    assert settled(before) == before


@pytest.mark.lab
def test_up_that_is_killed_leaves_no_lab_standing():
    before = machine_state()
    process = started(CNIPERF, "up", "canal")
    time.sleep(1.0)
    process.kill()
    process.communicate()
    assert settled(before, within=10) == before


AT_THE_END = """
import os, signal

class Last:
    def __del__(self, kill=os.kill, own=os.getpid(), number=signal.SIGTERM):
        kill(own, number)

last = Last()
"""


def test_a_signal_while_python_takes_itself_down_finds_the_work_done(tmp_path):
    process = started(CNIPERF, "plan", "canal", environ=planted(tmp_path, AT_THE_END))
    out, err = ended(process, within=20)
    assert (process.returncode, err) == (0, "") and out.count("# host") == 2


MET_BY = """
import os, signal, sys, time

class Meets:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r} and "-m" in sys.orig_argv:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep({seconds})
            except BaseException:
                pass

sys.meta_path.insert(0, Meets())
"""


@pytest.mark.parametrize("module", ["pandas", "numpy", "pydantic", "typer", "yaml"])
def test_a_signal_that_meets_an_import_which_swallows_everything_is_heard(tmp_path, module):
    environ = planted(tmp_path / "site", MET_BY.format(module=module, seconds=0.05))
    words = ["plan", "calico"] if module in ("pydantic", "yaml") else [
        "export", REFERENCE, "--out", tmp_path / "x.csv"]  # fmt: skip
    if module == "yaml":
        words = ["run", "calico", "--settings", tmp_path / "s.yaml"]
        (tmp_path / "s.yaml").write_text("duration: 1\n")
    process = started(sys.executable, "-m", "cniperf", *words, environ=environ)
    out, err = ended(process, within=20)
    assert (process.returncode, out) == (143, ""), err
    assert err == "cniperf: stopped by SIGTERM; nothing is left running\n"
    assert not (tmp_path / "x.csv").exists()


def test_a_second_signal_ends_what_does_not_look(tmp_path):
    environ = planted(tmp_path / "site", MET_BY.format(module="pandas", seconds=60))
    words = ["export", REFERENCE, "--out", tmp_path / "x.csv"]
    process = started(sys.executable, "-m", "cniperf", *words, environ=environ)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=1.5)  # it has sent itself the first, and does not look
    process.send_signal(signal.SIGINT)
    assert ended(process, within=2) == ("", "")
    assert process.returncode == 130


def test_two_at_once_are_one_wish():
    """As `timeout` sends them: to the process, and to its group."""
    code = "import os, signal, sys; sys.argv = ['x', 'plan', 'calico']\nfrom cniperf import cli, stop\n" \
           "before = stop.listen\ndef listen():\n before()\n for _ in 'ab': os.kill(os.getpid(), 15)\n" \
           "stop.listen = listen\ncli.main()"  # fmt: skip
    process = started(sys.executable, "-c", code)
    _, err = ended(process, within=20)
    assert (process.returncode, err) == (
        143, "cniperf: stopped by SIGTERM; nothing is left running\n",
    )  # fmt: skip


WAITS = {
    "sleep": "stop.sleep(60)",
    "wait": "stop.wait(os.pipe()[0])",
    "command": "run(['sleep', '60'], timeout=60)",
    "future": "stop.result(ThreadPoolExecutor(1).submit(time.sleep, 3))",
    "aside": "stop.aside(lambda: time.sleep(60))",
    "apart": "apart('time:sleep', '60')",
}
WAITING = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
from cniperf import stop
from cniperf.apart import apart
from cniperf.beds.command import run
from cniperf.errors import Stopped
{listen}
print("waiting", flush=True)
try:
    {wait}
except Stopped as stopped:
    print("stopped by", *stopped.args, flush=True)
    os._exit(0)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    os._exit(0)
"""


@pytest.mark.parametrize("wait", [name for name in WAITS if name != "apart"])
def test_every_wait_ends_at_once(wait):
    process = started(
        sys.executable, "-c", WAITING.format(listen="stop.listen()", wait=WAITS[wait])
    )
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.3)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert ended(process, within=5) == ("stopped by 15\n", "")
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize("wait", ["sleep", "wait", "command", "future", "aside"])
def test_where_nobody_listens_ctrl_c_is_pythons_own(wait):
    """As in a notebook's kernel, and in a program that imports cniperf."""
    process = started(sys.executable, "-c", WAITING.format(listen="", wait=WAITS[wait]))
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert ended(process, within=5) == ("interrupted\n", "")


def test_what_tidies_up_is_not_cut_short():
    code = "\n".join(
        ["import os, signal", "from cniperf import stop", "from cniperf.errors import Stopped",
         "stop.listen()", "try:", " with stop.later():", "  os.kill(os.getpid(), signal.SIGTERM)",
         "  stop.sleep(0.2); print('tidied', flush=True)", " stop.look()", "except Stopped:",
         " stop.sleep(0.1); print('stopped', flush=True)"]
    )  # fmt: skip
    assert ended(started(sys.executable, "-c", code), within=10) == ("tidied\nstopped\n", "")


def test_no_handler_raises():
    """Handlers are set in one place, whose own only takes a note; others give signals back."""
    for file in (ROOT / "cniperf").rglob("*.py"):
        calls = [line.strip() for line in file.read_text().splitlines() if "signal.signal(" in line]
        if file.name == "stop.py":
            assert calls == [
                "signal.signal(number, _note)",
                "signal.signal(number, signal.SIG_IGN)",
                "signal.signal(number, signal.SIG_DFL)",
            ]
        else:
            assert all("SIG_IGN" in call or "SIG_DFL" in call for call in calls), file


def test_ctrl_c_in_the_first_milliseconds_is_one_line_or_silence():
    for step in range(16):
        process = started(CNIPERF, "plan", "calico")
        time.sleep(step * 0.0045)
        process.send_signal(signal.SIGINT)
        out, err = ended(process, within=20)
        assert process.returncode in (130, -signal.SIGINT), (step, err)
        assert_heard(process, signal.SIGINT, out, err, lambda out: False)

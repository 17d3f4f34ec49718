"""How the ends of a generator end: what they left counts only if all of them ended well."""

import json
import signal
import subprocess
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from iperf3_said import STREAM

from cniperf import stop
from cniperf.beds.child import LocalChild, end_all
from cniperf.errors import MeasurementFailed
from cniperf.generators import all_generators
from cniperf.measure.ends import GRACE
from cniperf.measure.load import Load
from cniperf.params import Experiment

ENDPOINT = SimpleNamespace(netns=None, address="127.0.0.1", target="127.0.0.1", device="none")
SIDE = SimpleNamespace(host=None, endpoints=[ENDPOINT], endpoint=ENDPOINT)


class Bed:
    """Starts what it is asked to on this machine, and looks at nothing."""

    pause, cpus, hosts = 0.05, {}, (None, None)

    def start(self, host, netns, argv, output):
        with output.open("wb") as file:
            return LocalChild(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def sysctl(self, host, name):
        return "1"

    def collect(self, folder):
        pass

    def cpu_times(self):
        return {}

    instructions = cpu_times


@pytest.fixture
def transfer(tmp_path, monkeypatch):
    """Load with shell scripts in place of a generator's two ends; the client leaves a result."""

    def transferred(client="", server="sleep 0.3", **changes):
        said = tmp_path / "said"
        said.write_text(json.dumps(STREAM))
        shell = {"client": f"cat {said}; {client}", "server": server}
        made = replace(
            all_generators()["iperf3"],
            **{
                name: lambda job, script=script: ["sh", "-c", script]
                for name, script in shell.items()
            },
            **changes,
        )
        monkeypatch.setattr("cniperf.measure.load.all_generators", lambda: {"iperf3": made})
        plan = SimpleNamespace(a=SIDE, b=SIDE)
        load = Load(Bed(), plan, Experiment.of(duration=1, omit=0).traffic, tmp_path)
        return [made.read(job) for job in load.transfer(lambda seconds, gbps: None).jobs]

    monkeypatch.setattr(LocalChild, "listens", lambda *_: True)
    monkeypatch.setattr(LocalChild, "bytes_carried", lambda *_: None)
    return transferred


def test_a_load_whose_ends_both_ended_well_counts(transfer):
    (figures,) = transfer()
    assert figures.gbps == pytest.approx(1)


@pytest.mark.parametrize(
    ("end", "script", "told"),
    [
        ("client", "kill -9 $$", "client ended badly, by SIGKILL"),
        ("client", "kill -SEGV $$", "client ended badly, by SIGSEGV"),
        ("client", "exit 139", "client ended badly, by SIGSEGV"),
        ("client", "exit 3", "client ended badly, with code 3"),
        ("server", "sleep 0.2; kill -9 $$", "server ended badly, by SIGKILL: it printed nothing"),
        ("server", "sleep 0.2; exit 1", "server ended badly, with code 1: it printed nothing"),
        ("server", "sleep 0.2; echo no more; exit 1", "server ended badly, with code 1: no more"),
    ],
)
def test_an_end_that_died_after_a_whole_result_is_no_good_end(transfer, end, script, told):
    with pytest.raises(MeasurementFailed, match=told) as problem:
        transfer(**{end: script})
    assert "\n" not in str(problem.value)


def test_a_server_that_serves_on_must_be_there_at_the_end(transfer):
    with pytest.raises(MeasurementFailed, match="server ended badly, by SIGTERM"):
        transfer(server="kill -TERM $$", client="sleep 0.3", ends=False)
    transfer(server="exec sleep 60", ends=False)


def test_a_server_that_ignores_being_asked_is_ended(transfer):
    began = time.monotonic()
    transfer(server="trap '' TERM; while :; do sleep 0.05; done", client="sleep 0.3", ends=False)
    assert GRACE <= time.monotonic() - began < GRACE + 3


def test_processes_are_asked_all_at_once():
    stubborn = "trap '' TERM; while :; do sleep 0.05; done"
    children = [LocalChild(["sh", "-c", stubborn]) for _ in range(3)]
    time.sleep(0.2)
    began = time.monotonic()
    end_all(children, 0.3)
    assert time.monotonic() - began < 0.8
    assert {child.returncode for child in children} == {-signal.SIGKILL}


@pytest.mark.parametrize(
    ("code", "told"),
    [(0, "with code 0"), (1, "with code 1"), (-9, "by SIGKILL"), (137, "by SIGKILL"),
     (255, "with code 255"), (None, "with code None"), (128, "with code 128"),
     (-35, "by signal 35"), (163, "with code 163")],
)  # fmt: skip
def test_a_signal_is_named(code, told):
    assert stop.how_ended(code) == told

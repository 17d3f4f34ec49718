"""What iperf3 and iperf of three Debian releases leave is read right: the kernel is the witness."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import cannot_here
from generations import VERSIONS, NotFetched, generation

from cniperf.generators import Job, all_generators
from cniperf.params import Experiment
from cniperf.timeline import load_intervals

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NEAR = 0.15  # the kernel is asked every 10 ms, from another process, on a machine that is full

SHAPES = {
    "stream": {"omit": 1, "duration": 3},  # in one second a stall of the machine is a tenth
    "two streams": {"streams": 2, "omit": 0},
    "reverse": {"direction": "reverse", "omit": 0},
    "both": {"direction": "both", "omit": 1, "duration": 3},
    "datagrams": {"mode": "udp", "length": 1400, "omit": 0},
    "datagrams, omitted and lost": {"mode": "udp", "length": 200, "window": "8K", "omit": 1},
    "iperf": {"generator": "iperf", "omit": 1},
    "iperf, two streams": {"generator": "iperf", "streams": 2, "omit": 1},
}
RATES = {"datagrams": 0.2, "datagrams, omitted and lost": 4.0}


@pytest.fixture(scope="module", params=VERSIONS)
def release(request):
    """A Debian release's iperf3 and iperf, run from their folder."""
    try:
        return generation(request.param)
    except (NotFetched, OSError, subprocess.SubprocessError) as problem:
        cannot_here(f"no iperf3 and iperf of {request.param}: {problem}")


@pytest.fixture(scope="module")
def alone() -> Iterator[int]:
    """A network namespace with nothing but its loopback: the pid of a process in it."""
    words = ["unshare", "--net", "--kill-child", "sh", "-c", "ip link set lo up; echo up; exec cat"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as keeper:
        assert keeper.stdout.readline() == "up\n"
        yield keeper.pid
        keeper.stdin.close()


class Kernel(threading.Thread):
    """Asks a namespace's counters over and over: the bytes on its loopback and its datagrams."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.net, self.looks, self.over = Path(f"/proc/{pid}/net"), [], threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.01):
            self.looks.append((time.monotonic(), self.counts()))

    def counts(self) -> dict[str, int]:
        names, values = (line.split() for line in (self.net / "snmp").read_text().splitlines()
                         if line.startswith("Udp:"))  # fmt: skip
        found = {name: int(value) for name, value in zip(names[1:], values[1:], strict=True)}
        (lo,) = (line for line in (self.net / "dev").read_text().splitlines() if "lo:" in line)
        return {**found, "bytes": int(lo.split()[1])}

    def rates(self, omit: int, seconds: int) -> dict[str, float]:
        """What a second had, of those that count: they begin with the load's first megabyte."""
        self.over.set()
        self.join()
        first = self.looks[0][1]["bytes"]
        begin = next(at for at, now in self.looks if now["bytes"] - first > 1e5) + omit
        within = [look for look in self.looks if begin <= look[0] <= begin + seconds]
        (start, before), (end, after) = within[0], within[-1]
        return {name: (after[name] - before[name]) / (end - start) for name in after}


def load(job: Job, keeper: int, path: Path) -> dict[str, float]:
    """Run both ends; return what the kernel counted a second."""
    generator = all_generators()[job.traffic.generator]
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}

    def started(end: str) -> subprocess.Popen[bytes]:
        words = ["nsenter", f"--net=/proc/{keeper}/ns/net", *getattr(generator, end)(job)]
        with job.file(end).open("wb") as file:
            return subprocess.Popen(words, env=env, stdout=file, stderr=subprocess.STDOUT)

    server = started("server")
    try:
        wait_for(job.port, keeper)
        kernel = Kernel(keeper)
        kernel.start()
        assert started("client").wait(20) == 0, job.said("client")
        found = kernel.rates(job.omit, job.seconds)
        if generator.ends:
            assert server.wait(5) == 0
    finally:
        server.terminate()
        server.wait(5)
    return found


def wait_for(port: int, keeper: int) -> None:
    deadline = time.monotonic() + 5
    while f":{port:04X} 00000000:0000 0A" not in Path(f"/proc/{keeper}/net/tcp").read_text(
        encoding="utf-8"
    ):
        assert time.monotonic() < deadline, "no server"
        time.sleep(0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_figure_is_what_the_kernel_counted(tmp_path, release, alone, shape):
    asked = Experiment.of(**{"duration": 1, **SHAPES[shape]})
    generator = all_generators()[asked.generator]
    job = Job(traffic=asked.traffic, address="127.0.0.1", port=generator.port, folder=tmp_path,
              seconds=asked.duration, omit=asked.omit, rate=RATES.get(shape, 0.0))  # fmt: skip
    kernel = load(job, alone, release.bin)
    found = generator.read(job)
    if asked.mode == "udp":
        assert found.per_second == pytest.approx(kernel["InDatagrams"], rel=NEAR)
        assert found.gbps == pytest.approx(kernel["InDatagrams"] * asked.size * 8e-9, rel=NEAR)
        lost = 1 - kernel["InDatagrams"] / kernel["OutDatagrams"]
        assert found.lost == pytest.approx(lost, abs=0.1) and (found.lost > 0.1) == (lost > 0.1)
    else:
        assert found.gbps == pytest.approx(kernel["bytes"] * 8e-9, rel=NEAR)
        assert found.mss in (32741, 32768)  # of a loopback, as the versions see it
    if asked.generator == "iperf3":
        over_time(tmp_path, found, asked, threads=release.release == "trixie")
    assert release_says(job) == VERSIONS[release.release][asked.generator == "iperf"]


def over_time(folder, found, asked, *, threads):
    """The intervals come to what the sender counted, and none is longer than the others.

    Where iperf3 has threads, they may lack bytes of it.
    """
    table = load_intervals(folder)
    own = table[~table["omitted"].astype(bool)]
    assert own["seconds"].max() < 1.7 * own["seconds"].median()
    assert own["seconds"].sum() == pytest.approx(asked.duration, abs=0.1)
    assert table["second"].iloc[-1] == pytest.approx(asked.omit + asked.duration, abs=0.1)
    counted = found.gbps if asked.direction == "reverse" else found.gbps_sent
    average = (own["gbps"] * own["seconds"]).sum() / own["seconds"].sum()
    assert average < 1.05 * counted
    assert threads or average > 0.95 * counted


def release_says(job):
    said = job.said("client")
    if job.traffic.generator == "iperf3":
        return json.loads(said, object_pairs_hook=lambda pairs: dict(reversed(pairs)))["start"][
            "version"
        ]
    return said.split()[2][:6].rstrip("a")

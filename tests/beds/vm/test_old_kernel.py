"""Debian 11's kernel, which has no egress hook: the article's eight in guests, and a lab in one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import cannot_here
from generations import CACHE, mirrors, private_apt
from generations import run as apt
from guests import require_guests, two_guests

from cniperf.analysis.paths import overhead
from cniperf.beds.counted import guest as counted
from cniperf.measure.evidence import prove
from cniperf.params import Experiment
from cniperf.plan import make_plan
from cniperf.schemes import ARTICLE

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(600)]

META = "linux-image-cloud-amd64"


@pytest.fixture(scope="module")
def old_kernel():
    """Let guests have Debian 11's kernel, from a cache of its own."""
    require_guests()
    cache = CACHE.parent / "bullseye-kernel"
    if not list(cache.glob("linux-image-*")):
        fetch(cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNIPERF_CACHE_DIR", str(cache))
        yield


def fetch(cache: Path) -> None:
    """Unpack the newest of Debian 11's cloud kernels, as cniperf itself keeps its kernels."""
    work, last = cache / ".fetch", "apt is configured for no mirror"
    for mirror in mirrors():
        shutil.rmtree(work, ignore_errors=True)
        options = private_apt("bullseye", mirror, work)
        try:
            apt("apt-get", *options, "update", "-qq")
            said = apt("apt-cache", *options, "depends", META)
            package = re.search(r"Depends: (linux-image-5\.10\S+)", said)[1]
            apt("apt-get", *options, "download", "-qq", package, cwd=work / "debs")
        except subprocess.CalledProcessError as problem:
            last = " ".join(problem.stderr.split())[-300:]
            continue
        (deb,) = (work / "debs").glob("*.deb")
        apt("dpkg-deb", "-x", str(deb), str(work / "root"))
        (work / "root").rename(cache / deb.stem)
        shutil.rmtree(work)
        return
    cannot_here(f"Debian 11's kernel cannot be fetched: {last}")


@pytest.fixture(scope="module")
def guests(old_kernel):
    with two_guests() as bed:
        yield bed


@pytest.fixture
def _nothing_left():
    """The guests go on to the next test; the fixture that made them looks after itself."""


@pytest.mark.parametrize("wanted", ARTICLE)
def test_the_articles_eight_are_proven_by_packet_sockets(wanted, guests):
    assert guests.command("a", ["uname", "-r"]).startswith("5.10.")
    plan = make_plan(wanted, *guests.hosts)
    guests.apply(plan)
    try:
        said = prove(guests, plan).as_dict()
    finally:
        guests.undo(plan)
    assert said["problem"] == "" and said["counted_by"] == "sockets"
    assert overhead(said) == (50 if wanted in ("flannel-vxlan", "canal") else 0)
    assert guests.hosts[0].ovs_datapath == "system"


@pytest.mark.usefixtures("old_kernel")
def test_a_lab_in_such_a_guest_is_proven_and_loaded():
    asked = Experiment.of(scheme="flannel-vxlan", bed="counted")
    with counted.Counting() as bed:
        told = bed.measure(asked, lambda text: None)
    assert "error" not in told.found, told.found["error"]
    assert told.environment["kernel"].startswith("5.10.")
    assert told.found["evidence"]["counted_by"] == "sockets"
    assert told.loads[1]["used"] > counted.BUSY

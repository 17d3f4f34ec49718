"""What keeps a guest from being there: each is one line, and nothing is left of it."""

import re

import pytest
from conftest import cannot_here

from cniperf import cache
from cniperf.beds.bottle import image, kernel, plugin, qemu
from cniperf.beds.command import CommandFailed
from cniperf.beds.journal import Journal
from cniperf.errors import CannotWrite, NotAble
from cniperf.measure.run import check
from cniperf.params import Experiment

TCG = ["-accel", "tcg", "-cpu", qemu.NO_FAST_COPY]


@pytest.fixture
def journal(tmp_path, monkeypatch):
    monkeypatch.setenv("CNIPERF_STATE_DIR", str(tmp_path / "state"))
    found = Journal.open("test")
    yield found
    found.sweep()


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNIPERF_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def guest(journal, tmp_path, settings, options=TCG):
    if gone := qemu.missing():
        cannot_here(f"no guest without {', '.join(gone)}")
    folder = tmp_path / "guest"
    folder.mkdir()
    return qemu.Guest(folder, settings, options=options, journal=journal)


@pytest.mark.lab
def test_a_guest_boots_and_ends(journal, tmp_path):
    made = guest(journal, tmp_path, {"kind": "hello"})
    made.says("hello")
    made.wait(10)


@pytest.mark.lab
def test_a_guest_that_does_not_get_ready_in_time(journal, tmp_path):
    made = guest(journal, tmp_path, {"kind": "nothing"})
    with pytest.raises(qemu.GuestFailed, match="a guest did not get ready within 1 s") as told:
        made.says("ready", within=1)
    assert "\n" not in str(told.value)
    made.end()


@pytest.mark.lab
def test_a_guest_that_ends_instead(journal, tmp_path):
    made = guest(journal, tmp_path, {"kind": "hello"}, [*TCG, "-device", "nonsense"])
    with pytest.raises(qemu.GuestFailed, match=r"ended with code 1: .*nonsense"):
        made.says("ready")


def test_no_qemu(monkeypatch):
    monkeypatch.setattr(qemu.shutil, "which", lambda name: None)
    with pytest.raises(NotAble, match="apt-get install cpio kmod qemu-system-x86 socat"):
        qemu.require()


@pytest.mark.lab
@pytest.mark.parametrize("bed", ["vm", "counted"])
def test_a_run_without_qemu_does_not_begin(bed, monkeypatch):
    monkeypatch.setattr(qemu.shutil, "which", lambda name: None)
    with pytest.raises(NotAble, match=r"qemu-system-x86_64, .* not found"):
        check(Experiment.of(scheme="calico", bed=bed))


def test_no_kernel_package(empty_cache, monkeypatch):
    def no_such_package(argv, **_):
        raise CommandFailed(argv, "E: No packages found")

    monkeypatch.setattr(kernel, "run", no_such_package)
    with pytest.raises(
        NotAble, match=r"apt has no package linux-image-cloud-amd64.*apt-get update"
    ):
        kernel.kernel()
    assert not empty_cache.exists()


def test_a_kernel_that_cannot_be_fetched_leaves_nothing(empty_cache, monkeypatch):
    real = kernel.run

    def run(argv, **more):
        if "download" in argv:
            raise CommandFailed(argv, "no route to host")
        return {"depends": "Depends: linux-image-1", "show": "Version: 1"}.get(argv[1]) or real(
            argv
        )

    monkeypatch.setattr(kernel, "run", run)
    with pytest.raises(NotAble, match="cannot fetch the guests' kernel linux-image-1=1: no route"):
        kernel.kernel()
    assert list(empty_cache.iterdir()) == []


def test_no_disk_space(empty_cache):
    def fill(folder):
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(CannotWrite, match=r"cannot write to .*: No space left on device"):
        cache.kept("thing", fill)
    assert list(empty_cache.iterdir()) == []


@pytest.mark.lab
def test_the_first_use_says_how_long_it_took_and_how_much_disk_and_the_next_has_it(
    tmp_path, monkeypatch
):
    if gone := qemu.missing():
        cannot_here(f"no guest without {', '.join(gone)}")
    fetched = kernel.kernel().image.parents[1]  # only what is built here is looked at
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / fetched.name).symlink_to(fetched)
    monkeypatch.setenv("CNIPERF_CACHE_DIR", str(tmp_path / "cache"))
    first, second = [], []
    made = image.prepare(first.append)
    (line,) = first
    told = re.fullmatch(
        r"made initramfs-\w+ \((\d+) MB\) in .* within [\d.]+ s; the next start has it", line
    )
    assert told and int(told[1]) == round(cache.size(made.parent) / 1e6) > 10
    assert image.prepare(second.append) == made and second == []


def test_a_program_that_is_missing_here(monkeypatch):
    monkeypatch.setattr(image, "PROGRAMS", (*image.PROGRAMS, "no-such-program"))
    with pytest.raises(NotAble, match="a guest cannot be made: no-such-program not found here"):
        list(image._programs())


def test_no_compiler_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(plugin.shutil, "which", lambda name: None)
    found, why = plugin.plugin()
    assert found is None and why == (
        "instructions are not counted: no C compiler: apt-get install gcc"
    )


def test_the_same_folder_gives_the_same_archive(tmp_path):
    if gone := qemu.missing():
        cannot_here(f"no archive without {', '.join(gone)}")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a").write_text("a")
    (tmp_path / "root/b").symlink_to("a")
    for name in ("one", "two"):
        image.archive(tmp_path / "root", tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes()[:6] == b"070701"

"""A set of runs as one file."""

import io
import lzma
import os
import shutil
import tarfile

import pandas as pd
import pytest
from conftest import Shelf

from cniperf.archive import NAME, pack, shelf
from cniperf.errors import BadRun, Stopped
from cniperf.runs import load_evidence, load_raw, load_runs, run_folders
from cniperf.suites import Suite, read_suite, suite_names


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """Some runs with a suite, as folders and packed."""
    monkeypatch.setenv("CNIPERF_CACHE_DIR", str(tmp_path / "cache"))
    plain = Shelf(tmp_path / "plain")
    plain.add_rounds(hostnetwork=[20.0] * 3, calico=[15.0] * 3)
    Suite(name="one", seed=1, cells=({"scheme": "calico"},)).save(plain.folder)
    shutil.copytree(plain.folder, tmp_path / "packed")
    pack(tmp_path / "packed")
    for folder in [*run_folders(plain.folder), plain.folder / "suites"]:
        shutil.rmtree(tmp_path / "packed" / folder.name)
    return plain.folder, tmp_path / "packed"


def test_it_is_read_as_the_folders_are(packed):
    plain, archive = packed
    assert [file.name for file in archive.iterdir()] == [NAME]
    ours, theirs = load_runs(archive), load_runs(plain)
    pd.testing.assert_frame_equal(ours.drop(columns="path"), theirs.drop(columns="path"))
    for one, other in zip(ours["path"], theirs["path"], strict=True):
        assert load_evidence(one) == load_evidence(other)
        assert load_raw(one) == load_raw(other)
    assert suite_names(archive) == ["one"]
    assert read_suite(archive, "one") == read_suite(plain, "one")


def test_the_same_runs_give_the_same_bytes(packed):
    plain, archive = packed
    assert pack(plain).read_bytes() == (archive / NAME).read_bytes()


def test_runs_beside_it_are_read_too(packed):
    plain, archive = packed
    more = Shelf(archive)
    more.add_rounds(hostnetwork=[21.0])
    assert len(load_runs(archive)) == len(load_runs(plain)) + 1


def member(name, kind=tarfile.REGTYPE, *, content=b"", pax=None):
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:xz", format=tarfile.PAX_FORMAT) as archive:
        about = tarfile.TarInfo(name)
        about.type, about.size, about.pax_headers = kind, len(content), pax or {}
        about.linkname = "/etc/passwd"
        archive.addfile(about, io.BytesIO(content))
    return into.getvalue()


def sparse(size):
    """A file that is a hole, as GNU tar says it in a header of PAX."""
    facts = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "2/run.json",
             "GNU.sparse.size": str(size), "GNU.sparse.numblocks": "1",
             "GNU.sparse.map": f"{size},0"}  # fmt: skip
    return member("2/run.json", pax=facts)


def headers_of_headers():
    """Two thousand long names, each of the next."""
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 1
    block = long.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")
    return lzma.compress(block * 2000)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", member("../out/run.json"), member("/etc/x"), member("deep/er/run.json"),
     member("run.json"), member("2/run.json", tarfile.SYMTYPE), member("2/pipe", tarfile.FIFOTYPE),
     member("2/run.json")[:-20], member("2/" + "n" * 300), member("2/" + "é" * 150),
     member("2" * 300 + "/run.json"), member("2/x", pax={"path": "2/a\0b"}), member("2/\udcff"), sparse(2**38), sparse(9),
     member("2/run.json", pax={"size": "9" * 20}), member("2/run.json", pax={"size": "9" * 9}),
     member("2/run.json", pax={"size": "-9"}), member("2/run.json", pax={"path": "n/" + "n" * 5000}),
     headers_of_headers()],
)  # fmt: skip
def test_what_is_none_is_refused_in_a_line_and_leaves_nothing(content, tmp_path, monkeypatch):
    monkeypatch.setenv("CNIPERF_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(BadRun, match=f"{NAME} is no archive of runs") as told:
        shelf(tmp_path)
    assert "\n" not in str(told.value)
    assert not list((tmp_path / "cache").glob("*")) and not (tmp_path.parent / "out").exists()


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere")],
    ids=["pipe", "dir", "link"],
)
def test_what_is_no_file_is_named(tmp_path, make):
    make(tmp_path / NAME)
    with pytest.raises(BadRun, match=f"{NAME} is no archive of runs: it is no plain file"):
        run_folders(tmp_path)


@pytest.mark.parametrize("most", [10, 2**20 + 10])
def test_one_that_unpacks_to_more_than_is_allowed_is_refused(packed, monkeypatch, most):
    _, archive = packed
    (archive / NAME).write_bytes(lzma.compress(bytes(most + 1)))
    monkeypatch.setattr("cniperf.archive.MOST", most)
    with pytest.raises(BadRun, match=f"it has more than {most:,} bytes"):
        shelf(archive)


def test_a_signal_is_heard_while_it_is_unpacked(packed, monkeypatch):
    def stopped():
        raise Stopped(15)

    _, archive = packed
    monkeypatch.setattr("cniperf.stop.look", stopped)
    with pytest.raises(Stopped):
        shelf(archive)
    assert not list((archive.parent / "cache").glob("*"))

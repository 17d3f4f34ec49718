"""A report in a folder that others use, too: what it wrote it may replace, and nothing else."""

import os
from pathlib import Path

import pytest

from cniperf.delivery import DRAFT, MARK, OWN, Delivery
from cniperf.errors import Busy, CannotWrite, ParameterError


def delivered(folder, **files):
    """Deliver files; a name is given without its dot."""
    delivery = Delivery(folder)
    delivery.check(["html"])
    with delivery:
        for name, text in files.items():
            (delivery.draft / name.replace("_", ".")).write_text(text)
        delivery.deliver()
    return sorted(file.name for file in folder.iterdir())


def test_files_that_no_report_wrote_stay(tmp_path):
    mine = ["report.docx", "report.html.bak", "chart-of-mine.png", "notes.txt"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    delivered(tmp_path, report_html="1", report_md="1")
    assert delivered(tmp_path, report_html="2") == sorted([*mine, OWN, "report.html"])
    assert (tmp_path / "report.html").read_text() == "2"
    assert {(tmp_path / name).read_text() for name in mine} == {"mine"}


@pytest.mark.parametrize(
    "name", ["report.html", "report.ipynb", "chart-1.png", "chart-27.png", "SHA256SUMS"]
)
def test_what_is_in_the_way_is_refused_before_anything_is_done(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ParameterError, match=f"{name} is in the way: no report wrote it"):
        Delivery(tmp_path).check(["html"])
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_report_that_was_changed_by_hand_is_its_readers(tmp_path):
    delivered(tmp_path, report_html="1")
    (tmp_path / "report.html").write_text("1, and a note of mine")
    with pytest.raises(ParameterError, match="it was changed since"):
        delivered(tmp_path, report_html="2")
    assert (tmp_path / "report.html").read_text() == "1, and a note of mine"


def test_an_old_file_that_was_changed_is_not_removed(tmp_path):
    delivered(tmp_path, report_html="1", report_md="1")
    (tmp_path / "report.md").write_text("mine now")
    assert "report.md" in delivered(tmp_path, report_html="2")


def test_a_list_from_elsewhere_cannot_name_other_files(tmp_path):
    folder = tmp_path / "r"
    delivered(folder, report_html="1")
    (tmp_path / "report.html").write_text("1")
    (folder / "thesis.tex").write_text("1")
    digest = (folder / OWN).read_text().split()[0]
    with (folder / OWN).open("a") as out:
        out.write(f"{digest}  ../report.html\n{digest}  thesis.tex\n")
    delivered(folder, report_html="2")
    assert (tmp_path / "report.html").exists() and (folder / "thesis.tex").exists()


def test_the_old_report_stays_until_the_new_one_is_whole(tmp_path):
    delivered(tmp_path, report_html="1", report_md="1")
    with pytest.raises(CannotWrite, match="cannot write the report"), Delivery(tmp_path) as new:
        (new.draft / "report.html").write_text("2")
        raise OSError(28, "No space left on device")
    assert (tmp_path / "report.html").read_text() == "1"
    assert sorted(file.name for file in tmp_path.iterdir()) == [OWN, "report.html", "report.md"]


def test_one_that_was_killed_halfway_is_taken_up(tmp_path, monkeypatch):
    delivered(tmp_path, report_html="1", report_md="1")
    with Delivery(tmp_path) as new:
        for name in ("report.html", "report.md"):
            (new.draft / name).write_text("2")
        places = Delivery._write

        def once(self, own):
            places(self, own)
            raise KeyboardInterrupt

        monkeypatch.setattr(Delivery, "_write", once)
        with pytest.raises(KeyboardInterrupt):
            new.deliver()
        monkeypatch.undo()
        (new.draft / "report.html").replace(tmp_path / "report.html")
    delivered(tmp_path, report_html="3", report_md="3")
    assert (tmp_path / "report.md").read_text() == "3"


@pytest.mark.parametrize("name", ["file", "file/r", "n" * 256, "loop", "loop/r"])
def test_a_folder_that_cannot_be_is_one_line_and_leaves_nothing(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(CannotWrite, match="cannot write the report to") as refused:
        Delivery(tmp_path / name).check(["html"])
    assert "\n" not in str(refused.value)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "loop"]


def test_the_root_is_no_folder_of_a_report():
    with pytest.raises(ParameterError, match="a report in / is not allowed"):
        Delivery(Path("/")).check(["html"])


def test_two_reports_in_one_folder_do_not_meet(tmp_path):
    folder = tmp_path / "new"
    with Delivery(folder) as one:
        (one.draft / "report.html").write_text("1")
        with pytest.raises(Busy, match=r"another report is being written to .*new: wait"):
            Delivery(folder).__enter__()
        one.deliver()
    assert delivered(folder, report_html="2") == [OWN, "report.html"]


@pytest.mark.parametrize("name", [".partial-report", f"{DRAFT}mine", f"{DRAFT}12345678"])
def test_what_lies_in_a_folder_like_a_draft_stays(tmp_path, name):
    (tmp_path / name).mkdir()
    for file in ("mine.txt", "report.html"):
        (tmp_path / name / file).write_text("mine")
    delivered(tmp_path, report_html="1")
    assert sorted(file.name for file in (tmp_path / name).iterdir()) == ["mine.txt", "report.html"]


@pytest.mark.parametrize("more", [[], ["mine.txt"]])
def test_the_draft_of_one_that_was_killed_goes_and_what_others_put_there_stays(tmp_path, more):
    left = Delivery(tmp_path)
    left.__enter__()
    os.close(left._lock)  # as the kernel does
    for name in ("report.html", "chart-1.png", OWN, *more):
        (left.draft / name).write_text("x")
    delivered(tmp_path, report_html="1")
    assert left.draft.exists() == bool(more)
    if more:
        assert sorted(file.name for file in left.draft.iterdir()) == [MARK, *more]


def link_to_a_device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, link_to_a_device])
@pytest.mark.parametrize("name", [OWN, "report.html"])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path, name, make):
    make(tmp_path / name)
    with pytest.raises(ParameterError, match=f"{name} is in the way"):
        Delivery(tmp_path).check(["html"])
    with pytest.raises(ParameterError, match="is in the way"), Delivery(tmp_path) as new:
        (new.draft / "report.html").write_text("1")
        new.deliver()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_refusal_elsewhere_is_not_told_as_the_reports(tmp_path):
    with pytest.raises(FileNotFoundError), Delivery(tmp_path):
        (tmp_path.parent / "nothing").read_bytes()


def test_a_refusal_without_a_number_has_its_words(tmp_path):
    with pytest.raises(CannotWrite, match=r"the report to .*: no more"), Delivery(tmp_path):
        raise OSError("no more")


def test_where_the_file_system_has_no_locks_a_draft_of_another_stays(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("cniperf.delivery.fcntl.flock", refuse)
    with Delivery(tmp_path) as one:
        delivered(tmp_path, report_html="2")
        assert one.draft.exists()

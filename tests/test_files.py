"""A file that is written whole or not at all."""

import pytest

from cniperf import files


def test_a_file_appears_whole_and_replaces_what_was_there(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    with files.whole(tmp_path / "a.csv") as draft:
        draft.write_text("new")
        assert draft.suffix == ".csv" and (tmp_path / "a.csv").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "new"


def test_what_fails_leaves_what_was_there_and_nothing_else(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(ZeroDivisionError), files.whole(tmp_path / "a.csv") as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_is_none_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError), files.whole(tmp_path / "none/a.csv") as draft:
        draft.write_text("x")

import pandas as pd
import pytest

from cniperf.errors import CniperfError, ParameterError
from cniperf.export import export
from cniperf.runs import COLUMNS, load_runs


@pytest.mark.parametrize(("name", "read"), [("r.csv", pd.read_csv), ("r.parquet", pd.read_parquet)])
def test_a_table_comes_back_as_it_was(shelf, tmp_path, name, read):
    shelf.add("hostnetwork", 20.0)
    shelf.add("canal")
    runs = load_runs(shelf.folder)
    export(runs, tmp_path / name)
    back = read(tmp_path / name)
    assert list(back.columns) == [column for column in COLUMNS if column != "path"]
    assert back["run"].tolist() == runs["run"].tolist()
    assert back["gbps"].iloc[0] == 20.0 and pd.isna(back["gbps"].iloc[1])
    assert "failed: no" in back["error"].iloc[1]


def test_what_cannot_be_written_is_said_and_leaves_nothing(shelf, tmp_path):
    shelf.add("hostnetwork", 20.0)
    runs = load_runs(shelf.folder)
    with pytest.raises(ParameterError, match=r"ends in \.csv or \.parquet"):
        export(runs, tmp_path / "runs.xlsx")
    with pytest.raises(CniperfError, match="no run to export"):
        export(runs.iloc[:0], tmp_path / "runs.csv")
    with pytest.raises(CniperfError, match=r"no such folder: `mkdir -p /.*/none`"):
        export(runs, tmp_path / "none/runs.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["data"]

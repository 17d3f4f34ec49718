"""Runs as one file for other tools: CSV or Parquet."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from cniperf import files
from cniperf.errors import CannotWrite, CniperfError, NotAble, ParameterError
from cniperf.places import require_file

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".csv", ".parquet")


def check(file: Path) -> None:
    """Refuse a file that cannot be made; nothing is touched.

    Raises:
        ParameterError: another ending.
        CannotWrite: there is no such folder, or it cannot be written.
    """
    if file.suffix not in FORMATS:
        raise ParameterError(f"{file} is not allowed: a name that ends in {' or '.join(FORMATS)}")
    require_file(file)
    if not file.parent.exists():
        where = shlex.quote(str(file.parent))
        raise CannotWrite(f"cannot write {file}: there is no such folder: `mkdir -p {where}`")


def export(runs: "pd.DataFrame", file: Path) -> None:
    """Write runs into one file, whole or not at all; the ending names the format.

    Columns are those of :func:`cniperf.load_runs`, but for ``path``, which is this machine's.

    Raises:
        ParameterError: another ending.
        CniperfError: there is no run.
        NotAble: what writes Parquet is not installed, or the file cannot be written.
    """
    check(file)
    if runs.empty:
        raise CniperfError("there is no run to export: measure some with `cniperf suite`")
    table = runs.drop(columns="path")
    try:
        with files.whole(file) as draft:
            if file.suffix == ".csv":
                table.to_csv(draft, index=False, encoding="utf-8")
            else:
                table.to_parquet(draft, index=False)
    except ImportError:
        raise NotAble("Parquet needs pyarrow: pip install 'cniperf[parquet]'") from None
    except OSError as problem:
        raise CannotWrite(f"cannot write to {file.parent}: {files.reason(problem)}") from None

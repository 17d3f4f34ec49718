"""Runs as one file for other tools: CSV or Parquet."""

import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cniperf.errors import CannotWrite, CniperfError, NotAble, ParameterError
from cniperf.files import reason
from cniperf.places import require_file

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".csv", ".parquet")


def export(runs: "pd.DataFrame", file: Path) -> None:
    """Write runs into one file, whole or not at all; the ending names the format.

    Columns are those of :func:`cniperf.load_runs`, but for ``path``, which is this machine's.

    Raises:
        ParameterError: another ending.
        CniperfError: there is no run.
        NotAble: what writes Parquet is not installed, or the file cannot be written.
    """
    if file.suffix not in FORMATS:
        raise ParameterError(f"{file} is not allowed: a name that ends in {' or '.join(FORMATS)}")
    if runs.empty:
        raise CniperfError("there is no run to export: measure some with `cniperf suite`")
    require_file(file)
    draft = file.with_name(f".partial-{secrets.token_hex(4)}{file.suffix}")
    table = runs.drop(columns="path")
    try:
        if file.suffix == ".csv":
            table.to_csv(draft, index=False, encoding="utf-8")
        else:
            table.to_parquet(draft, index=False)
        draft.replace(file)
    except ImportError:
        raise NotAble("Parquet needs pyarrow: pip install 'cniperf[parquet]'") from None
    except OSError as problem:
        raise CannotWrite(f"cannot write to {file.parent}: {reason(problem)}") from None
    finally:
        with suppress(OSError):  # its folder is none
            draft.unlink(missing_ok=True)

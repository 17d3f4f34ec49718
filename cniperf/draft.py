"""A run folder in the making: written whole or not at all."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cniperf import stop
from cniperf.errors import CannotWrite, CniperfError
from cniperf.record import FORMAT


class Draft:
    """A run folder in the making. It has a hidden name until :meth:`finish` makes it a run.

    Leaving the ``with`` block without that removes it.
    """

    def __init__(self, data_dir: Path, name: str) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for _ in range(100):  # a short suffix reads well, and may be taken
            self.id = f"{stamp}-{name}-{secrets.token_hex(2)}"
            self.final = data_dir / self.id
            self.path = data_dir / f".partial-{self.id}"
            if not self.final.exists() and not self.path.exists():
                break

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True)
        except OSError as problem:
            raise CannotWrite(f"cannot write to {self.path.parent}: {problem.strerror}") from None
        return self

    @stop.later()
    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if isinstance(problem, OSError) and not isinstance(problem, CniperfError):
            raise CannotWrite(
                f"cannot write to {self.final.parent}: {problem.strerror}"
            ) from problem

    def write(self, name: str, text: str) -> None:
        """Write a file of the run."""
        (self.path / name).write_text(text, encoding="utf-8")

    def write_json(self, name: str, found: Mapping[str, Any]) -> None:
        """Write a file of the run, as one line of JSON."""
        self.write(name, json.dumps(found, separators=(",", ":")) + "\n")

    def finish(self, record: Mapping[str, Any]) -> Path:
        """Write ``run.json`` and give the folder its name, in one step; return the folder."""
        whole = {"format": FORMAT, "id": self.id, **record}
        file = self.path / "run.json"
        with file.open("w", encoding="utf-8") as out:
            json.dump(whole, out, indent=1)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())  # a full disk must fail before the rename
        self.path.rename(self.final)
        return self.final

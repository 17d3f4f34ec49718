"""What a command on a host answered, and whether that is what was requested."""

import json
from dataclasses import dataclass
from typing import Any

from cniperf.beds.command import COMMAND
from cniperf.errors import CniperfError, cause, shortened

SHOWN = 120  # characters of an odd answer


class OddAnswer(CniperfError):
    """A command on a host did not answer what was requested."""


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        host: name of the host; empty for this machine.
        command: what was asked.
        text: its standard output.
        code: its exit code.
        error: its standard error.
    """

    host: str
    command: str
    text: str
    code: int = 0
    error: str = ""

    def odd(self, why: str) -> OddAnswer:
        """Return the error about this answer: host, command, what is wrong and what came."""
        who = f"host {self.host}: " if self.host else ""
        return OddAnswer(f"{who}`{shortened(self.command, COMMAND)}` {why}")

    def given(self) -> str:
        """Return the text of a command that must not fail.

        Raises:
            OddAnswer: it failed; an empty text would read as if there were nothing.
        """
        if self.code:
            said = cause(self.error or self.text) or f"exit code {self.code}"
            raise self.odd(f"failed: {said}")
        return self.text

    def json(self) -> Any:  # noqa: ANN401
        """Return the text as what it is in JSON; an empty list where there is none.

        Raises:
            OddAnswer: the command failed, or printed no JSON.
        """
        text = self.given()
        try:
            return json.loads(text) if text.strip() else []
        except (ValueError, RecursionError):
            raise self.odd(f"gave no JSON, but {shortened(text, SHOWN)!r}") from None

    def entries(self, *names: str) -> list[dict[str, Any]]:
        """Return the objects of a JSON list, each with all of these names.

        Raises:
            OddAnswer: the command failed, printed no JSON, or gave other objects.
        """
        found = self.json()
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise self.odd(f"gave no list of objects, but {shortened(self.text, SHOWN)!r}")
        full = [
            entry for entry in found if entry
        ]  # some versions of ip print {} for what they skip
        for entry in full:
            if missing := [name for name in names if name not in entry]:
                said = shortened(json.dumps(entry), SHOWN)
                raise self.odd(f"gave an entry without {', '.join(missing)}: {said}")
        return full

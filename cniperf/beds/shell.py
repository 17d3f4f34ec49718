"""The one place where words become shell text: at the edge of a host that is reached by SSH.

Everything else speaks in argv lists. A word is quoted once, here, so that no name of a device, a
pod or a file is ever read as a command.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from cniperf.errors import ParameterError

MARK = "#~ cniperf "  # begins the line before each part of what :func:`ask` prints


def line(argv: Sequence[str]) -> str:
    """Return a command as one line of a POSIX shell.

    Raises:
        ParameterError: a word has a zero byte, which no command can be given.
    """
    if any("\0" in word for word in argv):
        raise ParameterError(f"a zero byte cannot be part of a command: {argv[0]!r}")
    return shlex.join(argv)


def steps(commands: Iterable[Sequence[str]]) -> str:
    """Return the script that runs commands in order, up to the first that fails.

    It ends with code 9, and its last line tells which one: ``failed 3``, counted from 1.
    """
    head = 'n=0\nstep() { n=$((n+1)); "$@" || { printf "\\nfailed %s\\n" "$n" >&2; exit 9; }; }\n'
    return head + "".join(f"step {line(argv)}\n" for argv in commands)


def batch(commands: Iterable[tuple[Sequence[str], str | None]]) -> str:
    """Return the script that runs commands as :func:`steps` does, each with a text to read.

    What each says ends with a zero byte.
    """
    return "".join(
        f"{_fed(line(argv), text)} || {{ printf '\\nfailed {number}\\n' >&2; exit 9; }}; "
        "printf '\\0'\n"
        for number, (argv, text) in enumerate(commands, 1)
    )


def _fed(command: str, text: str | None) -> str:
    return f"{command} </dev/null" if text is None else f"printf %s {line([text])} | {command}"


def failed(said: str) -> tuple[int, str] | None:
    """Return which command of :func:`steps` or :func:`batch` failed, from 0, and its words.

    Args:
        said: the end of what the script wrote to its standard error.
    """
    words, _, number = said.rpartition("failed ")
    return (int(number) - 1, words.strip()) if number.strip().isdigit() else None


def best_effort(commands: Iterable[Sequence[str]]) -> str:
    """Return the lines that run commands whatever each comes to; none may hang."""
    return "".join(f"timeout 10 {line(argv)} >/dev/null 2>&1\n" for argv in commands)


def ask(questions: Mapping[str, str]) -> str:
    """Return the script that runs some shell lines, what each says being told apart.

    Args:
        questions: shell lines, which must not depend on anybody's input, by name.
    """
    each = (f"echo '{MARK}{name}'; {{ {text}; }} 2>/dev/null\n" for name, text in questions.items())
    return "".join(each) + "true\n"  # a question that cannot be answered has an empty answer


def answers(said: str) -> dict[str, str]:
    """Return what each question of :func:`ask` got, by name."""
    parts = said.split(MARK)[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}

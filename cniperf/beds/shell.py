"""The one place where words become shell text: at the edge of a host that is reached by SSH.

Everything else uses argv lists. A word is quoted once, here, so that no name of a device, a
pod or a file is ever read as a command.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from cniperf.beds.answer import Answer
from cniperf.errors import ParameterError

MARK = "#~ cniperf "  # begins the line before each part of what :func:`ask` prints
DONE = "#~ done "  # begins the line after it, with its exit code


def line(argv: Sequence[str]) -> str:
    """Return a command as one line of a POSIX shell.

    Raises:
        ParameterError: a word has a zero byte, which no command can be given.
    """
    if any("\0" in word for word in argv):
        raise ParameterError(f"a zero byte cannot be part of a command: {argv[0]!r}")
    return shlex.join(argv)


def steps(commands: Iterable[Sequence[str]], count: str = "/dev/null") -> str:
    """Return the script that runs commands in order, up to the first that fails.

    It ends with code 9, and its last line names the step: ``failed 3``, counted from 1.

    Args:
        commands: what to run.
        count: file for how many were run; that which fails is none of them.
    """
    head = (
        f"n=0; c={line([count])}\n"
        'step() { n=$((n+1)); echo $n >"$c"; "$@" && return; '
        'echo $((n-1)) >"$c"; printf "\\nfailed %s\\n" "$n" >&2; exit 9; }\n'
    )
    return head + "".join(f"step {line(argv)}\n" for argv in commands)


def batch(commands: Iterable[tuple[Sequence[str], str | None]]) -> str:
    """Return the script that runs commands as :func:`steps` does, each with a text to read.

    The output of each ends with a zero byte.
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
    """Return the lines that run commands whatever their exit codes; none may hang."""
    return "".join(f"timeout 10 {line(argv)} >/dev/null 2>&1\n" for argv in commands)


def best_effort_of(commands: Iterable[tuple[int, Sequence[str]]], count: str) -> str:
    """Return the lines that undo, each in the same way, what :func:`steps` has done.

    A rejected step must not remove what was there before it.

    Args:
        commands: each with the number of the step that it undoes.
        count: file that has how many were done.
    """
    head = f"n=$(cat {line([count])} 2>/dev/null)\n"
    each = (f'[ "${{n:-0}}" -ge {number} ] && {best_effort([argv])}' for number, argv in commands)
    return head + "".join(each)


def ask(questions: Mapping[str, str]) -> str:
    """Return the script that runs some shell lines and separates their outputs.

    Args:
        questions: shell lines, which must not depend on any input, by name.
    """
    each = (
        f"{line(['echo', MARK + name])}\n"
        f"e=$({{ {{ {text}\n}} 2>&1 >&3 3>&- </dev/null; }}); s=$?\n"
        f"printf '\\n{DONE}%s\\n%s\\n' $s \"$e\"\n"
        for name, text in questions.items()
    )
    return "exec 3>&1\n" + "".join(each) + "true\n"


def answers(said: str, host: str, questions: Mapping[str, str]) -> dict[str, Answer]:
    """Return what each question of :func:`ask` got, by name.

    Args:
        said: what the script printed.
        host: name of the host that ran it.
        questions: as they were asked.

    Raises:
        OddAnswer: a question has no answer at all.
    """
    parts = dict(part.partition("\n")[::2] for part in said.split(MARK)[1:])
    found = {}
    for name, command in questions.items():
        text, ended, rest = parts.get(name, "").partition(f"\n{DONE}")
        code, _, error = rest.partition("\n")
        if not ended or not code.isdigit():
            raise Answer(host, command, text).odd("was not answered")
        found[name] = Answer(host, command, text, int(code), error.strip())
    return found


# ── any account's shell ───────────────────────────────────────────────────────────────────────

EATEN = 97  # exit code of the reader: another program has read the script, or it was cut

# Reads a script between two lines that are the token, then runs it; what follows is the script's to
# read. `read` takes byte by byte, so nothing of that is lost. No word of it means something else to
# csh or fish. A script that was cut is not run, nor one of which a profile has read the begin.
_READER = (
    'IFS= read -r l; [ "$l" = {token} ] || exit {eaten}; n=$(printf "\\nx"); n=${{n%x}}; '
    "while IFS= read -r l; do "
    '[ "$l" = {token} ] && {{ eval "$s"; exit; }}; s=$s$l$n; done; exit {eaten}'
)


def reader(prefix: Sequence[str], token: str) -> str:
    """Return the line, for whichever shell an account has, that starts a POSIX shell.

    That shell runs the script that :func:`sent` returns. The account's own shell gets no word of
    the script, and its exit leaves no process behind.

    Args:
        prefix: words before the shell's own: ``sudo``.
        token: a word that nothing on the host prints by itself.
    """
    return "exec " + line(
        ["env", "LC_ALL=C", *prefix, "sh", "-c", _READER.format(token=token, eaten=EATEN)]
    )


def sent(script: str, token: str) -> str:
    """Return what the shell of :func:`reader` is sent to run a script."""
    return f"{token}\n{script.rstrip()}\n{token}\n"


def framed(script: str, token: str) -> str:
    """Return a script that marks begin and end of what another prints, for :func:`between`."""
    return (
        f"echo {token} begin; echo {token} begin >&2\n(\n{script}\n)\ns=$?\n"
        f"printf '\\n{token} end %s\\n' $s; printf '\\n{token} end %s\\n' $s >&2; exit $s"
    )


def between(said: str, token: str) -> tuple[str, int] | None:
    """Return what a script printed, and its exit code; None where it did not begin or end.

    What the account's shell printed before and after is left out.
    """
    _, began, rest = said.partition(f"{token} begin\n")
    text, ended, code = rest.rpartition(f"\n{token} end ")
    code = code.partition("\n")[0]
    return (text, int(code)) if began and ended and code.isdigit() else None

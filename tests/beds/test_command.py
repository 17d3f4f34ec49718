"""What is told of a command that fails: one line, its first cause, within a bound."""

import sys

import pytest

from cniperf.beds.command import CommandFailed, run

CHAIN = 'chain p0_egress { type filter hook egress device "eth0" priority -450; }'
NFT = "".join(
    f"/dev/stdin:{n}:7-15: Error: Could not process rule: Operation not supported\n{CHAIN}\n"
    "      ^^^^^^^^^\n"
    for n in range(5, 30)
)  # fmt: skip


def failure(said: str) -> str:
    """What is told of a command that prints this and fails."""
    code = "import sys; sys.stderr.write(sys.stdin.read()); sys.exit(1)"
    with pytest.raises(CommandFailed) as told:
        run([sys.executable, "-c", code], text=said)
    assert told.value.said == said
    return str(told.value)


def test_a_complaint_of_many_lines_becomes_its_first_cause():
    assert len(NFT) > 3000
    told = failure(NFT)
    first = "/dev/stdin:5:7-15: Error: Could not process rule: Operation not supported"
    assert told.endswith(f"failed: {first} (and 49 more lines)")


def test_a_short_one_stays_whole_but_for_what_only_points():
    told = failure("Error: syntax error\nchain x {\n      ^^^~~~\n")
    assert told.endswith("failed: Error: syntax error chain x {")


@pytest.mark.parametrize(
    ("said", "cause"),
    [("warming up\n" * 100 + "fatal: no such datapath\nbye\n", "fatal: no such datapath (and 101 "),
     ("Traceback (most recent call last):\n" + "  File x\n" * 100 + "ValueError: seven\n",
      "failed: ValueError: seven (and 101 "),
     ("x" * 20_000, "x… ".strip())],
)  # fmt: skip
def test_whatever_is_said_the_line_is_short(said, cause):
    told = failure(said)
    assert cause in told and "\n" not in told and len(told) < 600


def test_a_long_command_of_many_lines_is_named_by_its_begin():
    with pytest.raises(CommandFailed) as told:
        run(["sh", "-c", "exit 3\n" + "# and so on\n" * 1000])
    assert "\n" not in str(told.value) and len(str(told.value)) < 300
    assert str(told.value).startswith("`sh -c 'exit 3 # and so on")

"""The quoting edge: whatever a word holds, the program gets it as it is and the shell runs nothing."""

import json
import subprocess
import sys
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cniperf.beds import shell
from cniperf.beds.answer import OddAnswer
from cniperf.errors import ParameterError

SHOW = [sys.executable, "-S", "-c", "import json, os, sys; print(json.dumps(sys.argv[1:]))"]

HOSTILE = ["eth0; touch {}", "$(touch {})", "`touch {}`", "a\ntouch {}\n", "' ; touch {} ; '",
           '" ; touch {} ; "', "\\'; touch {}", "&& touch {}", "| touch {}", "> {}", "~", "*", "!!",
           "-n", "", "é 中 \u2028", "\udc80"]  # fmt: skip

words = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40)
nasty = st.text(st.sampled_from(list("'\"\\$`;&|<>()!*?~#\n\t {}[]=^%-a")), max_size=30)
argvs = st.lists(words | nasty, min_size=1, max_size=4)


def run(script: str) -> str:
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


@settings(max_examples=60, deadline=None)
@given(st.lists(words | nasty, min_size=1, max_size=8))
def test_a_real_shell_hands_over_every_word_as_it_is(argv):
    assert json.loads(run(shell.line([*SHOW, *argv]))) == argv


@settings(max_examples=40, deadline=None)
@given(st.lists(argvs, min_size=1, max_size=3))
def test_the_steps_of_a_plan_hand_over_every_word_as_it_is(commands):
    said = run(shell.steps([[*SHOW, *argv] for argv in commands]))
    assert [json.loads(line) for line in said.splitlines()] == commands


@settings(max_examples=40, deadline=None)
@given(argvs)
def test_a_line_within_a_line_is_quoted_for_both_shells(argv):
    inner = shell.line([*SHOW, *argv])
    assert json.loads(run(shell.line(["sh", "-c", inner]))) == argv


@pytest.mark.parametrize("form", [form for form in HOSTILE if "{}" in form])
def test_nothing_hostile_is_run(form, tmp_path):
    bait = tmp_path / "bait"
    word = form.format(bait)
    for script in (shell.line([*SHOW, word]), shell.steps([[*SHOW, word]]),
                   shell.best_effort([[*SHOW, word]])):  # fmt: skip
        run(script)
        assert not bait.exists()


def test_a_zero_byte_is_refused():
    with pytest.raises(ParameterError, match="zero byte"):
        shell.line(["ip", "a\0b"])


def test_the_first_step_that_fails_is_named_and_ends_it(tmp_path):
    after = tmp_path / "after"
    script = shell.steps([["true"], ["sh", "-c", "echo no >&2; exit 3"], ["touch", str(after)]])
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr.split()) == (9, ["no", "failed", "2"])
    assert not after.exists()


def test_an_answer_is_found_by_its_question_with_its_code_and_its_error():
    asked = {"a": "echo 1; echo 2", "b": "false", "c": "no-such-command", "d": "echo 4; echo w >&2",
             "an e's \"name\"": "echo 5",
             "e": "cat"}  # fmt: skip
    found = shell.answers(run(shell.ask(asked)), "gamma", asked)
    assert {name: (each.text, each.code) for name, each in found.items()} == {
        "a": ("1\n2\n", 0), "b": ("", 1), "c": ("", 127), "d": ("4\n", 0), "an e's \"name\"": ("5\n", 0), "e": ("", 0)}  # fmt: skip
    assert found["d"].error == "w" and "not found" in found["c"].error
    with pytest.raises(OddAnswer, match="host gamma: `echo 9` was not answered"):
        shell.answers(run(shell.ask(asked)), "gamma", {**asked, "z": "echo 9"})


@settings(max_examples=25, deadline=None)
@given(argvs, words | nasty, st.integers(0, 255))
def test_a_script_is_read_whole_and_what_it_prints_is_found_between_noise(argv, text, code):
    """The reader is run by each shell that an account may have."""
    script = f"{shell.line([*SHOW, *argv])}\ncat\nexit {code}"
    sent = shell.sent(shell.framed(script, "t0ken"), "t0ken") + text
    for account in [name for name in ("sh", "bash", "csh", "tcsh", "fish") if which(name)]:
        words = [account, "-c", "echo noise; " + shell.reader([], "t0ken")]
        done = subprocess.run(words, input=sent.encode(), capture_output=True, timeout=20)
        found = shell.between(done.stdout.decode(), "t0ken")
        assert found == (json.dumps(argv) + "\n" + text, code), account


def test_a_script_that_was_cut_is_not_run(tmp_path):
    bait = tmp_path / "bait"
    words = ["sh", "-c", shell.reader([], "t0ken")]
    sent = shell.sent(f"touch {bait}\ntouch {bait}", "t0ken").splitlines(keepends=True)
    for cut in (sent[:-1], sent[:-2], sent[1:], sent[2:], []):
        done = subprocess.run(words, input="".join(cut), capture_output=True, text=True)
        assert done.returncode == shell.EATEN and not bait.exists()


def test_only_what_was_done_is_taken_back(tmp_path):
    """What a refused step would have made may be somebody's own, as a docker0 is."""
    count, undone = tmp_path / "count", tmp_path / "undone"
    subprocess.run(["sh", "-c", shell.steps([["true"], ["true"], ["false"], ["true"]], str(count))],
                   check=False, capture_output=True)  # fmt: skip
    back = [(n, ["sh", "-c", f"echo {n} >>{undone}"]) for n in (4, 3, 2, 1)]
    run(shell.best_effort_of(back, str(count)) + "true")
    assert undone.read_text() == "2\n1\n"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(argvs, st.none() | words | nasty), max_size=3))
def test_a_batch_hands_over_every_word_and_text_as_it_is(calls):
    show = [sys.executable, "-S", "-c", "import json, sys; "
            "print(json.dumps([sys.argv[1:], sys.stdin.buffer.read().decode()]))"]  # fmt: skip
    said = run(shell.batch([([*show, *argv], text) for argv, text in calls]))
    parts = said.split("\0")
    assert parts.pop() == ""
    assert [json.loads(part) for part in parts] == [[argv, text or ""] for argv, text in calls]


@pytest.mark.parametrize("text", [None, "a text\n"])
def test_the_first_of_a_batch_that_fails_is_named_and_ends_it(text, tmp_path):
    after = tmp_path / "after"
    script = shell.batch([(["true"], text), (["sh", "-c", "echo no >&2; exit 3"], text),
                          (["touch", str(after)], text)])  # fmt: skip
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (9, "\0")
    assert shell.failed(done.stderr) == (1, "no")
    assert not after.exists()
    assert shell.failed("ended otherwise") is None

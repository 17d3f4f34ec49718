"""Commands on hosts whose accounts have other shells, noisy profiles, or a sudo that refuses."""

import pytest
from accounts import RULE, server

from cniperf.beds.command import CommandFailed
from cniperf.beds.ssh import sessions
from cniperf.beds.ssh.connection import HostLost
from cniperf.beds.ssh.remote import Remote
from cniperf.beds.ssh.survey import survey
from cniperf.errors import CniperfError, NotAble

pytestmark = [pytest.mark.lab, pytest.mark.root]

HOSTILE = 'a\'b "c" $d `e` !f \\g\n#h; *?~[i] é\n'
NOISE = "echo out of the profile\n"
LOUD = f"{NOISE}echo err >&2\n"
ACCOUNTS = {
    "sh": {"login": "/bin/sh"},
    "csh": {"login": "/bin/csh", "profile": {".cshrc": NOISE, ".logout": NOISE}},
    "tcsh": {"login": "/usr/bin/tcsh", "profile": {".tcshrc": NOISE}},
    "fish": {"login": "/usr/bin/fish", "profile": {".config/fish/config.fish": NOISE}},
    "bash": {"login": "/bin/bash", "profile": {".bashrc": LOUD, ".bash_logout": LOUD}},
    "aliases": {"login": "/bin/bash",
                "profile": {".bashrc": "shopt -s expand_aliases; alias sh=false ip=false env=false"
                            "\nIFS=b; set -u; export LC_ALL=xx POSIXLY_CORRECT=1"}},
}  # fmt: skip


@pytest.fixture(params=["root", "tester"])
def user(request):
    return request.param


@pytest.mark.parametrize("account", ACCOUNTS)
def test_whatever_an_accounts_shell_is_and_prints_an_answer_is_the_commands_own(
    account, user, tmp_path
):
    with server(user=user, **ACCOUNTS[account]) as machine:
        remote = Remote(machine)
        try:
            remote.open()
            assert remote.run("id -u") == "0\n"
            assert remote.command(["printf", "%s", HOSTILE]) == HOSTILE
            assert remote.command(["cat"], text=HOSTILE) == HOSTILE
            calls = [(["printf", "%s", HOSTILE], None), (["cat"], HOSTILE)]
            assert remote.commands(calls) == [HOSTILE, HOSTILE]
            assert {"lo"} <= set(survey(remote).devices)
            with pytest.raises(CommandFailed, match=r"^host gamma: `sh -c .*` failed: no$"):
                remote.command(["sh", "-c", "echo no >&2; exit 3"])
            talk = remote.talk(["cat"])
            assert [talk("one"), talk("two")] == ["one", "two"]
            talk.close()
            process = remote.start(["printf", HOSTILE], None, str(tmp_path), str(tmp_path / "out"))
            assert process.wait() == 0
            whole = bytes(range(256)) * 300
            (tmp_path / "whole").write_bytes(whole)
            remote.get(str(tmp_path / "whole"), tmp_path / "copy")
            assert (tmp_path / "copy").read_bytes() == whole
        finally:
            remote.close()


def told(error, **account) -> str:
    """The one line that opening such a host ends with."""
    with server(**account) as machine:
        remote = Remote(machine)
        with pytest.raises(error) as problem:
            remote.open()
        remote.close()
    assert "\n" not in str(problem.value) and len(str(problem.value)) < 400
    return str(problem.value)


def test_a_profile_that_ends_the_shell_is_shown():
    bashrc = {".bashrc": "echo maintenance until noon; exit 5\n"}
    said = told(CniperfError, login="/bin/bash", profile=bashrc)
    assert said.startswith("host gamma: `sh` failed: the account's shell did not start it, but")
    assert "maintenance until noon" in said


def test_a_profile_that_reads_the_script_is_named():
    said = told(CniperfError, login="/bin/bash", profile={".bashrc": "read -r answer\n"})
    assert said == "host gamma: `sh` failed: the account's profile reads what the shell was to read"


@pytest.mark.parametrize(
    ("sudoers", "says", "mend"),
    [
        (f"Defaults requiretty\n{RULE}", "you must have a tty", "!requiretty"),
        ("tester ALL=(ALL) ALL\n", "a password is required", "allow it NOPASSWD"),
        ("tester ALL=(ALL) NOPASSWD: /bin/true\n", "", "NOPASSWD"),
        ("", "", "NOPASSWD"),
    ],
)
def test_a_sudo_that_refuses_is_answered_with_what_mends_that(sudoers, says, mend):
    said = told(NotAble, login="/bin/bash", sudoers=sudoers, profile={".bashrc": LOUD})
    assert said.startswith("host gamma: tester is not root, and sudo rejects the command (sudo: ")
    assert says in said and mend in said
    assert "profile" not in said
    if "requiretty" in sudoers:
        assert "NOPASSWD" not in said


# ── sessions ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("most", [1, 2, 10])
def test_more_sessions_than_a_connection_allows(most, tmp_path):
    with server(user="root", conf=f"MaxSessions {most}\nMaxStartups 100") as machine:
        remote = Remote(machine)
        try:
            remote.open()
            shares = remote.reserve(14)
            assert sum(shares) >= 14 and shares[0] == min(most, 14)
            running = [
                remote.start(["sleep", "60"], None, str(tmp_path), str(tmp_path / f"out{n}"))
                for n in range(12)
            ]
            assert remote.run("echo there is room") == "there is room\n"
            for process in running:
                process.terminate()
            assert all(process.ended(within=5) for process in running)
        finally:
            remote.close()


def test_a_session_that_ended_makes_room_for_the_next():
    with server(user="root", conf="MaxSessions 1") as machine:
        remote = Remote(machine)
        try:
            remote.open()
            for _ in range(50):
                remote.run("true")
            assert len(remote.reserve(1)) == 1
        finally:
            remote.close()


def test_without_a_reservation_too(tmp_path):
    with server(user="root", conf="MaxSessions 3") as machine:
        remote = Remote(machine)
        try:
            remote.open()
            for n in range(7):
                remote.start(["sleep", "60"], None, str(tmp_path), str(tmp_path / f"out{n}"))
            assert remote.alive and remote.run("echo yes") == "yes\n"
        finally:
            remote.close()


def test_a_server_that_allows_no_session_is_named():
    said = told(HostLost, user="root", conf="MaxSessions 0")
    assert said.startswith("host gamma allows no session on a connection: see MaxSessions")


def test_more_connections_than_are_sensible_are_an_error_before_anything_runs(monkeypatch):
    with server(user="root", conf="MaxSessions 1") as machine:
        remote = Remote(machine)
        remote.open()
        monkeypatch.setattr(sessions, "CONNECTIONS", 2)
        with pytest.raises(NotAble, match="2 connections are not enough: raise MaxSessions"):
            remote.reserve(5)
        remote.close()

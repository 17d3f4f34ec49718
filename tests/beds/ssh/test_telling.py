"""What SSH's own files say is foreign, too: each damage is one line about the host."""

import base64

import pytest
from damage import damaged_lines, ssh_config

from cniperf.beds.ssh.connection import HostLost, connect, telling
from cniperf.beds.ssh.remote import Remote
from cniperf.inventory import Machine

NOWHERE = " HostName 127.0.0.1\n Port 1\n"
KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(range(32))).decode()
OTHER = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode()


def machine(**given):
    return Machine(
        **{"name": "alpha", "ssh": "foo", "nic": "eth1", "address": "10.0.0.1/24", **given}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'Host "foo\n', "Unparsable host"), (b"Hostfoo\n", "Unparsable line Hostfoo"),
        (b"# caf\xe9\n", "it is no UTF-8"), (b"Host foo\n Port abc\n", "'abc' is no number"),
        (b"Host foo\n ConnectTimeout abc\n", "'abc' is no number"),
        (b"Host foo\n ForwardAgent xx\n", "'xx' is not allowed"),
        (b'Host foo\n ProxyCommand "unclosed\n', "No closing quotation"),
        (b"Host *\n ProxyJump bar\n", "cannot be reached|is its own ProxyJump"),
        (b"Host foo\n HostName a..b\n", "a part of a host name is empty"),
        (b"CanonicalizeHostname yes\nCanonicalizeFallbackLocal no\nCanonicalDomains \n",
         "not usable|cannot be reached"),
        (b"CanonicalizeHostname yes\nCanonicalizeMaxDots abc\n", "'abc' is no number"),
    ],
    ids=lambda value: ascii(value)[:40],
)  # fmt: skip
def test_a_damaged_config_is_a_line_about_the_host(tmp_path, monkeypatch, text, said):
    monkeypatch.setenv("HOME", str(tmp_path))
    ssh_config(tmp_path, text + b"Host foo bar\n" + NOWHERE.encode())
    with pytest.raises(HostLost, match=said) as told:
        Remote(machine()).open()
    assert str(told.value).startswith("host alpha (foo)") and str(told.value).isprintable()


@pytest.mark.parametrize("problem", [ValueError("x"), KeyError("x"), RecursionError("deep"),
                                     UnicodeError("idna"), EOFError(), OSError(5, "x")])  # fmt: skip
def test_whatever_paramiko_raises_is_a_line(problem):
    with pytest.raises(HostLost, match=r"^host alpha \(foo\)"), telling(machine()):
        raise problem


def known(folder, monkeypatch, content, **given):
    """The keys that a connection takes for foo's."""
    monkeypatch.setenv("HOME", str(folder))
    ssh_config(folder, b"Host foo\n" + NOWHERE.encode())
    (folder / ".ssh/known_hosts").write_bytes(content)
    return connect(machine(**given)).client.get_host_keys().lookup("foo") or {}


@pytest.mark.parametrize("junk", [b"\xff junk\n", b"foo ssh-ed25519 A\n", b"foo ssh-ed25519 AAAA\n",
                                  b"@revoked\n", b"|1|x|y ssh-rsa AAAA\n", b"\0\n", b"foo\n",
                                  b"foo ssh-rsa \xc3\xa9\n"])  # fmt: skip
def test_a_damaged_line_of_known_hosts_takes_no_other_with_it(tmp_path, monkeypatch, junk):
    good = f"bar,foo ssh-ed25519 {KEY} caf\u00e9\nfoo ssh-ed25519 {OTHER}\n".encode("latin-1")
    found = known(tmp_path, monkeypatch, junk + good + junk)
    assert found["ssh-ed25519"].get_base64() == KEY  # the first one counts


def test_known_hosts_that_are_no_file_are_not_read_for_ever(tmp_path, monkeypatch):
    with pytest.raises(
        HostLost, match="host alpha: cannot read its known_hosts /dev/zero: it is no"
    ):
        known(tmp_path, monkeypatch, b"", known_hosts="/dev/zero")
    assert known(tmp_path, monkeypatch, b"", known_hosts=str(tmp_path / "none")) == {}


CONFIG = """Host foo
 HostName 127.0.0.1
 Port 1
 User root
 ConnectTimeout 3
 ForwardAgent no
 IdentityFile ~/.ssh/id
 UserKnownHostsFile ~/.ssh/known_hosts
 ProxyCommand true
Host bar
 ProxyJump foo
"""


def test_a_damaged_config_is_refused_in_a_line_or_read(tmp_path, monkeypatch, trials):
    monkeypatch.setenv("HOME", str(tmp_path))
    dice, refused = trials.dice(6), 0
    for _ in trials.of(150):
        ssh_config(tmp_path, damaged_lines(CONFIG, dice))
        try:
            with telling(machine()):
                connect(machine(ssh=dice.choice(["foo", "bar"])))
        except HostLost as problem:
            assert str(problem).isprintable() and len(str(problem)) <= 2000
            refused += 1
    assert refused > 20 * trials.times


def test_a_damaged_known_hosts_is_refused_in_a_line_or_read(tmp_path, monkeypatch, trials):
    dice = trials.dice(7)
    for _ in trials.of(150):
        text = f"foo,bar ssh-ed25519 {KEY}\n" * 3
        known(tmp_path, monkeypatch, damaged_lines(text, dice))

"""Who is let in to a host by SSH, and what is said where nobody is."""

import socket
import subprocess
from contextlib import ExitStack, contextmanager

import pytest
from rehearsed import refused, transports, wait_for

from cniperf.beds.ssh.connection import HostLost
from cniperf.beds.ssh.rehearsal import RUN
from cniperf.beds.ssh.remote import Remote
from cniperf.beds.ssh.sshd import SSHD, make_keys, settings
from cniperf.inventory import Machine

pytestmark = pytest.mark.lab


def test_a_wrong_key(rehearsal, looks):
    other = rehearsal.folder / "other"
    other.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    refused(rehearsal, HostLost, "host beta rejects the login as root@beta", key=str(other))


def test_a_key_of_the_host_that_nobody_has_accepted(rehearsal, looks, tmp_path):
    nobody = tmp_path / "known_hosts"
    nobody.write_text("")
    refused(rehearsal, HostLost, "is not known; if it is right, accept it: ssh -o Strict",
            known_hosts=str(nobody))  # fmt: skip


def test_a_key_of_the_host_that_has_changed(rehearsal, looks, tmp_path):
    wrong = tmp_path / "known_hosts"
    words = (rehearsal.folder / "known_hosts").read_text().splitlines()[0].split()
    wrong.write_text(f"beta {words[1]} {words[2]}\n")  # alpha's
    refused(
        rehearsal, HostLost, "its key differs from the key in known_hosts", known_hosts=str(wrong)
    )


def test_a_wrong_port_and_a_host_that_is_down(rehearsal, looks):
    refused(rehearsal, HostLost, r"host beta \(root@127.0.0.1:1\) cannot be reached",
            ssh="127.0.0.1", port=1, proxy_command="")  # fmt: skip
    refused(rehearsal, HostLost, "host beta .* cannot be reached", proxy_command="false")


# ── ~/.ssh/config, and hosts that are jumped over ─────────────────────────────────────────────


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose settings name two SSH servers on loopback: a bastion, and a host behind it."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir(mode=0o700)
    make_keys(ssh, ["bastion", "gamma"])
    monkeypatch.setenv("HOME", str(tmp_path))
    with ExitStack() as stack:
        if not RUN.exists():
            RUN.mkdir(mode=0o755)
            stack.callback(RUN.rmdir)
        for name in ("bastion", "gamma"):
            stack.enter_context(served(ssh, name))
        yield ssh


@contextmanager
def served(ssh, name):
    """Run a server on a free port of loopback, and write it down as a user would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = ssh / f"{name}.conf"
    conf.write_text(settings(ssh / name, ssh / "authorized_keys", {}))
    words = ["-D", "-f", conf, "-E", ssh / f"{name}.log", "-o", "LogLevel=INFO",
             "-o", f"ListenAddress=127.0.0.1:{port}"]  # fmt: skip
    (ssh / f"{name}.log").touch()
    with (ssh / "config").open("a") as config:
        config.write(f"Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  User root\n")
        config.write(f"  IdentityFile {ssh}/user\n")
    with (ssh / "known").open("a") as known:
        known.write(f"[127.0.0.1]:{port} {(ssh / f'{name}.pub').read_text()}")
    server = subprocess.Popen([SSHD, *words])
    try:
        assert wait_for(lambda: "Server listening" in (ssh / f"{name}.log").read_text())
        yield
    finally:
        server.terminate()
        server.wait()


def accept_keys(ssh, *lines):
    """Let the user know the keys of some of the two servers; return both lines."""
    known = (ssh / "known").read_text().splitlines(keepends=True)
    (ssh / "known_hosts").write_text("".join(known[line] for line in lines))
    return known


def open_gamma(ssh, where):
    """Reach the host as its entry and the user's settings say, and leave it."""
    if where == "~/.ssh/config":
        with (ssh / "config").open("a") as config:
            config.write("  ProxyJump bastion\n")
    jump = "bastion" if where == "hosts file" else ""
    remote = Remote(Machine(name="gamma", ssh="gamma", jump=jump, nic="eth1",
                            address="192.168.20.44/24"))  # fmt: skip
    before = len(transports())
    try:
        remote.open()
        return remote.run("echo it is me")
    finally:
        remote.close()
        assert wait_for(lambda: len(transports()) == before), (
            "a connection to the jump host lives on"
        )


@pytest.mark.parametrize("where", ["hosts file", "~/.ssh/config", "not at all"])
def test_a_host_is_reached_as_the_users_settings_say_and_over_a_jump_host(home, where):
    accept_keys(home, *([1] if where == "not at all" else [0, 1]))
    assert open_gamma(home, where) == "it is me\n"
    jumped = "Accepted publickey" in (home / "bastion.log").read_text()
    assert jumped is (where != "not at all")


@pytest.mark.parametrize("where", ["hosts file", "~/.ssh/config"])
def test_a_jump_hosts_key_that_nobody_has_accepted(home, where):
    """fabric by itself takes any: who sits in between could have been anybody."""
    port = accept_keys(home, 1)[0].split("]:")[1].split()[0]
    with pytest.raises(HostLost, match=r"host gamma: its jump host 127.0.0.1's key") as told:
        open_gamma(home, where)
    accept = str(told.value).rpartition("accept it: ")[2]
    assert accept == f"ssh -o StrictHostKeyChecking=accept-new ssh://root@127.0.0.1:{port} true"
    assert "Accepted" not in (home / "bastion.log").read_text()
    as_home = ["-F", home / "config", "-i", home / "user",
               "-o", f"UserKnownHostsFile={home}/known_hosts"]  # fmt: skip
    subprocess.run(["ssh", *as_home, *accept.split()[1:]], check=True)
    assert open_gamma(home, "hosts file") == "it is me\n"

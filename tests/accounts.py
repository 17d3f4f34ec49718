"""An SSH server with accounts that this machine does not have: other shells, profiles, rules of sudo.

The server sees its own /etc/passwd, /etc/shadow and /etc/sudoers, in a mount namespace of its own.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from conftest import cannot_here
from rehearsed import wait_for

from cniperf.beds.ssh.sshd import SSHD, make_keys, settings
from cniperf.inventory import Machine

UID = 4242
RULE = "tester ALL=(ALL) NOPASSWD: ALL\n"


@contextmanager
def server(
    *,
    user: str = "tester",
    login: str = "/bin/sh",
    profile: Mapping[str, str] | None = None,
    sudoers: str = RULE,
    conf: str = "",
    sftp: bool = False,
    listen: str = "",
    enter: tuple[str, ...] = (),
) -> Iterator[Machine]:
    """Serve one account on loopback, or at an address of a namespace.

    Args:
        user: ``tester`` or ``root``.
        login: its shell.
        profile: files of its home.
        sudoers: the rules of sudo.
        conf: more settings of the server.
        sftp: whether it has that subsystem.
        listen: address and port; a free port of loopback if not given.
        enter: words that run a command in another network namespace.
    """
    for program in (Path(login).name, "sudo"):
        if which(program) is None:
            cannot_here(f"no {program}")
    run = Path("/run/sshd")  # sshd wants it; Debian's init makes it
    made = not run.exists()
    run.mkdir(mode=0o755, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="cniperf-accounts-"))
    try:
        folder.chmod(0o755)
        machine = _prepare(folder, user, login, profile or {}, sudoers, conf, sftp, listen)
        mounts = "".join(
            f"mount --bind {folder}/{name} /etc/{name} && "
            for name in ("passwd", "shadow", "sudoers")
        )
        words = [*enter, "unshare", "--mount", "sh", "-c",
                 f"{mounts}exec {SSHD} -D -f {folder}/conf -E {folder}/log"]  # fmt: skip
        served = subprocess.Popen(words)
        try:
            log = folder / "log"
            assert wait_for(lambda: log.exists() and "Server listening" in log.read_text())
            yield machine
        finally:
            served.terminate()
            served.wait()
    finally:
        shutil.rmtree(folder)
        if made:
            run.rmdir()


def _prepare(folder, user, login, profile, sudoers, conf, sftp, listen) -> Machine:
    make_keys(folder, ["gamma"])
    home = folder / "home"
    home.mkdir()
    for name, text in profile.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    uid = 0 if user == "root" else UID
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid)
    line = f"{user}:x:{uid}:{uid}::{home}:{login}\n"
    others = [own for own in Path("/etc/passwd").read_text(encoding="utf-8").splitlines(keepends=True)
              if not own.startswith(f"{user}:")]  # fmt: skip
    (folder / "passwd").write_text(line + "".join(others))
    (folder / "shadow").write_text(f"root:*:19000:0:99999:7:::\n{user}:*:19000:0:99999:7:::\n")
    (folder / "shadow").chmod(0o600)
    (folder / "sudoers").write_text(f"root ALL=(ALL) ALL\n{sudoers}")
    (folder / "sudoers").chmod(0o440)
    address, _, port = (listen or f"127.0.0.1:{_free()}").rpartition(":")
    own = settings(folder / "gamma", folder / "authorized_keys", {}).replace("SHLVL=1", "A=b")
    own = own.replace("LogLevel QUIET", "LogLevel INFO")
    if not sftp:
        own = own.replace("Subsystem sftp internal-sftp\n", "")
    (folder / "conf").write_text(f"{conf}\nListenAddress {address}:{port}\n{own}")
    key = (folder / "gamma.pub").read_text()
    (folder / "known_hosts").write_text(f"[{address}]:{port} {key}")
    return Machine(name="gamma", ssh=address, port=int(port), user=user, key=folder / "user",
                   known_hosts=folder / "known_hosts", nic="eth1",
                   address="192.168.20.44/24")  # fmt: skip


def _free() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

"""SSH servers of our own, for hosts that we made: their keys, and the settings of each."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from cniperf.beds.command import run

SSHD = "/usr/sbin/sshd"


def make_keys(folder: Path, hosts: Iterable[str]) -> None:
    """Make a key for each host and one for the user, in a folder that exists.

    Beside ``NAME`` and ``NAME.pub`` of each host and of ``user`` it then has ``authorized_keys``
    and ``known_hosts``, in which the hosts go by their names.
    """
    known = []
    for name in ("user", *hosts):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)])
        kind, key = (folder / f"{name}.pub").read_text(encoding="utf-8").split()[:2]
        known.append(f"{name} {kind} {key}\n")
    (folder / "authorized_keys").write_text(
        (folder / "user.pub").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (folder / "known_hosts").write_text("".join(known[1:]), encoding="utf-8")


def settings(key: Path, authorized: Path, environ: Mapping[str, str]) -> str:
    """Return the settings of a server that lets in root by key alone.

    Args:
        key: file of the server's own key.
        authorized: file of the keys that it lets in.
        environ: variables of what it runs.
    """
    # Debian's bash reads .bashrc for a command that comes by SSH, unless it is an inner shell.
    words = " ".join(f"{name}={value}" for name, value in {**environ, "SHLVL": "1"}.items())
    lines = {
        "HostKey": key,
        "AuthorizedKeysFile": authorized,
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
        "SetEnv": words,
        "LogLevel": "QUIET",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())

"""A connection to a host by SSH, through fabric: trust, end and errors."""

import logging
import os
import re
import select
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf import files
from cniperf.errors import BOUND, CniperfError, one_line

if TYPE_CHECKING:
    from cniperf.inventory import Machine

CONNECT = 10  # seconds
LARGEST = 2**24  # bytes of a file of known hosts
TIMEOUT = 30  # seconds that a command may take


class HostLost(CniperfError):
    """The connection to a host is gone, or could not be made."""


def connect(machine: "Machine") -> Any:  # noqa: ANN401
    """Return a fabric connection, not yet open, that trusts known keys only."""
    import fabric
    from fabric.runners import Remote as FabricRemote
    from paramiko import MissingHostKeyPolicy, ProxyCommand

    class Runner(FabricRemote):  # type: ignore[misc]
        """A runner that ends quickly and leaves no command behind when it is interrupted."""

        input_sleep = 0.001
        read_chunk_size = 65536

        def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
            self.channel.close()
            raise interrupt

    class Refuse(MissingHostKeyPolicy):  # type: ignore[misc]
        """Reject an unknown key, and report how to accept it."""

        def __init__(self, whose: str, accept: str) -> None:
            self._whose, self._accept = whose, accept

        def missing_host_key(self, client: object, hostname: str, key: Any) -> None:  # noqa: ANN401
            raise HostLost(
                f"host {machine.name}: {self._whose} key ({key.get_name()} {key.fingerprint}) "
                f"is not known; if it is right, accept it: {self._accept}"
            )

    class Connection(fabric.Connection):  # type: ignore[misc]
        """A connection that breaks when the command in between ends."""

        def open_gateway(self) -> Any:  # noqa: ANN401
            gateway = super().open_gateway()
            if isinstance(gateway, ProxyCommand):
                gateway.recv = partial(_receive, gateway)
            return gateway

    # One line reports an error; paramiko would also print its tracebacks.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    config = fabric.Config(overrides={"runners": {"remote": Runner}})
    given = {"key_filename": str(machine.key)} if machine.key else {}
    connection = Connection(
        machine.ssh, user=machine.user or None, port=machine.port or None,
        gateway=machine.gateway(), config=config,
        connect_kwargs={**given, "banner_timeout": CONNECT, "auth_timeout": CONNECT},
    )  # fmt: skip
    _trust(connection, machine, Refuse("its", machine.accept()))
    for jump in chain(connection)[1:]:  # fabric would accept any key of a jump host
        accept = machine.accept_jump(jump.user, jump.host, jump.port)
        _trust(jump, machine, Refuse(f"its jump host {jump.host}'s", accept))
    return connection


def chain(connection: Any) -> list[Any]:  # noqa: ANN401
    """Return a connection, and those to the jump hosts that it goes through, the nearest first."""
    import fabric

    found = [connection]
    while isinstance(jump := found[-1].gateway, fabric.Connection):
        found.append(jump)
    return found


def _trust(connection: Any, machine: "Machine", refuse: object) -> None:  # noqa: ANN401
    """Let a connection trust the keys of the machine's file, or the user's own, and no others."""
    connection.connect_timeout = CONNECT
    connection.client.set_missing_host_key_policy(refuse)
    own = connection.ssh_config.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    given, seen = machine.known_hosts, set[tuple[str, str]]()
    for file in [*([str(given)] if given else own), "/etc/ssh/ssh_known_hosts"]:
        try:
            text = files.read(Path(file).expanduser(), LARGEST).decode("utf-8", "replace")
        except (FileNotFoundError, RuntimeError):
            continue  # accepting the key makes it; or the account has no home
        except OSError as problem:
            if file == str(given):
                raise HostLost(f"host {machine.name}: cannot read its known_hosts {file}: "
                               f"{files.reason(problem)}") from None  # fmt: skip
        else:
            _accept(connection.client.get_host_keys(), text, seen)


def _accept(keys: Any, text: str, seen: set[tuple[str, str]]) -> None:  # noqa: ANN401
    """Take down the keys of a known_hosts file; the first of each kind counts.

    paramiko's own way stops at a damaged line, and at a file that the locale cannot read. Here, as
    in ssh, a damaged line is none.
    """
    from paramiko.hostkeys import HostKeyEntry

    for line in text.splitlines():
        entry = None
        if line.strip() and not line.lstrip().startswith("#"):
            with suppress(Exception):
                entry = HostKeyEntry.from_line(line.strip())
        if entry is None or entry.key is None:
            continue
        kind = entry.key.get_name()
        for name in entry.hostnames:
            if (name, kind) not in seen:
                seen.add((name, kind))
                keys.add(name, kind, entry.key)


def _receive(gateway: Any, size: int) -> bytes:  # noqa: ANN401
    """Read from a proxy command; nothing once it has ended.

    paramiko's own way (5.1) continues to read then: it takes a whole CPU, and reports nothing.
    """
    said = gateway.process.stdout
    if not select.select([said], [], [], gateway.timeout)[0]:
        raise TimeoutError
    return os.read(said.fileno(), size)


class telling:  # noqa: N801  reads as a verb
    """Turn SSH's error into one line about the host."""

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: object) -> None:
        if problem is None or isinstance(problem, CniperfError):
            return
        from paramiko import ssh_exception as ssh

        name = f"host {self._machine.name}"
        if isinstance(problem, ssh.BadHostKeyException):
            raise HostLost(
                f"{name}: its key differs from the key in known_hosts: find out why; if the host "
                f"was reinstalled, ssh-keygen -R {self._machine.address_of_key()}, then accept the "
                "new key"
            ) from None
        if isinstance(problem, ssh.AuthenticationException):
            raise HostLost(f"{name} rejects the login as {self._machine.target()}: check user "
                           "and key in the hosts file") from None  # fmt: skip
        settings = (ssh.ConfigParseError, ssh.CouldNotCanonicalize)
        if isinstance(problem, (*settings, ValueError, LookupError, RecursionError)):
            raise HostLost(
                f"{name} ({self._machine.target()}): what ~/.ssh/config or the hosts file says of "
                f"it is not usable: {_words(problem)}; `ssh -G {self._machine.ssh}` shows what ssh "
                "makes of it"
            ) from None
        if isinstance(problem, (ssh.SSHException, OSError, EOFError)):
            words = one_line(str(problem)) or type(problem).__name__
            raise HostLost(
                f"{name} ({self._machine.target()}) cannot be reached: {words}"
            ) from None


def _words(problem: BaseException) -> str:
    """Say in a few words why settings of SSH are not usable."""
    from paramiko.ssh_exception import CouldNotCanonicalize

    said = one_line(str(problem), BOUND) or type(problem).__name__
    if isinstance(problem, RecursionError):
        return "a host is its own ProxyJump"
    if isinstance(problem, UnicodeDecodeError):
        return "it is no UTF-8"
    if isinstance(problem, UnicodeError):
        return "a part of a host name is empty or has more than 63 characters"
    if isinstance(problem, CouldNotCanonicalize):
        return f"CanonicalDomains has no {said}"
    if isinstance(problem, LookupError):
        return f"{said} is not allowed"
    if word := re.match(r"invalid literal for int\(\).*: (.*)", said):
        return f"{word[1]} is no number"
    return said

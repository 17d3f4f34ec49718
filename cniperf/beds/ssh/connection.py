"""A connection to a host by SSH, through fabric: whom it trusts, how it ends, what it tells."""

import logging
import os
import select
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cniperf.errors import CniperfError, one_line

if TYPE_CHECKING:
    from cniperf.inventory import Machine

CONNECT = 10  # seconds
TIMEOUT = 30  # seconds that a command may take


class HostLost(CniperfError):
    """The connection to a host is gone, or could not be made."""


def connect(machine: "Machine") -> Any:  # noqa: ANN401
    """Return a fabric connection, not yet open, that trusts known keys only."""
    import fabric
    from fabric.runners import Remote as FabricRemote
    from paramiko import MissingHostKeyPolicy, ProxyCommand

    class Runner(FabricRemote):  # type: ignore[misc]
        """A runner that neither dawdles nor leaves a command behind when it is interrupted."""

        input_sleep = 0.001
        read_chunk_size = 65536

        def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
            self.channel.close()
            raise interrupt

    class Refuse(MissingHostKeyPolicy):  # type: ignore[misc]
        """Refuse a key that nobody has accepted, and tell how to accept it."""

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

    # What goes wrong is told once, as a line; paramiko would print its tracebacks besides.
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
    files = [str(machine.known_hosts)] if machine.known_hosts else own
    for file in [*files, "/etc/ssh/ssh_known_hosts"]:
        with suppress(OSError):
            connection.client.load_system_host_keys(str(Path(file).expanduser()))


def _receive(gateway: Any, size: int) -> bytes:  # noqa: ANN401
    """Read from a proxy command; nothing once it has ended.

    paramiko's own way (5.1) goes on reading then: it takes a whole CPU, and nobody is told.
    """
    said = gateway.process.stdout
    if not select.select([said], [], [], gateway.timeout)[0]:
        raise TimeoutError
    return os.read(said.fileno(), size)


class telling:  # noqa: N801  reads as a verb
    """Turn what SSH says into one line about the host."""

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
        if isinstance(problem, (ssh.SSHException, OSError, EOFError)):
            words = one_line(str(problem)) or type(problem).__name__
            raise HostLost(
                f"{name} ({self._machine.target()}) cannot be reached: {words}"
            ) from None

"""The hosts file: which machines there are, how each is reached, and which NIC is measured."""

import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from cniperf import spellings
from cniperf.errors import ParameterError, one_line, shown, unknown
from cniperf.words import read_words

CPUS = 8192  # more than Linux can have (CONFIG_NR_CPUS)
MOST = 1000  # characters of a list of them
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("a name of letters, digits, dots, dashes and underscores")
    return text


def _host(text: str) -> str:
    if not all(0 < len(label) < 64 for label in _name(text).removesuffix(".").split(".")):
        raise ValueError("a host name, whose parts between dots have 1 to 63 characters")
    return text


def _command(text: str) -> str:
    import shlex

    try:
        words = shlex.split(spellings.line(text))
    except ValueError as problem:
        raise ValueError(f"a command as a shell takes it: {problem}") from None
    if text and not words:
        raise ValueError("a command, or nothing")
    return text


def _device(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:@-]{1,15}", text):
        raise ValueError("the name of a network device, 15 characters at most")
    return text


def _cidr(text: str) -> str:
    from ipaddress import IPv4Interface

    what = "the IPv4 address of a host with its prefix length, as 192.168.20.42/24"
    try:
        found = IPv4Interface(text).ip
    except ValueError:
        raise ValueError(what) from None
    # A netmask or a wildcard mask would pass, too.
    if not re.search(r"/([1-9]|[12][0-9]|3[0-2])\Z", text):
        raise ValueError(f"{what}: a length from 1 to 32")
    if found.is_unspecified or found.is_multicast or found.is_reserved or found.is_loopback:
        raise ValueError(f"{what}: no host has {found}")
    return text


def _cpus(text: str) -> str:
    if len(text) > MOST or not re.fullmatch(r"(\d+(-\d+)?(,\d+(-\d+)?)*)?", text, re.ASCII):
        raise ValueError("CPUs as 0-3,8")
    for first, last in _ranges(text):
        if not first <= last < CPUS:
            raise ValueError(f"CPUs as 0-3,8, each span upwards and below {CPUS}")
    return text


def _ranges(text: str) -> list[tuple[int, int]]:
    """Return the first and the last CPU of each range."""
    parts = (part.partition("-") for part in text.split(",") if part)
    return [(int(first), int(last or first)) for first, _, last in parts]


def _jump(text: str) -> str:
    user, at, rest = text.rpartition("@")
    host, colon, port = rest.partition(":")
    in_range = not colon or (port.isdecimal() and 0 < int(port) < 65536)
    if not (in_range and all(map(NAME.fullmatch, [host, *([user] if at else [])]))):
        raise ValueError("one host to jump over, as user@host:port")
    _host(host)
    return text


class Machine(BaseModel):
    """One host of the file.

    Attributes:
        name: what the file calls it.
        ssh: host name, address, or a name of ``~/.ssh/config``.
        user, port, key: as ``ssh`` takes them; from ``~/.ssh/config`` where not given.
        jump: ``user@host:port`` to jump over.
        proxy_command: command whose standard input and output lead to the host's SSH server.
        known_hosts: file of accepted keys, in place of the user's own.
        nic: the data interface.
        address: its IPv4 address with the prefix length.
        bare_nic, bare_address: a second data interface, which hostnetwork's turns go over; the
            first one if not given.
        cpus: CPUs that the load runs on, as ``0-3``; all if not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(_name)]
    ssh: Annotated[str, AfterValidator(_host)]
    user: Annotated[str, AfterValidator(lambda text: text and _name(text))] = ""
    port: int = Field(0, ge=0, le=65535)
    key: Annotated[Path | None, AfterValidator(spellings.path)] = None
    jump: Annotated[str, AfterValidator(lambda text: text and _jump(text))] = ""
    proxy_command: Annotated[str, AfterValidator(_command)] = ""
    known_hosts: Annotated[Path | None, AfterValidator(spellings.path)] = None
    nic: Annotated[str, AfterValidator(_device)]
    address: Annotated[str, AfterValidator(_cidr)]
    bare_nic: Annotated[str, AfterValidator(lambda text: text and _device(text))] = ""
    bare_address: Annotated[str, AfterValidator(lambda text: text and _cidr(text))] = ""
    cpus: Annotated[str, AfterValidator(_cpus)] = ""

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        if bool(self.bare_nic) != bool(self.bare_address):
            raise ValueError("bare_nic and bare_address go together: give both, or none")
        if self.bare_nic and self.bare_nic == self.nic:
            raise ValueError(f"bare_nic is a second interface, not {self.nic} again: leave it out")
        return self

    def cpu_list(self) -> tuple[int, ...]:
        """Return the CPUs as numbers; none where none are given."""
        found = {cpu for first, last in _ranges(self.cpus) for cpu in range(first, last + 1)}
        return tuple(sorted(found))

    def target(self) -> str:
        """Return how it is reached, for people."""
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.ssh}" + (f":{self.port}" if self.port else "")

    def address_of_key(self) -> str:
        """Return the name that the host's key is known by, as a word of a shell."""
        import shlex

        return shlex.quote(f"[{self.ssh}]:{self.port}" if self.port not in (0, 22) else self.ssh)

    def accept(self) -> str:
        """Return the command that accepts the host's key."""
        import shlex

        options = self._accepting()
        options += ["-o", f"ProxyCommand={self.proxy_command}"] if self.proxy_command else []
        options += ["-J", self.jump] if self.jump else []
        options += ["-p", str(self.port)] if self.port else []
        options += ["-i", str(self.key)] if self.key else []
        user = f"{self.user}@" if self.user else ""
        return shlex.join(["ssh", *options, f"{user}{self.ssh}", "true"])

    def accept_jump(self, user: str, host: str, port: int) -> str:
        """Return the command that accepts the key of a host that is jumped over."""
        import shlex

        # ssh's options for a host do not apply to the hosts that -J jumps over.
        return shlex.join(["ssh", *self._accepting(), f"ssh://{user}@{host}:{port}", "true"])

    def _accepting(self) -> list[str]:
        known = ["-o", f"UserKnownHostsFile={self.known_hosts}"] if self.known_hosts else []
        return ["-o", "StrictHostKeyChecking=accept-new", *known]

    def gateway(self) -> Any:  # noqa: ANN401
        """Return the gateway as fabric takes it; None where the host is reached directly."""
        if self.proxy_command:
            return self.proxy_command
        if self.jump:
            import fabric

            return fabric.Connection(self.jump)
        return None


class Inventory(BaseModel):
    """A hosts file.

    Attributes:
        hosts: the machines, by name.
        pairs: which of them are measured with each other: the first runs the clients. Every two
            where not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hosts: dict[str, Machine] = Field(min_length=2)
    pairs: tuple[tuple[str, str], ...] = ()

    def all_pairs(self) -> list[str]:
        """Return the pairs to measure, as ``a,b``."""
        return [",".join(pair) for pair in self.pairs or combinations(self.hosts, 2)]

    def pair(self, between: str = "") -> tuple[Machine, Machine]:
        """Return two machines; the first pair where none is named.

        Raises:
            ParameterError: there is no such host, or not two of them.
        """
        names = [name.strip() for name in (between or self.all_pairs()[0]).split(",")]
        for name in names:
            if name not in self.hosts:
                raise ParameterError(unknown("host", name, self.hosts))
        if len(names) != 2 or names[0] == names[1]:
            raise ParameterError(
                f"between={shown(between)} is not allowed: two hosts, as alpha,beta"
            )
        return self.hosts[names[0]], self.hosts[names[1]]


def read_inventory(path: Path) -> Inventory:
    """Read a hosts file.

    Raises:
        ParameterError: it is missing, no YAML, or has something that is not allowed; the text
            names the place, and what is allowed.
    """
    found = read_words(path, "hosts")
    if not isinstance(found, Mapping) or not isinstance(found.get("hosts"), Mapping):
        raise ParameterError(f"{path}: no `hosts:` with at least two hosts by name")
    for name, given in found["hosts"].items():
        if not isinstance(given, Mapping):
            raise ParameterError(f"{path}: host {shown(name)} has no `key: value` lines")
        if "name" in given:
            raise ParameterError(f"{path}: host {shown(name)} has a key name: leave it out")
    hosts = {name: {"name": name, **_given(given, Machine)}
             for name, given in found["hosts"].items()}  # fmt: skip
    try:
        made = Inventory.model_validate({**_given(found, Inventory), "hosts": hosts})
    except ValidationError as problem:
        raise ParameterError(f"{path}: {_explain(problem)}") from None
    for pair in made.all_pairs():
        made.pair(pair)
    addresses = [
        address.split("/")[0] for machine in made.hosts.values()
        for address in (machine.address, machine.bare_address) if address
    ]  # fmt: skip
    if len(set(addresses)) < len(addresses):
        raise ParameterError(f"{path}: two hosts have the same address")
    return made


def _given(mapping: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return what is given of a model; a key of it without a value is not."""
    return {name: value for name, value in mapping.items()
            if value is not None or name not in model.model_fields}  # fmt: skip


def _explain(problem: ValidationError) -> str:
    lines = []
    for error in problem.errors():
        where = ".".join(shown(part).strip("'") for part in error["loc"])
        if error["type"] == "extra_forbidden":
            known = [name for name in Machine.model_fields if name != "name"]
            top = len(error["loc"]) == 1
            within = "" if top else f" of {error['loc'][1]}"
            allowed = Inventory.model_fields if top else known
            lines.append(unknown(f"key{within}", str(error["loc"][-1]), allowed))
        else:
            given = "" if error["type"] == "missing" else f" is {shown(error['input'])}"
            lines.append(f"{where}{given}: {error['msg'].removeprefix('Value error, ')}")
    return one_line("; ".join(lines))

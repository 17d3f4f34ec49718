"""The host's packet filter: ``nft``, in tables of the plan's own."""

from dataclasses import dataclass, field
from typing import Literal

from cniperf.ip import ADDRESS_TYPE, FAMILY, Version
from cniperf.steps.step import Step


def _many(line: str) -> str:
    """Return a shell's loop that gives nft ``line`` for each ``n`` of 1 … ``$1``.

    A loop, so that a person can read a plan of a thousand rules; 500 lines at once, because an
    ordinary user's nft may send no more than ``net.core.wmem_max`` bytes in one message.
    """
    return (
        'n=0; while [ "$n" -lt "$1" ]; do end=$((n+500)); [ "$end" -le "$1" ] || end=$1; '
        f'while [ "$n" -lt "$end" ]; do n=$((n+1)); echo "{line}"; done | nft -f - || exit; '
        "n=$end; done"
    )


# Addresses that no host has, one for each n: of networks that are for benchmarks (RFC 2544,
# appendix C.2.2; RFC 5180, section 8).
UNASKED: dict[Version, str] = {
    4: "198.18.$((n/256)).$((n%256))",
    6: "2001:2::$((n/256)):$((n%256))",
}


def _drops(ip: Version) -> str:
    return _many(f"add rule {FAMILY[ip]} $0 {FAMILY[ip]} saddr {UNASKED[ip]} drop")


def _set(ip: Version) -> str:
    """Return the shell's commands that add a set of addresses, and a rule that drops these."""
    element = f"add element {FAMILY[ip]} $0 unasked {{ {UNASKED[ip]} }}"
    return (
        f'nft "add set {FAMILY[ip]} $0 unasked {{ type {ADDRESS_TYPE[ip]}; }}; '
        f'add rule {FAMILY[ip]} $0 $2 {FAMILY[ip]} saddr @unasked drop" || exit; {_many(element)}'
    )


def _services(how: Literal["chain", "map"], ip: Version) -> str:
    """Return the shell's commands that add services that no pod uses, as a proxy keeps them.

    A rule each in the chain that all new connections pass, or an element each of a map, which is
    looked up once.
    """
    family, unasked = FAMILY[ip], f'nft "add chain {FAMILY[ip]} $0 unasked'
    if how == "chain":
        rule = f"add rule {family} $0 services {family} daddr {UNASKED[ip]} goto unasked"
        return f'{unasked}" || exit; {_many(rule)}'
    element = f"add element {family} $0 addresses {{ {UNASKED[ip]} : goto unasked }}"
    return (
        f"{unasked}; add map {family} $0 addresses {{ type {ADDRESS_TYPE[ip]} : verdict; }}; "
        f'add rule {family} $0 services {family} daddr vmap @addresses" || exit; {_many(element)}'
    )


@dataclass(frozen=True)
class NftStep(Step):
    """A change to a table of one version of IP."""

    ip: Version = field(default=4, kw_only=True)

    @property
    def _family(self) -> str:
        return FAMILY[self.ip]


@dataclass(frozen=True)
class AddNftTable(NftStep):
    """Make a table for the packets of one version of IP."""

    name: str

    def argv(self) -> list[str]:
        return self._inside("nft", f"add table {self._family} {self.name}")

    def undo(self) -> Step:
        return DelNftTable(self.name, ip=self.ip, netns=self.netns)


@dataclass(frozen=True)
class DelNftTable(NftStep):
    """Remove a table and all that is in it; one that is gone already is no error."""

    name: str

    def argv(self) -> list[str]:
        table = f"{self._family} {self.name}"
        return self._inside("nft", f"add table {table}; delete table {table}")


@dataclass(frozen=True)
class AddNftChain(NftStep):
    """Hang a chain into a netfilter hook: ``AddNftChain("t", "c", "filter", "forward", 0)``."""

    table: str
    name: str
    kind: str
    hook: str
    priority: int

    def argv(self) -> list[str]:
        where = f"type {self.kind} hook {self.hook} priority {self.priority};"
        return self._inside(
            "nft", f"add chain {self._family} {self.table} {self.name} {{ {where} }}"
        )


@dataclass(frozen=True)
class AddNftRule(NftStep):
    """Add a rule to the end of a chain."""

    table: str
    chain: str
    rule: str

    def argv(self) -> list[str]:
        return self._inside("nft", f"add rule {self._family} {self.table} {self.chain} {self.rule}")


@dataclass(frozen=True)
class AddNftDrops(NftStep):
    """Add rules to a chain that drop what comes from so many addresses, one each.

    No host has these: each packet is compared with all of them, and none is dropped.
    """

    table: str
    chain: str
    count: int

    def argv(self) -> list[str]:
        return self._inside(
            "sh", "-c", _drops(self.ip), f"{self.table} {self.chain}", str(self.count)
        )


@dataclass(frozen=True)
class AddNftDropSet(NftStep):
    """Add one rule to a chain that drops what comes from a set of so many addresses.

    No host has these: each packet's address is looked up once, and none is dropped.
    """

    table: str
    chain: str
    count: int

    def argv(self) -> list[str]:
        return self._inside("sh", "-c", _set(self.ip), self.table, str(self.count), self.chain)


@dataclass(frozen=True)
class AddNftServices(NftStep):
    """Add services at addresses that no host has to the chain ``services``.

    ``how`` is ``chain`` or ``map``; a map is called ``addresses``.
    """

    table: str
    how: Literal["chain", "map"]
    count: int

    def argv(self) -> list[str]:
        return self._inside("sh", "-c", _services(self.how, self.ip), self.table, str(self.count))


@dataclass(frozen=True)
class AddNftService(NftStep):
    """Send connections to a service's address on to a pod, as the last of a table's services."""

    table: str
    how: Literal["chain", "map"]
    name: str
    address: str
    pod: str

    def argv(self) -> list[str]:
        family, table = self._family, f"{self._family} {self.table}"
        asked = (
            f"add rule {table} services {family} daddr {self.address} goto {self.name}"
            if self.how == "chain"
            else f"add element {table} addresses {{ {self.address} : goto {self.name} }}"
        )
        own = f"add chain {table} {self.name}; add rule {table} {self.name}"
        return self._inside("nft", f"{own} dnat to {self.pod}; {asked}")

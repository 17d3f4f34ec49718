"""The host's packet filter: ``nft``, in tables of the plan's own."""

from dataclasses import dataclass
from typing import Literal

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


UNASKED = "198.18.$((n/256)).$((n%256))"
DROPS = _many(f"add rule ip $0 ip saddr {UNASKED} drop")

# Services that nobody asks for, as a proxy keeps them: a rule each in the chain that all new
# connections pass, or an element each of a map, which is looked up once.
SERVICES = {
    "chain": 'nft "add chain ip $0 unasked" || exit; '
    + _many(f"add rule ip $0 services ip daddr {UNASKED} goto unasked"),
    "map": 'nft "add chain ip $0 unasked; '
    "add map ip $0 addresses { type ipv4_addr : verdict; }; "
    'add rule ip $0 services ip daddr vmap @addresses" || exit; '
    + _many(f"add element ip $0 addresses {{ {UNASKED} : goto unasked }}"),
}


@dataclass(frozen=True)
class AddNftTable(Step):
    """Make a table for IPv4 packets."""

    name: str

    def argv(self) -> list[str]:
        return self._inside("nft", f"add table ip {self.name}")

    def undo(self) -> Step:
        return DelNftTable(self.name, netns=self.netns)


@dataclass(frozen=True)
class DelNftTable(Step):
    """Remove a table and all that is in it; one that is gone already is no error."""

    name: str

    def argv(self) -> list[str]:
        return self._inside("nft", f"add table ip {self.name}; delete table ip {self.name}")


@dataclass(frozen=True)
class AddNftChain(Step):
    """Hang a chain into a netfilter hook: ``AddNftChain("t", "c", "filter", "forward", 0)``."""

    table: str
    name: str
    kind: str
    hook: str
    priority: int

    def argv(self) -> list[str]:
        where = f"type {self.kind} hook {self.hook} priority {self.priority};"
        return self._inside("nft", f"add chain ip {self.table} {self.name} {{ {where} }}")


@dataclass(frozen=True)
class AddNftRule(Step):
    """Add a rule to the end of a chain."""

    table: str
    chain: str
    rule: str

    def argv(self) -> list[str]:
        return self._inside("nft", f"add rule ip {self.table} {self.chain} {self.rule}")


@dataclass(frozen=True)
class AddNftDrops(Step):
    """Add rules to a chain that drop what comes from so many addresses, one each.

    They are of 198.18.0.0/15, where nobody is (RFC 2544, appendix C.2.2): each packet is compared
    with all of them, and none is dropped.
    """

    table: str
    chain: str
    count: int

    def argv(self) -> list[str]:
        return self._inside("sh", "-c", DROPS, f"{self.table} {self.chain}", str(self.count))


@dataclass(frozen=True)
class AddNftServices(Step):
    """Add services at addresses of 198.18.0.0/15, where nobody is, to the chain ``services``.

    ``how`` is ``chain`` or ``map``; a map is called ``addresses``.
    """

    table: str
    how: Literal["chain", "map"]
    count: int

    def argv(self) -> list[str]:
        return self._inside("sh", "-c", SERVICES[self.how], self.table, str(self.count))


@dataclass(frozen=True)
class AddNftService(Step):
    """Send connections to a service's address on to a pod, as the last of a table's services."""

    table: str
    how: Literal["chain", "map"]
    name: str
    address: str
    pod: str

    def argv(self) -> list[str]:
        asked = (
            f"add rule ip {self.table} services ip daddr {self.address} goto {self.name}"
            if self.how == "chain"
            else f"add element ip {self.table} addresses {{ {self.address} : goto {self.name} }}"
        )
        own = f"add chain ip {self.table} {self.name}; add rule ip {self.table} {self.name}"
        return self._inside("nft", f"{own} dnat to {self.pod}; {asked}")

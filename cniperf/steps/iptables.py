"""The host's packet filter as iptables gives it: rules in a chain of the plan's own."""

from dataclasses import dataclass, field

from cniperf.ip import FAMILY, Version
from cniperf.steps.nftables import UNASKED
from cniperf.steps.step import Step

COMMAND: dict[Version, str] = {4: "iptables", 6: "ip6tables"}


def _drops(ip: Version) -> str:
    """Return the shell's commands that hang a chain ``$0`` with ``$1`` rules into FORWARD.

    400 rules at once, because an ordinary user's iptables may send no more than
    ``net.core.wmem_max`` bytes in one message. A second chain, without a rule, marks a table that
    was not there before.
    """
    command = f"{COMMAND[ip]} --wait"
    restore = f"{COMMAND[ip]}-restore --wait --noflush"
    return (
        f'nft list table {FAMILY[ip]} filter >/dev/null 2>&1 || {command} -N "$0-made" || exit; '
        f'{command} -N "$0" && {command} -A FORWARD -j "$0" || exit; '
        'n=0; while [ "$n" -lt "$1" ]; do end=$((n+400)); [ "$end" -le "$1" ] || end=$1; '
        '{ echo "*filter"; while [ "$n" -lt "$end" ]; do n=$((n+1)); '
        f'echo "-A $0 -s {UNASKED[ip]} -j DROP"; done; echo COMMIT; }} | {restore} || exit; '
        "n=$end; done"
    )


def _gone(ip: Version) -> str:
    """Return the shell's commands that remove the chain ``$0``, if it is there.

    iptables-nft leaves the table that it made. That one is also removed if it is unused.
    """
    command = f"{COMMAND[ip]} --wait"
    return (
        f'{command} -S "$0" >/dev/null 2>&1 || exit 0; '
        f'{command} -D FORWARD -j "$0"; {command} -F "$0" && {command} -X "$0" || exit; '
        f'{command} -X "$0-made" 2>/dev/null || exit 0; '
        f"{command} -S | grep -qv -- '^-P .* ACCEPT$' || "
        f"nft delete table {FAMILY[ip]} filter 2>/dev/null || true"
    )


@dataclass(frozen=True)
class IptablesStep(Step):
    """A change to the table ``filter`` of one version of IP."""

    chain: str
    ip: Version = field(default=4, kw_only=True)


@dataclass(frozen=True)
class AddIptablesDrops(IptablesStep):
    """Add a chain that all that is forwarded passes, with so many rules that drop.

    Each rule drops what comes from one address that no host has: each packet is compared with all
    of them, and none is dropped.
    """

    count: int = field(kw_only=True)

    def argv(self) -> list[str]:
        return self._inside("sh", "-c", _drops(self.ip), self.chain, str(self.count))

    def undo(self) -> Step:
        return DelIptablesChain(self.chain, ip=self.ip, netns=self.netns)


@dataclass(frozen=True)
class DelIptablesChain(IptablesStep):
    """Remove a chain and what sends packets there; one that is gone already is no error."""

    def argv(self) -> list[str]:
        return self._inside("sh", "-c", _gone(self.ip), self.chain)

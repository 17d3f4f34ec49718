"""``ssh``: two machines of a hosts file, reached by SSH, which take themselves back if lost."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cniperf.beds.kind import Kind
from cniperf.modes import MODES

if TYPE_CHECKING:
    from cniperf.beds.ssh.bed import SshBed
    from cniperf.hosts import Host
    from cniperf.inventory import Machine
    from cniperf.params import Experiment


def demands(asked: "Experiment") -> dict[str, Any]:
    """Return what hosts that are reached by SSH are asked for."""
    from cniperf.generators import find as find_generator
    from cniperf.schemes import find as find_scheme

    scheme = find_scheme(asked.scheme)
    return {
        "mtu": asked.mtu,
        "ovs": asked.needs_ovs,
        "udpcsum": asked.udpcsum,
        "pairs": asked.pairs,
        "tools": {**find_generator(asked.generator).package, **scheme.tools},
        "congestion": asked.congestion,
        "devices": scheme.devices,
        "wakeful": MODES[asked.mode].waits,
    }


class SshKind(Kind):
    """See :class:`cniperf.beds.ssh.bed.SshBed`."""

    name = "ssh"
    order = 2
    summary = "two hosts of --hosts"
    building = "opening the hosts"
    own = ("hosts", "between", "allow_shared_nic")
    nics = ("own",)

    def defaults(self) -> Mapping[str, Any]:
        """NICs stay unchanged."""
        return {"nic": "own"}

    def refusal(self, asked: "Experiment") -> str:
        """Without hosts there is nothing; and their NICs are theirs."""
        if not asked.hosts:
            return "bed='ssh' needs hosts: a file of them, see docs/ssh.md"
        if asked.nic != "own" or asked.gro != "default":
            return "bed='ssh' takes the hosts' NICs as they are: leave nic and gro out"
        return ""

    def no_turns(self, asked: "Experiment") -> str:
        """Open vSwitch takes the data interface for itself."""
        if not asked.needs_ovs or (
            asked.hosts and all(machine.bare_nic for machine in self._machines(asked))
        ):
            return ""
        return f"scheme={asked.scheme!r}, which takes the hosts' one data interface"

    def hosts(self, asked: "Experiment") -> "tuple[Host, Host]":
        """Return them as the hosts file has them."""
        a, b = (
            replace(host, nic=machine.nic, address=machine.address.partition("/")[0],
                    prefixlen=int(machine.address.partition("/")[2]))
            for host, machine in zip(super().hosts(asked), self._machines(asked), strict=True)
        )  # fmt: skip
        return a, b

    def check(self, asked: "Experiment") -> None:
        """Read the hosts file; the hosts themselves are asked when they are opened."""
        self._machines(asked)

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Lock nothing: each host's own guard locks it."""
        return nullcontext()

    def open(self, asked: "Experiment") -> "SshBed":
        """Return the two hosts, not yet reached."""
        from cniperf.beds.ssh.bed import SshBed

        return SshBed(
            self._machines(asked),
            **demands(asked),
            turns=asked.design == "interleaved",
            allow_shared_nic=asked.allow_shared_nic,
            grace=asked.grace,
        )

    def _machines(self, asked: "Experiment") -> "tuple[Machine, Machine]":
        from cniperf.inventory import read_inventory

        assert asked.hosts is not None
        return read_inventory(asked.hosts).pair(asked.between)


BED = SshKind()

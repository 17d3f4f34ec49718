"""What a run needs of a remote host. A host that lacks it is rejected before any change."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface

from cniperf.beds import ability
from cniperf.beds.cpus import spans
from cniperf.beds.ssh.remote import Remote
from cniperf.beds.ssh.survey import START_OVS, Survey
from cniperf.errors import NotAble, ParameterError
from cniperf.inventory import Machine
from cniperf.ip import Network

BESIDES = 6  # sessions beside the load's: looks, the switch's renewal, a prober, what keeps awake


@dataclass(frozen=True)
class Demand:
    """What a run asks of a host.

    Attributes:
        mtu: MTU of the data interface, in bytes.
        tools: commands that the scheme and the load need, with their Debian packages.
        congestion: TCP congestion control that it must have; empty for its own.
        ovs: Open vSwitch must run.
        devices: kinds of device that the kernel must make.
        pairs: pods on the host, each with a command of the load.
        turns: hostnetwork has as many, beside the scheme.
        allow_shared_nic: the data interface may carry the SSH connection or the default route.
    """

    mtu: int
    tools: Mapping[str, str]
    congestion: str
    ovs: bool
    devices: Collection[str]
    pairs: int
    turns: bool
    allow_shared_nic: bool

    def check(self, machine: Machine, found: Survey) -> None:
        """Check a host against it, before any change there.

        Raises:
            NotAble, ParameterError: what the host lacks, or what could cut its connection.
        """
        who = f"host {machine.name}"
        if missing := found.missing(self.tools, ovs=self.ovs):
            packages = " ".join(sorted(set(missing.values())))
            raise NotAble(f"{who}: {', '.join(missing)} not found: apt-get install {packages}")
        if broken := [
            f"{tool} ({found.broken[tool]})" for tool in self.tools if tool in found.broken
        ]:
            raise NotAble(
                f"{who}: {', '.join(broken)} is installed, but does not run: reinstall it"
            )
        if self.ovs and found.ovs_problem:
            raise NotAble(f"{who}: Open vSwitch is installed, but does not answer "
                          f"({found.ovs_problem}): {START_OVS}")  # fmt: skip
        if not found.cpus:
            raise NotAble(f"{who}: /proc/stat has no CPU that a command may run on")
        if gone := set(machine.cpu_list()) - set(found.cpus):
            raise ParameterError(
                f"{who}: cpus={machine.cpus!r} is not allowed: {spans(gone)} are missing or "
                f"offline; the host has {spans(found.cpus)}"
            )
        self._check_interface(who, machine.nic, machine.address, found)
        if self.turns and machine.bare_nic:
            self._check_interface(who, machine.bare_nic, machine.bare_address, found)
        if self.congestion and self.congestion not in found.congestion:
            raise ParameterError(
                f"congestion={self.congestion!r} is not allowed: {who} has "
                f"{', '.join(found.congestion)}"
            )
        if (why := found.shared(machine.nic)) and not self.allow_shared_nic:
            raise NotAble(
                f"{who}: {machine.nic} carries {why}, which the wiring may cut: measure on "
                "another interface, or give --allow-shared-nic"
            )

    def _check_interface(self, who: str, nic: str, address: str, found: Survey) -> None:
        """Check a data interface against the hosts file."""
        if nic not in found.devices:
            known = ", ".join(found.devices)
            raise ParameterError(f"{who} has no interface {nic!r}: {known}")
        if address not in found.addresses.get(nic, []):
            has = ", ".join(found.addresses.get(nic, [])) or "none"
            raise ParameterError(f"{who}: {nic} does not have the address {address}, but {has}")
        if (mtu := found.devices[nic]) != self.mtu:
            raise ParameterError(f"{who}: {nic} has MTU {mtu}, not {self.mtu}: give mtu={mtu}")

    def check_addresses(self, machine: Machine, found: Survey, networks: Iterable[Network]) -> None:
        """Check a host's own addresses against the networks of the pods.

        Raises:
            NotAble: another device than the data interface is in one: packets would go there.
        """
        for device, addresses in found.addresses.items():
            for address in addresses if device != machine.nic else ():
                own = ip_interface(address).network
                if taken := [
                    each for each in networks
                    if each.version == own.version and each.overlaps(own)
                ]:  # fmt: skip
                    raise NotAble(
                        f"host {machine.name}: {device} has {address}, which is in the pods' "
                        f"network {taken[0]}: `ip link del {device}` if it is unused, or measure "
                        "on another host"
                    )

    def attempt(self, machine: Machine, remote: Remote, cpus: Collection[int]) -> None:
        """Try on a host what the run will need of it; leaves nothing there.

        Raises:
            NotAble: what it cannot do, and how to fix that.
        """
        wanted = [*ability.needed(cpus), *ability.devices(self.devices).values()]
        if lacks := ability.lacking(wanted, remote.ask):
            fixes = "; or ".join(lacks[0].ability.fixes)
            raise NotAble(f"host {machine.name} lacks {lacks[0]}: {fixes}")
        remote.reserve((1 + self.turns) * self.pairs + self.turns + BESIDES)

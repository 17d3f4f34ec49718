"""What the hosts of a hosts file have and lack, asked before anything is done to them."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cniperf import stop
from cniperf.beds import ability, shell
from cniperf.beds.command import CommandFailed
from cniperf.beds.cpus import spans
from cniperf.beds.ssh.remote import Remote
from cniperf.beds.ssh.survey import START_OVS, Survey, survey
from cniperf.doctor import RAISE_QUOTA, Finding, held_back
from cniperf.errors import CniperfError
from cniperf.generators import all_generators
from cniperf.inventory import Inventory, Machine
from cniperf.schemes import all_schemes

AT_ONCE = 8  # hosts that are asked at the same time
CLOCK_OFF = 2.0  # seconds: more makes the times of two hosts' logs hard to compare
PAIRS = 12  # sessions that are asked for: more than sshd allows on a connection by itself
HEADERS = 28  # bytes: IPv4 20, ICMP 8


@dataclass(frozen=True)
class Asked:
    """One host that was asked."""

    remote: Remote
    found: Survey


def check(inventory: Inventory) -> Iterator[tuple[str, list[Finding]]]:
    """Ask every host, and every pair whether the data network is between them.

    Nothing is changed; three ICMP echo requests go from the first host of each pair to the other.

    Yields:
        The name of a host, or of a pair as ``alpha,beta``, and its findings.
    """
    machines = list(inventory.hosts.values())
    asked: dict[str, Asked] = {}
    threads = ThreadPoolExecutor(AT_ONCE)
    try:
        futures = [threads.submit(_ask, machine) for machine in machines]
        for machine, future in zip(machines, futures, strict=True):
            reached = stop.result(future)
            if isinstance(reached, Asked):
                asked[machine.name] = reached
                yield machine.name, list(_findings(machine, reached))
            else:
                yield machine.name, [Finding("reached", False, str(reached))]
        for pair in inventory.all_pairs():
            a, b = inventory.pair(pair)
            if a.name in asked and b.name in asked:
                yield pair, list(_pair(a, b, asked))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)  # one that does not answer takes seconds
        for each in asked.values():
            each.remote.close()


def _ask(machine: Machine) -> Asked | CniperfError:
    remote = Remote(machine)
    try:
        remote.open()
        return Asked(remote, survey(remote))
    except CniperfError as problem:
        remote.close()
        return problem


def _findings(machine: Machine, asked: Asked) -> Iterator[Finding]:
    yield from _host(machine, asked.found)
    try:
        yield from _abilities(machine, asked)
    except CniperfError as problem:
        yield Finding("abilities", False, str(problem))


def _host(machine: Machine, found: Survey) -> Iterator[Finding]:
    facts = found.environment()
    what = "{os}, Linux {kernel}, {cpu}, {cpus} CPUs".format(**facts)
    yield Finding("reached", True, f"as {machine.target()}; {what}")
    yield from _tools(found, facts["versions"])
    yield from _nic(machine, found)
    if found.clock_off is None:
        yield Finding("clock", False, "`date +%s.%N` does not tell the time", "coreutils' date")
    else:
        off = abs(found.clock_off)
        yield Finding("clock", off < CLOCK_OFF, f"{off:.1f} s from this machine's",
                      "" if off < CLOCK_OFF else "apt-get install chrony")  # fmt: skip
    how = "systemd-run" if found.systemd else "a detached process, as there is no systemd"
    yield Finding("dead man's switch", True, how)


def _abilities(machine: Machine, asked: Asked) -> Iterator[Finding]:
    """Try what a run will need, in namespaces that are gone at once."""
    found, remote = asked.found, asked.remote
    own = machine.cpu_list()
    gone = set(own) - set(found.cpus)
    if gone:
        yield Finding("CPUs", False, f"{spans(gone)} of {machine.cpus} are not there, or offline",
                      f"cpus: \"{spans(found.cpus)}\"")  # fmt: skip
    elif short := held_back(found.quota, len(own or found.cpus)):
        yield Finding("CPUs", True, f"{spans(own or found.cpus)}; {short}", RAISE_QUOTA)
    else:
        yield Finding("CPUs", True, spans(own or found.cpus))
    for tool, why in found.broken.items():
        yield Finding(tool, False, f"is there, but does not run: {why}", "install it anew")
    if found.missing({}, ovs=False):
        return  # there is nothing to try it with
    wanted = ability.needed(sorted(set(own) - gone) or found.cpus)
    lacks = ability.lacking(wanted, remote.ask)
    for each in lacks:
        yield Finding(each.ability.name, False, each.reason, each.ability.mend)
    if not lacks:
        yield Finding("abilities", True, ", ".join(each.name for each in wanted))
    kinds = {kind for scheme in all_schemes().values() for kind in scheme.devices}
    for each in ability.lacking(ability.devices(sorted(kinds)).values(), remote.ask):
        yield Finding(each.ability.name, True, f"{each.reason}: without them no "
                      f"{', '.join(_users(each.ability))}", each.ability.mend)  # fmt: skip
    try:
        shares = remote.reserve(PAIRS)
        more = ", further connections where a load needs more" if len(shares) > 1 else ""
        yield Finding("SSH sessions", True, f"{shares[0]} on a connection{more}")
    except CniperfError as problem:
        yield Finding("SSH sessions", False, str(problem), "raise MaxSessions in its sshd_config")


def _users(lacking: ability.Ability) -> Iterator[str]:
    for name, scheme in all_schemes().items():
        if lacking in ability.devices(scheme.devices).values():
            yield name


def _tools(found: Survey, versions: Mapping[str, str | None]) -> Iterator[Finding]:
    needed = dict(all_generators()["iperf3"].package)
    if missing := found.missing(needed, ovs=False):
        packages = " ".join(sorted(set(missing.values())))
        yield Finding("tools", False, f"{', '.join(missing)} not found",
                      f"apt-get install {packages}")  # fmt: skip
    else:
        told = ", ".join(f"{name} {number}" for name, number in versions.items()
                         if number and name not in ("cniperf", "pyroute2"))  # fmt: skip
        yield Finding("tools", True, told)
    lacks = set(found.missing({}, ovs=True)) - set(found.missing({}, ovs=False))
    if lacks:
        yield Finding("Open vSwitch", True, f"{', '.join(lacks)} not found: without it no ovs, "
                      "ovs-bridge", "apt-get install openvswitch-switch")  # fmt: skip
    elif found.ovs_problem:
        says = f"installed, but does not answer ({found.ovs_problem}): no ovs, ovs-bridge"
        yield Finding("Open vSwitch", True, says, START_OVS)
    else:
        where = "in the kernel" if found.ovs_datapath == "system" else (
            "in userspace, as its kernel has no openvswitch module: its figures compare with "
            "nothing else")  # fmt: skip
        yield Finding("Open vSwitch", True, where)


def _nic(machine: Machine, found: Survey) -> Iterator[Finding]:
    nic = machine.nic
    if nic not in found.devices:
        yield Finding(nic, False, f"no such interface: {', '.join(found.devices)}", "nic: …")
        return
    has = found.addresses.get(nic, [])
    if machine.address not in has:
        says = f"does not have {machine.address}, but {', '.join(has) or 'none'}"
        yield Finding(
            nic, False, says, shell.line(["ip", "addr", "add", machine.address, "dev", nic])
        )
    states = found.offloads.get(nic, {})
    off = [name for name, on in states.items() if not on]
    told = f"off: {', '.join(off)}" if off else "every offload on"
    says = (
        f"MTU {found.devices[nic]}; {told if states else 'ethtool tells nothing of its offloads'}"
    )
    yield Finding(nic, True, says)
    if why := found.shared(nic):
        yield Finding(nic, False, f"carries {why}: the wiring may cut it",
                      "name another interface, or --allow-shared-nic")  # fmt: skip


def _pair(a: Machine, b: Machine, asked: Mapping[str, Asked]) -> Iterator[Finding]:
    try:
        yield from _between(a, b, asked)
    except CniperfError as problem:  # one pair's trouble must not keep the others from being asked
        yield Finding("data network", False, str(problem))


def _between(a: Machine, b: Machine, asked: Mapping[str, Asked]) -> Iterator[Finding]:
    here, there = asked[a.name], asked[b.name]
    if a.nic not in here.found.devices or b.nic not in there.found.devices:
        return
    mtus = here.found.devices[a.nic], there.found.devices[b.nic]
    if mtus[0] != mtus[1]:
        yield Finding("MTU", False, f"{mtus[0]} on {a.name}, {mtus[1]} on {b.name}",
                      shell.line(["ip", "link", "set", b.nic, "mtu", str(mtus[0])]))  # fmt: skip
    target, mtu = b.address.split("/")[0], min(mtus)
    try:
        here.remote.command(_ping(a.nic, target, 56))
    except CommandFailed as problem:
        yield Finding("data network", False, f"{a.nic} of {a.name} does not reach {target}: "
                      f"{problem.reason}", "check cables, VLANs and firewalls")  # fmt: skip
        return
    try:
        here.remote.command(_ping(a.nic, target, mtu - HEADERS))
        yield Finding("MTU", True, f"packets of {mtu} bytes pass whole")
    except CommandFailed:
        yield Finding("MTU", False, f"packets of {mtu} bytes do not pass",
                      "give both interfaces and all switches between them one MTU")  # fmt: skip
    yield _neighbours(a, b, here, there)


def _neighbours(a: Machine, b: Machine, here: Asked, there: Asked) -> Finding:
    """Tell whether the peer's own MAC address answered: what all schemes but tunnels need."""
    target = b.address.split("/")[0]
    told = here.remote.ask({"": f"ip -j neigh show {target} dev {a.nic}"})[""]
    known = told.entries()
    links = there.remote.ask({"": f"ip -j link show {b.nic}"})[""].entries("address")
    own = links[0]["address"] if links else "no address"
    seen = next((entry.get("lladdr") for entry in known if "lladdr" in entry), None)
    if seen == own:
        return Finding("data network", True, f"{a.nic} and {b.nic} are on one link")
    return Finding("data network", False, f"{target} is answered for by {seen or 'a router'}, not "
                   f"by {b.nic} ({own}): something is between them",
                   "put both interfaces on one network")  # fmt: skip


def _ping(nic: str, target: str, size: int) -> list[str]:
    return ["ping", "-c", "1", "-W", "2", "-M", "do", "-I", nic, "-s", str(size), target]

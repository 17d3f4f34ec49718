"""What the hosts of a hosts file have and lack. The check changes nothing on them."""

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

AT_ONCE = 8  # hosts that are checked at the same time
CLOCK_OFF = 2.0  # seconds: more makes the times of two hosts' logs hard to compare
PAIRS = 12  # sessions to reserve: more than sshd allows on a connection by default
HEADERS = 28  # bytes: IPv4 20, ICMP 8


@dataclass(frozen=True)
class Asked:
    """One host that answered."""

    remote: Remote
    found: Survey


def check(inventory: Inventory) -> Iterator[tuple[str, list[Finding]]]:
    """Check every host, and the data network between the hosts of every pair.

    It changes nothing. The first host of a pair sends three ICMP echo requests to the other.

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
        yield Finding("clock", False, "`date +%s.%N` prints no time",
                      ("apt-get install coreutils",))  # fmt: skip
    else:
        off = abs(found.clock_off)
        if off < CLOCK_OFF:
            yield Finding("clock", True, f"{off:.1f} s from this machine's")
        else:
            yield Finding("clock", False, f"{off:.1f} s from this machine's, which is more than "
                          f"{CLOCK_OFF:g} s", ("apt-get install chrony",))  # fmt: skip
    how = "systemd-run" if found.systemd else "a detached process, because systemd does not run"
    yield Finding("dead man's switch", True, how)


def _abilities(machine: Machine, asked: Asked) -> Iterator[Finding]:
    """Try what a run needs, in namespaces that end with the trial."""
    found, remote = asked.found, asked.remote
    own = machine.cpu_list()
    gone = set(own) - set(found.cpus)
    if gone:
        yield Finding("CPUs", False, f"{spans(gone)} of {machine.cpus} do not exist or are offline",
                      (f"in the hosts file, cpus: \"{spans(found.cpus)}\"",))  # fmt: skip
    elif short := held_back(found.quota, len(own or found.cpus)):
        yield Finding("CPUs", True, f"{spans(own or found.cpus)}; {short}", (RAISE_QUOTA,))
    else:
        yield Finding("CPUs", True, spans(own or found.cpus))
    for tool, why in found.broken.items():
        yield Finding(
            tool, False, f"installed, but does not run: {why}", ("reinstall its package",)
        )
    if found.missing({}, ovs=False):
        return  # the trials need these tools
    wanted = ability.needed(sorted(set(own) - gone) or found.cpus)
    lacks = ability.lacking(wanted, remote.ask)
    for each in lacks:
        yield Finding(each.ability.name, False, each.reason, each.ability.fixes)
    if not lacks:
        yield Finding("abilities", True, ", ".join(each.name for each in wanted))
    kinds = {kind for scheme in all_schemes().values() for kind in scheme.devices}
    for each in ability.lacking(ability.devices(sorted(kinds)).values(), remote.ask):
        yield Finding(each.ability.name, True, f"{each.reason}; schemes that need them: "
                      f"{', '.join(_users(each.ability))}", each.ability.fixes)  # fmt: skip
    try:
        shares = remote.reserve(PAIRS)
        more = ", and another connection where a load needs more" if len(shares) > 1 else ""
        yield Finding("SSH sessions", True, f"{shares[0]} on a connection{more}")
    except CniperfError as problem:
        yield Finding(
            "SSH sessions", False, str(problem), ("raise MaxSessions in its sshd_config",)
        )


def _users(lacking: ability.Ability) -> Iterator[str]:
    for name, scheme in all_schemes().items():
        if lacking in ability.devices(scheme.devices).values():
            yield name


def _tools(found: Survey, versions: Mapping[str, str | None]) -> Iterator[Finding]:
    needed = dict(all_generators()["iperf3"].package)
    if missing := found.missing(needed, ovs=False):
        packages = " ".join(sorted(set(missing.values())))
        yield Finding("tools", False, f"{', '.join(missing)} not found",
                      (f"apt-get install {packages}",))  # fmt: skip
    else:
        there = ", ".join(f"{name} {number}" for name, number in versions.items()
                          if number and name not in ("cniperf", "pyroute2"))  # fmt: skip
        yield Finding("tools", True, there)
    lacks = set(found.missing({}, ovs=True)) - set(found.missing({}, ovs=False))
    if lacks:
        yield Finding("Open vSwitch", True, f"{', '.join(lacks)} not found: schemes ovs and "
                      "ovs-bridge need it", ("apt-get install openvswitch-switch",))  # fmt: skip
    elif found.ovs_problem:
        says = (f"installed, but does not answer ({found.ovs_problem}): schemes ovs and ovs-bridge "
                "need it")  # fmt: skip
        yield Finding("Open vSwitch", True, says, (START_OVS,))
    else:
        where = "in the kernel" if found.ovs_datapath == "system" else (
            "in userspace, because its kernel has no openvswitch module: do not compare its "
            "figures with others")  # fmt: skip
        yield Finding("Open vSwitch", True, where)


def _nic(machine: Machine, found: Survey) -> Iterator[Finding]:
    nic = machine.nic
    if nic not in found.devices:
        yield Finding(nic, False, f"no such interface; there are {', '.join(found.devices)}",
                      ("name one of them as nic in the hosts file",))  # fmt: skip
        return
    has = found.addresses.get(nic, [])
    if machine.address not in has:
        says = f"does not have {machine.address}, but {', '.join(has) or 'no address'}"
        add = shell.line(["ip", "addr", "add", machine.address, "dev", nic])
        yield Finding(nic, False, says, (add,))
    states = found.offloads.get(nic, {})
    off = [name for name, on in states.items() if not on]
    offloads = f"off: {', '.join(off)}" if off else "every offload on"
    if not states:
        offloads = "ethtool does not report its offloads"
    yield Finding(nic, True, f"MTU {found.devices[nic]}; {offloads}")
    if why := found.shared(nic):
        yield Finding(nic, False, f"carries {why}, which the wiring may cut",
                      ("name another nic in the hosts file", "--allow-shared-nic"))  # fmt: skip


def _pair(a: Machine, b: Machine, asked: Mapping[str, Asked]) -> Iterator[Finding]:
    try:
        yield from _between(a, b, asked)
    except CniperfError as problem:  # the other pairs are checked all the same
        yield Finding("data network", False, str(problem))


def _between(a: Machine, b: Machine, asked: Mapping[str, Asked]) -> Iterator[Finding]:
    here, there = asked[a.name], asked[b.name]
    if a.nic not in here.found.devices or b.nic not in there.found.devices:
        return
    mtus = here.found.devices[a.nic], there.found.devices[b.nic]
    if mtus[0] != mtus[1]:
        yield Finding("MTU", False, f"differs: {mtus[0]} on {a.name}, {mtus[1]} on {b.name}",
                      (shell.line(["ip", "link", "set", b.nic, "mtu", str(mtus[0])]),))  # fmt: skip
    target, mtu = b.address.split("/")[0], min(mtus)
    try:
        here.remote.command(_ping(a.nic, target, 56))
    except CommandFailed as problem:
        yield Finding("data network", False, f"{a.nic} of {a.name} does not reach {target}: "
                      f"{problem.reason}", ("check cables, VLANs and firewalls",))  # fmt: skip
        return
    try:
        here.remote.command(_ping(a.nic, target, mtu - HEADERS))
        yield Finding("MTU", True, f"packets of {mtu} bytes pass whole")
    except CommandFailed:
        yield Finding("MTU", False, f"packets of {mtu} bytes do not pass",
                      ("set one MTU on both interfaces and their switches",))  # fmt: skip
    yield _neighbours(a, b, here, there)


def _neighbours(a: Machine, b: Machine, here: Asked, there: Asked) -> Finding:
    """Report whether the peer's own MAC address answered, which all schemes but tunnels need."""
    target = b.address.split("/")[0]
    known = here.remote.ask({"": f"ip -j neigh show {target} dev {a.nic}"})[""].entries()
    links = there.remote.ask({"": f"ip -j link show {b.nic}"})[""].entries("address")
    own = links[0]["address"] if links else "no address"
    seen = next((entry.get("lladdr") for entry in known if "lladdr" in entry), None)
    if seen == own:
        return Finding("data network", True, f"{a.nic} and {b.nic} are on one link")
    return Finding("data network", False, f"{seen or 'a router'} answers for {target}, not "
                   f"{b.nic} ({own}): another device is between them",
                   ("connect both interfaces to one network",))  # fmt: skip


def _ping(nic: str, target: str, size: int) -> list[str]:
    return ["ping", "-c", "1", "-W", "2", "-M", "do", "-I", nic, "-s", str(size), target]

"""Two hosts reached by SSH: one script per host wires them by the same plans as the lab."""

import secrets
import shlex
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from cniperf import stop
from cniperf.beds import cpus, datagrams, quota, shell
from cniperf.beds.answer import Answer
from cniperf.beds.bed import Call, Others
from cniperf.beds.cputime import CpuTimes, seconds_of, used_since
from cniperf.beds.journal import Journal
from cniperf.beds.opened import Opened
from cniperf.beds.ssh.demand import Demand
from cniperf.beds.ssh.host import SshHost
from cniperf.beds.ssh.process import Process
from cniperf.beds.ssh.talk import RemoteDatagrams
from cniperf.hosts import Endpoint, Host, Pod
from cniperf.inventory import Machine
from cniperf.plan import HostPlan, Plan
from cniperf.steps import KEEP_WINDOW, SetSysctl

T = TypeVar("T")

LINKS = ("ip", "-j", "link")


class Reached(Opened):
    """Two hosts reached by SSH: how to wire, load and inspect them.

    The bed decides where they come from and what becomes of them. Use it as a context manager.

    Args:
        machines: host a, which runs the clients, and host b.
        mtu: MTU that both data interfaces must have, in bytes.
        ovs: Open vSwitch is part of the path.
        udpcsum: whether VTEPs fill in the outer UDP checksum.
        pairs: pods on each host.
        tools: commands that the scheme and the load need, with their Debian packages.
        congestion: TCP congestion control that host a must have.
        devices: kinds of device that the scheme needs.
        turns: hostnetwork and the scheme take turns.
        wakeful: keep CPUs awake, where they can be; see :mod:`cniperf.beds.awake`.
        allow_shared_nic: measure even if the data interface also carries the SSH connection or
            the default route.
        grace: seconds without contact before a host undoes its changes.
    """

    name: str
    wire: Sequence[str] = ()
    one_machine = apart = together = False
    pause: float

    def __init__(
        self,
        machines: tuple[Machine, Machine],
        *,
        mtu: int = 1500,
        ovs: bool = False,
        udpcsum: bool = False,
        pairs: int = 1,
        tools: Mapping[str, str] | None = None,
        congestion: str = "",
        devices: Collection[str] = (),
        turns: bool = False,
        wakeful: bool = False,
        allow_shared_nic: bool = False,
        grace: int = 30,
    ) -> None:
        self._id = secrets.token_hex(2)
        self._turns, self._wakeful = turns, wakeful
        self._mtu, self._ovs, self._udpcsum, self._pairs = mtu, ovs, udpcsum, pairs
        self._demand = Demand(mtu, tools or {}, congestion, ovs=ovs, devices=devices, pairs=pairs,
                              turns=turns, allow_shared_nic=allow_shared_nic)  # fmt: skip
        self.grace = grace
        self._own = {
            name: SshHost(name, machine, grace)
            for name, machine in zip("ab", machines, strict=True)
        }

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self.journal = Journal.open(f"{self.name}-{self._id}")
        return super().__enter__()

    def _reach(self) -> None:
        """Connect to both hosts, and check them against the run's demand."""
        stop.aside(lambda: self._both(SshHost.connect))  # a host that does not answer takes seconds
        self.hosts: tuple[Host, Host] = (self._host("a"), self._host("b"))
        self.cpus: Mapping[str, tuple[int, ...]] = {
            name: own.machine.cpu_list() or own.survey.cpus for name, own in self._own.items()
        }
        for own in self._own.values():
            self._demand.check(own.machine, own.survey)
        self._both(lambda own: self._demand.attempt(own.machine, own.remote, self.cpus[own.name]))

    def _claim(self) -> None:
        """Take both hosts, or none, and prepare them."""
        claimed = ExitStack()
        with claimed, stop.later():  # an unrecorded claim could not be released
            for own in self._own.values():
                own.guard.claim()
                claimed.callback(own.guard.release)
            claimed.pop_all()
        self._both(lambda own: own.prepare(turns=self._turns, wakeful=self._wakeful))

    def _host(self, name: str) -> Host:
        machine, found = self._own[name].machine, self._own[name].survey
        address, _, prefixlen = machine.address.partition("/")
        pods = Pod.several(f"cniperf-{self._id}-pod-{name}", self._pairs)
        return Host(
            name=name, nic=machine.nic, address=address, prefixlen=int(prefixlen), mtu=self._mtu,
            pods=pods, udpcsum=self._udpcsum,
            ovs_datapath=found.ovs_datapath if self._ovs else "system",
        )  # fmt: skip

    def _both(self, work: Callable[[SshHost], T]) -> dict[str, T]:
        """Do the same for both hosts at once; return the results by name."""
        stop.look()
        with ThreadPoolExecutor(2) as threads:
            return dict(zip("ab", threads.map(work, self._own.values()), strict=True))

    def keep(self, folder: Path) -> None:
        """Record a folder of this machine, for the sweep after this process."""
        self.journal.add_folder(folder)

    # ── wiring ────────────────────────────────────────────────────────────────────────────────

    def apply(self, plan: Plan) -> None:
        """Wire both hosts at once, one script each. Each first gets the script that undoes it.

        Raises:
            NotAble: a device of a host has an address among the pods'.
            StepFailed: the first step that a host rejected.
            HostLost: a host went away; it undoes its changes.
        """
        for own in self._own.values():
            self._demand.check_addresses(own.machine, own.survey, plan.networks())
        self._each(plan, SshHost.arm)
        self._each(plan, SshHost.wire)

    def undo(self, plan: Plan) -> None:
        """Unwire both hosts; the snapshot at the end shows what a host rejected."""
        self._each(plan, SshHost.unwire)

    def _each(self, plan: Plan, work: Callable[[SshHost, HostPlan], None]) -> None:
        """Let each host do something with its side of a plan, both at once."""
        sides = {side.host.name: side for side in plan}
        self._both(lambda own: work(own, sides[own.name]))

    # ── load ──────────────────────────────────────────────────────────────────────────────────

    def start_python(
        self, host: Host, program: Path, word: str, output: Path, netns: str | None = None
    ) -> Process:
        """Start one of cniperf's programs on a host; see :class:`cniperf.beds.bed.Bed`."""
        file = self._own[host.name].bring(program)
        return self.start(host, netns, ["python3", "-SE", file, word], output)

    def bare(self, plan: Plan) -> tuple[Endpoint, Endpoint] | None:
        """Return the ends of a hostnetwork beside a plan that is wired; None where there is none.

        They are on the second data interface that the hosts file names, else on the first one, if
        the scheme leaves it to its host.
        """
        if not self._turns or (self._ovs and not self._second):
            return None
        for side in plan:
            for end in side.endpoints:
                if end.netns:
                    step = SetSysctl(KEEP_WINDOW, "0", netns=end.netns)
                    self._own[side.host.name].remote.command(step.argv())
        a, b = (
            Endpoint(None, address.split("/")[0], nic, self._mtu)
            for nic, address in map(self._for_base, self._machines)
        )
        return a, b

    @property
    def _machines(self) -> list[Machine]:
        return [own.machine for own in self._own.values()]

    @property
    def _second(self) -> bool:
        """Whether both hosts have a second data interface."""
        return all(machine.bare_nic for machine in self._machines)

    def _for_base(self, machine: Machine) -> tuple[str, str]:
        """Return the interface and the address that hostnetwork's turns go over."""
        if self._second:
            return machine.bare_nic, machine.bare_address
        return machine.nic, machine.address

    def start(self, host: Host, netns: str | None, argv: Sequence[str], output: Path) -> Process:
        """Start a command on a host; it ends with this process, however that ends."""
        self._raise_if_lost()
        own, folder = self._own[host.name], output.parent
        if any(str(folder) in word for word in argv):
            own.push(folder)
        words = ["taskset", "-c", cpus.text(self.cpus[host.name]),
                 *(own.twin(word, folder) for word in argv)]  # fmt: skip
        return own.start(words, netns, own.twin(output, folder))

    def collect(self, folder: Path) -> None:
        """Bring here what commands have left in this folder's twins on the hosts.

        Raises:
            HostLost: a host went away.
            CannotWrite: there is no place for it.
        """
        self._raise_if_lost()
        self._both(lambda own: own.fetch(folder))

    @abstractmethod
    def _raise_if_lost(self) -> None:
        """Raise the error of a host that went away."""

    def make_gate(self, host: Host, gate: Path) -> None:
        """Make a named pipe on a host."""
        own = self._own[host.name]
        own.remote.command(["mkfifo", own.twin(gate, gate.parent)])

    def open_gate(self, host: Host, gate: Path) -> None:
        """Release every process that waits to read from a gate."""
        own = self._own[host.name]
        own.remote.run(f": >{shell.line([own.twin(gate, gate.parent)])}")

    def remove_gate(self, host: Host, gate: Path) -> None:
        """Remove a gate."""
        own = self._own[host.name]
        own.remote.command(["rm", own.twin(gate, gate.parent)])

    # ── a look inside ─────────────────────────────────────────────────────────────────────────

    def namespace(self, place: str) -> str:
        """Return the namespace of a place: ``pod-a`` or ``pod-b``; a host's has no name."""
        name = place.removeprefix("pod-")
        return "" if place == name else f"cniperf-{self._id}-{place}"

    def command(self, place: str, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command at a place, with a text to read, and return its output."""
        host = self._own[_host_of(place)]
        return host.remote.command(self._enter(self.namespace(place), argv), text)

    def commands(self, calls: Sequence[Call]) -> list[str]:
        """Run commands, those at one host in this order, in one round trip to each host."""

        def at(own: SshHost) -> Iterator[str]:
            here = [(self._enter(self.namespace(call.place), call.argv), call.text)
                    for call in calls if _host_of(call.place) == own.name]  # fmt: skip
            return iter(own.remote.commands(here) if here else [])

        told = self._both(at)
        return [next(told[_host_of(call.place)]) for call in calls]

    def _enter(self, netns: str | None, argv: Sequence[str]) -> list[str]:
        inside = ["nsenter", f"--net=/run/netns/{netns}", "--"] if netns else []
        return [*inside, *argv]

    def devices(self, places: Collection[str]) -> dict[str, dict[str, str]]:
        """Return by place its devices and their MAC addresses; none where there is no place."""

        def at(own: SshHost) -> dict[str, dict[str, str]]:
            here = {place: shell.line(self._enter(self.namespace(place), LINKS))
                    for place in places if _host_of(place) == own.name}  # fmt: skip
            return {place: macs(answer) for place, answer in own.remote.ask(here).items()}

        told = self._both(at)
        return {place: told[_host_of(place)][place] for place in places}

    def mtu(self, host: Host, netns: str | None, device: str) -> int:
        """Return the MTU, in bytes, that the kernel gives a device of a host or of a pod on it."""
        own, argv = self._own[host.name], self._enter(netns, ["ip", "-j", "link", "show", device])
        answer = Answer(own.machine.name, shlex.join(argv), own.remote.command(argv))
        for link in answer.entries("mtu"):
            return int(link["mtu"])
        raise answer.odd(f"names no {device}")

    def datagrams(self, host: Host, netns: str | None) -> RemoteDatagrams:
        """Return a new UDP socket of a host, or of a pod on it."""
        source = Path(datagrams.__file__).read_text(encoding="utf-8")
        argv = self._enter(netns, ["python3", "-c", source])
        return RemoteDatagrams(self._own[host.name].remote.talk(argv))

    def sysctl(self, host: Host, key: str) -> str:
        """Return a kernel parameter of a host."""
        return self._own[host.name].remote.command(["sysctl", "-n", key]).strip()

    # ── CPUs ──────────────────────────────────────────────────────────────────────────────────

    def cpu_times(self) -> dict[str, CpuTimes]:
        """Return what each host's CPUs have spent so far."""
        said = self._both(lambda own: own.remote.run("cat /proc/uptime /proc/stat"))
        return {name: CpuTimes.read(text) for name, text in said.items()}

    def instructions(self) -> dict[str, int] | None:
        """Return None: no counter exists for the instructions of a real CPU."""
        return None

    def others(self, since: Others | None = None) -> Others:
        """Return the CPU seconds of all processes but the load's, so far or since an answer."""
        now = self._both(lambda own: seconds_of(own.others()))
        if since is None:
            return now
        return {name: used_since(found, since[name]) for name, found in now.items()}

    def quotas(self) -> dict[str, quota.Reading | None]:
        """Return the CPU quotas of each host's control groups, which also limit the load."""
        argv = ["python3", "-c", Path(quota.__file__).read_text(encoding="utf-8")]
        return self._both(lambda own: quota.told(own.remote.command(argv)))

    def handover(self) -> float | None:
        """Return None: the CPUs of two hosts share no cache."""
        return None

    # ── facts ─────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, Any]:
        """Return what distinguishes host a and its tools, and under ``hosts`` both hosts."""
        hosts = {name: own.survey.environment() for name, own in self._own.items()}
        return {**hosts["a"], "hosts": hosts}

    def facts(self) -> dict[str, Any]:
        """Return the facts of this bed that a reader needs to judge its figures."""
        return {
            "bed": self.name,
            "machines": {name: own.machine.name for name, own in self._own.items()},
            "nics": {host.name: host.nic for host in self.hosts},
            "bare_nic": self._for_base(self._machines[0])[0] if self._turns else None,
            "idle_restart": False if self._turns else None,
            "cpus": {name: list(own) for name, own in self.cpus.items()},
            "quota": min(
                (found for own in self._own.values()
                 if (found := quota.allowed(own.survey.quota)) is not None), default=None),
            "ovs_datapath": self.hosts[0].ovs_datapath if self._ovs else None,
            "offloads": {name: own.survey.offloads.get(own.machine.nic, {})
                         for name, own in self._own.items()},
            "awake": any(own.survey.awake or (self._wakeful and own.survey.power)
                         for own in self._own.values()),
        }  # fmt: skip


def _host_of(place: str) -> str:
    return "b" if place.endswith("b") else "a"


def macs(links: Answer) -> dict[str, str]:
    """Return the MAC addresses of devices, by name, from the output of :data:`LINKS`.

    There are none where there is no such namespace.
    """
    if links.code and "No such file" in links.error:
        return {}
    return {link["ifname"]: link.get("address", "") for link in links.entries("ifname")}

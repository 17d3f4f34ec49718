"""Two real hosts, reached by SSH: the same plans as the lab's, as one script a host.

No host may be lost. Nothing is touched where the data interface also carries the connection, and
before anything is touched each host is given a way to take itself back (:mod:`.guard`). Two
snapshots prove that it is as it was.
"""

import json
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from cniperf.beds import cpus, shell, snapshot
from cniperf.beds.bed import Call, Others
from cniperf.beds.command import CommandFailed
from cniperf.beds.cputime import CpuTimes, seconds_of, used_since
from cniperf.beds.demand import Demand
from cniperf.beds.guard import Guard, Renewal
from cniperf.beds.journal import Journal
from cniperf.beds.remote import Process, Remote, RemoteDatagrams
from cniperf.beds.survey import survey
from cniperf.errors import (
    CannotWrite,
    CniperfError,
    NotRestored,
    StepFailed,
)
from cniperf.hosts import Host, Pod
from cniperf.inventory import Machine
from cniperf.measure.counters import END
from cniperf.plan import HostPlan, Plan
from cniperf.steps import SetSysctl

T = TypeVar("T")

# The wish for wake-ups within 0 µs is kept as long as the file is open, see cniperf.beds.awake.
AWAKE = 'exec 4>/dev/cpu_dma_latency; printf "\\0\\0\\0\\0" >&4; exec sleep 86400'

RESTORED_WITHIN = 5.0  # seconds: a deleted namespace's devices go a moment later


class SshBed:
    """Two hosts of a hosts file. Use it as a context manager.

    Args:
        machines: host a, which runs the clients, and host b.
        mtu: MTU that both data interfaces must have, in bytes.
        ovs: Open vSwitch is part of the path.
        udpcsum: whether VTEPs fill in the outer UDP checksum.
        pairs: pods on each host.
        tools: commands that the scheme and the load need, with their Debian packages.
        congestion: TCP congestion control that host a must know.
        allow_shared_nic: go on where the data interface carries the SSH connection or the
            default route.
        grace: seconds after which a host that hears nothing takes itself back.
    """

    name = "ssh"
    wire: Sequence[str] = ()
    pause = 5.0  # three commands on the hosts, whose CPUs the load has

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
        allow_shared_nic: bool = False,
        grace: int = 30,
    ) -> None:
        self._id = secrets.token_hex(2)
        self._machines = dict(zip("ab", machines, strict=True))
        self._mtu, self._ovs, self._udpcsum, self._pairs = mtu, ovs, udpcsum, pairs
        self._demand = Demand(mtu, tools or {}, congestion, ovs=ovs,
                              allow_shared_nic=allow_shared_nic)  # fmt: skip
        self.grace = grace
        self._remotes = {name: Remote(machine) for name, machine in self._machines.items()}
        self._guards: dict[str, Guard] = {}
        self._before: dict[str, dict[str, Any]] = {}
        self._undo: dict[str, list[list[str]]] = {"a": [], "b": []}
        self._pushed: dict[str, set[str]] = {"a": set(), "b": set()}
        self._renewal: Renewal | None = None

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self.journal = Journal.open(f"{self.name}-{self._id}")
        try:
            self._open()
        except BaseException:
            with suppress(CniperfError):
                self.close()
            raise
        return self

    def _open(self) -> None:
        self._both(lambda name: self._remotes[name].open())
        self._surveys = self._both(lambda name: survey(self._remotes[name]))
        self.hosts: tuple[Host, Host] = (self._host("a"), self._host("b"))
        self.cpus: Mapping[str, tuple[int, ...]] = {
            name: self._machines[name].cpu_list() or tuple(range(found.cpus))
            for name, found in self._surveys.items()
        }
        for name, found in self._surveys.items():
            self._demand.check(self._machines[name], found)
        self._before = self._both(lambda name: self._look(self._remotes[name]))
        self._guards = {name: Guard(remote, self.grace) for name, remote in self._remotes.items()}
        claimed = ExitStack()
        with claimed:
            for guard in self._guards.values():
                guard.claim()
                claimed.callback(guard.release)
            claimed.pop_all()
        self._both(self._prepare)
        self._renewal = Renewal(list(self._guards.values()))

    def _look(self, remote: Remote) -> dict[str, Any]:
        """Return what a host looks like, to hold it against that at the end."""
        return snapshot.take(remote)

    def _host(self, name: str) -> Host:
        machine, found = self._machines[name], self._surveys[name]
        address, _, prefixlen = machine.address.partition("/")
        pods = tuple(
            Pod(f"cniperf-{self._id}-pod-{name}{n if n > 1 else ''}", n)
            for n in range(1, self._pairs + 1)
        )
        return Host(
            name=name, nic=machine.nic, address=address, prefixlen=int(prefixlen), mtu=self._mtu,
            pods=pods, udpcsum=self._udpcsum,
            ovs_datapath=found.ovs_datapath if self._ovs else "system",
        )  # fmt: skip

    def _prepare(self, name: str) -> None:
        """Let a host forward for its pods, as the lab's do; first of all, arm its switch."""
        key = "net.ipv4.ip_forward"
        before = self._before[name]["sysctl"].get(key, "0")
        self._undo[name] = [SetSysctl(key, before).argv(), ["nft", "; ".join(END.splitlines())]]
        remote, guard = self._remotes[name], self._guards[name]
        guard.arm(self._undo[name])
        remote.command(SetSysctl(key, "1").argv())
        if self._surveys[name].awake:
            remote.start(["sh", "-c", AWAKE], None, guard.folder, f"{guard.folder}/awake")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except CniperfError as second:
            if problem is None:
                raise
            if isinstance(problem, CniperfError):  # both must be told
                raise NotRestored(f"{problem}; and {second}") from None

    def close(self) -> None:
        """Take back everything, and hold each host against what it was; safe to call twice."""
        if self._renewal:
            self._renewal.stop()
            self._renewal = None
        try:
            guards, self._guards = self._guards, {}
            problems = {name: self._restore(name, guard) for name, guard in guards.items()}
            found = [problems[name] or self._compared(name) for name in guards]
        finally:
            for remote in self._remotes.values():
                remote.close()
            self.journal.sweep()
        if told := [problem for problem in found if problem]:
            raise NotRestored("; ".join(told))

    def _restore(self, name: str, guard: Guard) -> str:
        """Take one host back; return why that could not be, or an empty text."""
        try:
            self._again(name)
            guard.release()
        except CniperfError as problem:
            return (
                f"{problem}; host {self._machines[name].name} takes itself back {self.grace} s "
                "after it heard the last of this run"
            )
        return ""

    def _compared(self, name: str) -> str:
        """Hold one host against what it was; return the difference, or an empty text."""
        who = f"host {self._machines[name].name}"
        try:
            changed = self._differences(name)
        except CniperfError as problem:
            return f"{problem}: nobody could see whether {who} is as it was"
        return f"{who} is not as it was: {'; '.join(changed)}" if changed else ""

    def _again(self, name: str) -> None:
        """Connect once more where the connection is gone."""
        remote = self._remotes[name]
        if not remote.alive:
            remote.close()
            remote.open()

    def _differences(self, name: str) -> list[str]:
        deadline = time.monotonic() + RESTORED_WITHIN
        while True:
            now = snapshot.take(self._remotes[name])
            changed = snapshot.differences(self._before[name], now)
            if not changed or time.monotonic() > deadline:
                return changed
            time.sleep(0.1)

    def _both(self, work: Callable[[str], T]) -> dict[str, T]:
        """Do the same for both hosts at once, which are given by their names."""
        with ThreadPoolExecutor(2) as threads:
            return dict(zip("ab", threads.map(work, "ab"), strict=True))

    def keep(self, folder: Path) -> None:
        """Write down a folder of this machine, for whoever sweeps after this process."""
        self.journal.add_folder(folder)

    # ── wiring ────────────────────────────────────────────────────────────────────────────────

    def apply(self, plan: Plan) -> None:
        """Wire both hosts at once, one script each; how to take all back is there first.

        Raises:
            StepFailed: the first step that was refused.
            HostLost: a host went away; it takes itself back.
        """
        sides = {side.host.name: side for side in plan}
        self._both(lambda name: self._arm(sides[name]))
        self._both(lambda name: self._wire(sides[name]))

    def _arm(self, side: HostPlan) -> None:
        back = [step.argv() for step in side.undo()]
        self._guards[side.host.name].arm([*back, *self._undo[side.host.name]])

    def _wire(self, side: HostPlan) -> None:
        remote = self._remotes[side.host.name]
        commands = [step.argv() for step in side.steps]
        file = f"{self._folder(side.host)}/wire.sh"
        remote.put(file, shell.steps(commands))
        try:
            remote.command(["sh", file])
        except CommandFailed as problem:
            if (found := shell.failed(problem.reason)) is None:
                raise
            number, reason = found
            step = shlex.join(commands[number])
            raise StepFailed(remote.machine.name, step, reason) from None

    def undo(self, plan: Plan) -> None:
        """Unwire both hosts; what is refused shows in the snapshot at the end."""
        back = {side.host.name: [step.argv() for step in side.undo()] for side in plan}
        self._both(lambda name: self._remotes[name].run(shell.best_effort(back[name]) + "true"))

    # ── load ──────────────────────────────────────────────────────────────────────────────────

    def start(self, host: Host, netns: str | None, argv: Sequence[str], output: Path) -> Process:
        """Start a command on a host; it ends with this process, however that ends."""
        self._raise_if_lost()
        folder = output.parent
        if any(str(folder) in word for word in argv):
            self._push(host, folder)
        words = ["taskset", "-c", cpus.text(self.cpus[host.name]),
                 *(self._there(host, word, folder) for word in argv)]  # fmt: skip
        twin = self._there(host, str(output), folder)
        return self._remotes[host.name].start(words, netns, self._folder(host), twin)

    def _folder(self, host: Host) -> str:
        return self._guards[host.name].folder

    def _there(self, host: Host, text: str, folder: Path) -> str:
        """Return a text that names a folder of this machine as one that names its twin."""
        return text.replace(str(folder), f"{self._folder(host)}/files")

    def _push(self, host: Host, folder: Path) -> None:
        """Bring what a generator has written for its processes to the host."""
        for file in folder.iterdir():
            if file.is_file() and file.name not in self._pushed[host.name]:
                with suppress(UnicodeDecodeError):
                    text = self._there(host, file.read_text(), folder)
                    twin = self._there(host, str(file), folder)
                    self._remotes[host.name].put(twin, text)
                    self._pushed[host.name].add(file.name)

    def collect(self, folder: Path) -> None:
        """Bring here what commands have left in this folder's twins on the hosts.

        Raises:
            HostLost: a host went away.
            CannotWrite: there is no place for it.
        """
        self._raise_if_lost()
        self._both(lambda name: self._collect(name, folder))

    def _collect(self, name: str, folder: Path) -> None:
        remote, files = self._remotes[name], f"{self._guards[name].folder}/files"
        for file in remote.files(files):
            if file not in self._pushed[name] and not file.endswith(".pid"):
                try:
                    remote.get(f"{files}/{file}", folder / file)
                except OSError as problem:
                    raise CannotWrite(f"{folder.parent}: {problem.strerror}") from None

    def _raise_if_lost(self) -> None:
        if self._renewal and self._renewal.problem:
            raise self._renewal.problem

    def make_gate(self, host: Host, gate: Path) -> None:
        """Make a named pipe on a host."""
        self._remotes[host.name].command(["mkfifo", self._there(host, str(gate), gate.parent)])

    def open_gate(self, host: Host, gate: Path) -> None:
        """Let go all who wait to read from a gate."""
        twin = shell.line([self._there(host, str(gate), gate.parent)])
        self._remotes[host.name].run(f": >{twin}")

    def remove_gate(self, host: Host, gate: Path) -> None:
        """Remove a gate."""
        self._remotes[host.name].command(["rm", self._there(host, str(gate), gate.parent)])

    # ── a look inside ─────────────────────────────────────────────────────────────────────────

    def namespace(self, place: str) -> str:
        """Return the namespace of a place: ``pod-a`` or ``pod-b``; a host's has no name."""
        name = place.removeprefix("pod-")
        return "" if place == name else f"cniperf-{self._id}-{place}"

    def command(self, place: str, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command at a place, with a text to read, and return what it says."""
        return self.commands([Call(place, argv, text)])[0]

    def commands(self, calls: Sequence[Call]) -> list[str]:
        """Run commands, those at one host in this order, in one round trip to each host."""
        told: dict[int, str] = {}

        def at(name: str) -> None:
            here = {n: call for n, call in enumerate(calls) if _host_of(call.place) == name}
            inside = [(self._enter(self.namespace(call.place), call.argv), call.text)
                      for call in here.values()]  # fmt: skip
            if inside:
                told.update(zip(here, self._remotes[name].commands(inside), strict=True))

        self._both(at)
        return [told[n] for n in range(len(calls))]

    def _enter(self, netns: str | None, argv: Sequence[str]) -> list[str]:
        inside = ["nsenter", f"--net=/run/netns/{netns}", "--"] if netns else []
        return [*inside, *argv]

    def devices(self, places: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return by place its devices and their MAC addresses; none where there is no place."""
        lines = {
            place: shell.line(self._enter(self.namespace(place), ["ip", "-j", "link"]))
            for place in places
        }

        def at(name: str) -> dict[str, str]:
            here = {place: line for place, line in lines.items() if _host_of(place) == name}
            return shell.answers(self._remotes[name].run(shell.ask(here)))

        told = self._both(at)
        links = {place: json.loads(told[_host_of(place)][place] or "[]") for place in lines}
        return {
            place: {link["ifname"]: link.get("address", "") for link in found}
            for place, found in links.items()
        }

    def mtu(self, host: Host, netns: str | None, device: str) -> int:
        """Return the MTU, in bytes, that the kernel gives a device of a host or of a pod on it."""
        argv = self._enter(netns, ["ip", "-j", "link", "show", device])
        (link,) = json.loads(self._remotes[host.name].command(argv))
        return int(link["mtu"])

    def datagrams(self, ends: Sequence[tuple[Host, str | None]]) -> list[RemoteDatagrams]:
        """Return a new UDP socket of each host, or of a pod on it whose namespace is given."""
        source = Path(__file__).with_name("datagrams.py").read_text()
        return [
            RemoteDatagrams(
                self._remotes[host.name].talk(self._enter(netns, ["python3", "-c", source]))
            )
            for host, netns in ends
        ]

    def sysctl(self, host: Host, key: str) -> str:
        """Return a kernel parameter of a host."""
        return self._remotes[host.name].command(["sysctl", "-n", key]).strip()

    # ── CPUs ──────────────────────────────────────────────────────────────────────────────────

    def cpu_times(self) -> dict[str, CpuTimes]:
        """Return what each host's CPUs have spent so far."""
        said = self._both(lambda name: self._remotes[name].run("cat /proc/uptime /proc/stat"))
        return {name: CpuTimes.read(text) for name, text in said.items()}

    def instructions(self) -> dict[str, int] | None:
        """Return None: nobody counts what a real CPU executes."""
        return None

    def others(self, since: Others | None = None) -> Others:
        """Return the CPU seconds of all processes but the load's, so far or since an answer."""
        now = self._both(lambda name: seconds_of(self._stats(name)))
        if since is None:
            return now
        return {name: used_since(found, since[name]) for name, found in now.items()}

    def _stats(self, name: str) -> str:
        """Return ``/proc/PID/stat`` of all processes but those that this bed started."""
        pids = shell.line([f"{self._guards[name].folder}/pids"])
        own = f"own=\" $(cut -d' ' -f1 {pids} | tr '\\n' ' ')\""
        skip = 'p=${f%/stat}; p=${p#/proc/}; case "$own" in *" $p "*) continue;; esac'
        # One `cat` for all: a process for each would take longer than the look.
        list_ = f'set --; for f in /proc/[0-9]*/stat; do {skip}; set -- "$@" "$f"; done'
        script = f'{own}; {list_}; cat "$@" 2>/dev/null; true'
        return self._remotes[name].run(script)

    def handover(self) -> float | None:
        """Return None: the CPUs of two hosts share no cache."""
        return None

    # ── facts ─────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, Any]:
        """Return what tells host a and its tools from others, and under ``hosts`` both."""
        hosts = {name: found.environment() for name, found in self._surveys.items()}
        return {**hosts["a"], "hosts": hosts}

    def facts(self) -> dict[str, Any]:
        """Return what a reader must know of this bed to judge a figure from it."""
        return {
            "bed": self.name,
            "machines": {name: machine.name for name, machine in self._machines.items()},
            "nics": {host.name: host.nic for host in self.hosts},
            "grace": self.grace,
            "cpus": {name: list(own) for name, own in self.cpus.items()},
            "ovs_datapath": self.hosts[0].ovs_datapath if self._ovs else None,
            "offloads": {name: found.offloads[self._machines[name].nic]
                         for name, found in self._surveys.items()},
            "awake": all(found.awake for found in self._surveys.values()),
        }  # fmt: skip


def _host_of(place: str) -> str:
    return "b" if place.endswith("b") else "a"

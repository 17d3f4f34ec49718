"""The lab: two hosts on one machine, as network namespaces joined by a bridge in a third.

::

    cniperf-ID-a          cniperf-ID-wire          cniperf-ID-b
    eth0 ──────── port-a ─── br0 ─── port-b ──────── eth0
    192.168.20.42                                  192.168.20.43
    eth1 ──────── bare-a ─── br1 ─── bare-b ──────── eth1      (where hostnetwork runs beside)
    192.168.21.42                                  192.168.21.43

The lab is wired with the same steps as any scheme, so cniperf can also print it as commands. It
makes no device, address or route in the root namespace.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

from cniperf import stop
from cniperf.beds import cpus, quota, reaper
from cniperf.beds.awake import awake, kept_awake
from cniperf.beds.bed import Call, Others
from cniperf.beds.caches import handover
from cniperf.beds.child import LocalChild
from cniperf.beds.command import run
from cniperf.beds.cputime import CpuTimes, process_seconds, used_since
from cniperf.beds.datagrams import Datagrams
from cniperf.beds.journal import NETNS_DIR, Journal, state_dir
from cniperf.beds.lab import ovs, steering
from cniperf.beds.lab.blueprint import BARE_ADDRESSES, BARE_NIC, Blueprint, Names
from cniperf.beds.lab.host import LabHost, refusals
from cniperf.beds.lab.netlink import shared
from cniperf.beds.opened import Opened
from cniperf.beds.privilege import is_rootless, require_root
from cniperf.conflist import Conflist
from cniperf.environment import fingerprint
from cniperf.errors import Busy, StepFailed
from cniperf.hosts import ARTICLE_HOSTS, Endpoint, Host
from cniperf.ip import Version
from cniperf.nics import NICS
from cniperf.plan import HostPlan, Plan
from cniperf.steps import KEEP_WINDOW, AddNetns, NetlinkStep, SetSysctl, Step

# Not there without br_netfilter.
BRIDGE_NETFILTER: dict[Version, str] = {
    4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables",
}  # fmt: skip


class Lab(Opened):
    """Two hosts on this machine. Use it as a context manager.

    Args:
        nic: what the hosts' NICs can do: ``virtio`` (no tunnel segmentation), ``offload``
            (everything), ``plain`` (no segmentation, no receive aggregation), or another of
            :data:`cniperf.nics.NICS`.
        mtu: MTU of the wire in bytes.
        gro: generic receive offload of the NICs: ``on``, ``off``, or ``default``.
        udpcsum: whether VTEPs fill in the outer UDP checksum.
        ip: version of IP of the hosts and their pods.
        cni: the network of scheme ``cni``, if that is wired.
        ovs: start Open vSwitch on both hosts.
        pairs: pods on each host.
        bare: give each host a second NIC, for a hostnetwork that no scheme touches.
        wakeful: keep CPUs awake; see :mod:`cniperf.beds.awake`.
        guarded: remove it when it is closed or its owner was killed; False where the machine
            ends with it.
    """

    name = "lab"
    wire: Sequence[str] = ("port-a", "port-b")
    one_machine = True
    apart = together = False
    pause = 1.0

    def __init__(
        self,
        *,
        nic: str = "virtio",
        mtu: int = 1500,
        gro: str = "default",
        udpcsum: bool = False,
        ip: Version = 4,
        cni: Conflist | None = None,
        ovs: bool = False,
        pairs: int = 1,
        bare: bool = False,
        wakeful: bool = False,
        guarded: bool = True,
    ) -> None:
        self.names = Names(secrets.token_hex(2), pairs)
        self._bare, self._wakeful, self._guarded = bare, wakeful, guarded
        self.nic, self._gro, self._udpcsum, self._ovs = nic, gro, udpcsum, ovs
        self._ip, self._cni = ip, cni
        self._rundir = state_dir() / self.names.lab
        self.hosts: tuple[Host, Host] = tuple(self._host(host, mtu) for host in ARTICLE_HOSTS)  # type: ignore[assignment]
        self.cpus: Mapping[str, tuple[int, ...]] = dict(zip("ab", cpus.split(), strict=True))
        self._masks = steering.masks(self.cpus)
        self._netlink = shared()
        self._appliers = {
            host.name: LabHost(
                self.names.host(host.name), self._netlink, ovs_environ(self._rundir, host)
            )
            for host in self.hosts
        }
        self._children: list[LocalChild] = []

    def _host(self, host: Host, mtu: int) -> Host:
        return replace(
            host.speaking(self._ip),
            mtu=mtu,
            pods=self.names.pods(host.name, self._ip),
            plain=self.nic == "plain",
            segment=NICS[self.nic].segment,
            udpcsum=self._udpcsum,
            cni=self._cni,
            ovs_datapath=ovs.datapath() if self._ovs else "system",
        )

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        require_root()
        if self._ovs:
            ovs.require()
        for name in self.names.all():  # before the journal claims them
            if (NETNS_DIR / name).exists():
                raise Busy(
                    f"namespace {name} already exists, and the lab needs this name: "
                    "`ip netns del` it if it is unused"
                )
        self.journal = Journal.open(self.names.lab)
        self._stack = ExitStack()
        return super().__enter__()

    @stop.later()
    def close(self) -> None:
        """Undo everything the lab made; safe to call twice."""
        if not self._guarded:
            return
        for child in self._children:
            child.terminate()
        for name in self.names.all():
            self._netlink.do(lambda name=name: self._netlink.forget(name))  # type: ignore[misc]
        self.journal.sweep()
        for child in self._children:
            child.wait()
        self._children.clear()
        self._stack.close()
        if hasattr(self, "_reaper"):
            reaper.dismiss(self._reaper)

    def _open(self) -> None:
        if self._guarded:
            self._reaper = reaper.start(self.journal)
        self._stack.enter_context(kept_awake(self._wakeful))
        for name in self.names.all():
            self.journal.add_namespace(name)
        wire = LabHost(self.names.wire, self._netlink)
        self._blueprint = Blueprint(self.names, self.hosts, self.nic, self._gro, self._masks)
        self._take(AddNetns(self.names.wire), "wire", wire)
        for step in self._blueprint.lab():
            self._take(step, "wire", wire)
        # A wire filters nothing; with br_netfilter loaded each packet would pass its hooks.
        wire.run(["sysctl", "-eqw", *(f"{key}=0" for key in BRIDGE_NETFILTER.values())])
        self._steer("port", {host.name: host.nic for host in self.hosts})
        if self._bare:
            self._build_bare(wire)
        if self._ovs:
            self.journal.add_folder(self._rundir)
            for host in self.hosts:
                self._start_ovs(host)

    def _build_bare(self, wire: LabHost) -> None:
        for step in self._blueprint.bare():
            self._take(step, "wire", wire)
        self._steer("bare", {host.name: BARE_NIC for host in self.hosts})

    def _start_ovs(self, host: Host) -> None:
        rundir = self._rundir / host.name
        rundir.mkdir(parents=True)
        ovs.start(
            rundir,
            start=lambda argv, log: self.start(host, None, argv, log),
            run=self._appliers[host.name].run,
        )

    # ── wiring ────────────────────────────────────────────────────────────────────────────────

    def apply(self, plan: Plan, *, by: str = "netlink") -> None:
        """Wire both hosts.

        Args:
            plan: what to wire; made for this lab's hosts.
            by: ``netlink``, or ``argv`` to run each step as its command.

        Raises:
            StepFailed: the first step that a host rejected.
        """
        for side in plan:
            self._take_all(side, side.steps, by)

    def undo(self, plan: Plan, *, by: str = "netlink") -> None:
        """Unwire both hosts: undo every step, and raise the first refusal last."""
        refused = []
        for side in plan:
            for step in side.undo():
                try:
                    self._take_all(side, (step,), by)
                except StepFailed as problem:
                    refused.append(problem)
        if refused:
            raise refused[0]

    def _take_all(self, side: HostPlan, steps: Sequence[Step], by: str) -> None:
        applier = self._appliers[side.host.name]
        for step in steps:
            self._take(step, side.host.name, applier, by)

    def _take(self, step: Step, host: str, applier: LabHost, by: str = "netlink") -> None:
        """Make one change.

        A command runs on the caller's thread, where a signal ends it: one that waits for a
        daemon (``ovs-vsctl``) could otherwise outlive the lab.
        """
        stop.look()
        with refusals(step, host):
            if by == "netlink" and isinstance(step, NetlinkStep):
                self._netlink.do(lambda: step.apply(applier))
            else:
                applier.run(step.argv())

    def _steer(self, port: str, nics: Mapping[str, str]) -> None:
        for host, nic in nics.items():
            devices = {self.names.wire: f"{port}-{host}", self.names.host(host): nic}
            steering.steer(devices, self.cpus[host])

    # ── load ──────────────────────────────────────────────────────────────────────────────────

    def start(self, host: Host, netns: str | None, argv: Sequence[str], output: Path) -> LocalChild:
        """Start a command on a host's own CPUs, in the host's or a pod's namespace.

        It ends with this process, and is recorded for the sweep after it.

        Args:
            host: one of ``hosts``.
            netns: the pod's namespace, or None for the host's.
            argv: the command.
            output: file for what it prints, errors included.
        """
        applier = self._appliers[host.name]
        pinned = ["taskset", "-c", cpus.text(self.cpus[host.name]), *argv]
        with output.open("wb") as file:
            child = LocalChild(
                applier.enter(pinned, netns),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=applier.environ,
                start_new_session=True,
            )
        self._children.append(child)
        self.journal.add_process(child.pid)
        return child

    def start_python(
        self, host: Host, program: Path, word: str, output: Path, netns: str | None = None
    ) -> LocalChild:
        """Start one of cniperf's programs on a host; see :class:`cniperf.beds.bed.Bed`."""
        return self.start(host, netns, [sys.executable, "-SE", str(program), word], output)

    def bare(self, plan: Plan) -> tuple[Endpoint, Endpoint] | None:
        """Return the ends of a hostnetwork beside a plan that is wired; None where there is none.

        In its namespaces, and in the pods', TCP then keeps its window over a rest.
        """
        if not self._bare:
            return None
        for side in plan:
            for namespace in (None, *(end.netns for end in side.endpoints if end.netns)):
                self._keep_window(side.host, namespace)
        a, b = (
            Endpoint(None, host.form(BARE_ADDRESSES[host.name]), BARE_NIC, host.mtu)
            for host in self.hosts
        )
        return a, b

    def _keep_window(self, host: Host, netns: str | None) -> None:
        step = SetSysctl(KEEP_WINDOW, "0", netns=netns)
        self._take(step, host.name, self._appliers[host.name])

    def collect(self, folder: Path) -> None:
        """Do nothing: what commands leave in a folder is here."""

    def make_gate(self, host: Host, gate: Path) -> None:
        """Make a named pipe."""
        os.mkfifo(gate)

    def open_gate(self, host: Host, gate: Path) -> None:
        """Release every process that waits to read from a gate."""
        os.close(os.open(gate, os.O_WRONLY))

    def remove_gate(self, host: Host, gate: Path) -> None:
        """Remove a gate."""
        gate.unlink()

    def keep(self, folder: Path) -> None:
        """Record a folder, for the sweep after this process."""
        self.journal.add_folder(folder)

    # ── CPUs ──────────────────────────────────────────────────────────────────────────────────

    def cpu_times(self) -> dict[str, CpuTimes]:
        """Return what the CPUs have spent so far: those of both hosts are this machine's."""
        return dict.fromkeys(self.cpus, CpuTimes.now())

    def instructions(self) -> dict[str, int] | None:
        """Return None: no counter exists for the instructions of a real CPU."""
        return None

    def others(self, since: Others | None = None) -> Others:
        """Return the CPU seconds of all processes but the load's, so far or since an answer."""
        own = {child.pid for child in self._children}
        now = process_seconds(without=own)
        return {"": now if since is None else used_since(now, since[""])}

    def quotas(self) -> dict[str, quota.Reading | None]:
        """Return the CPU quotas of this process's control groups, which also limit the load."""
        return {"": quota.read()}

    def handover(self) -> float | None:
        """Return how near the CPUs of the two hosts are now."""
        return handover(*self.cpus.values())

    # ── a look inside ─────────────────────────────────────────────────────────────────────────

    def namespace(self, place: str) -> str:
        """Return the namespace of a place: ``pod-a``, ``a``, ``wire``, ``b`` or ``pod-b``."""
        if place == "wire":
            return self.names.wire
        name = place.removeprefix("pod-")
        return self.names.host(name) if place == name else self.names.pod(name)

    def command(self, place: str, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command at a place, with a text to read, and return its output.

        Raises:
            CommandFailed: it failed or is not installed.
        """
        host = self._appliers["b" if place.endswith("b") else "a"]
        return run(host.enter(argv, self.namespace(place)), environ=host.environ, text=text)

    def commands(self, calls: Sequence[Call]) -> list[str]:
        """Run commands, one after the other, and return the output of each."""
        return [self.command(*call) for call in calls]

    def devices(self, places: Collection[str]) -> dict[str, dict[str, str]]:
        """Return by place its devices and their MAC addresses; none where there is no place."""
        return {place: self._links(self.namespace(place)) for place in places}

    def _links(self, namespace: str) -> dict[str, str]:
        if not (NETNS_DIR / namespace).exists():
            return {}
        return self._netlink.do(lambda: self._netlink.links(namespace))

    def mtu(self, host: Host, netns: str | None, device: str) -> int:
        """Return the MTU, in bytes, that the kernel gives a device of a host or of a pod on it."""
        namespace = netns or self.names.host(host.name)
        return self._netlink.do(lambda: self._netlink.mtu(device, namespace))

    def datagrams(self, host: Host, netns: str | None) -> Datagrams:
        """Return a new UDP socket of a host, or of a pod on it."""
        namespace = netns or self.names.host(host.name)
        return Datagrams(self._netlink.do(lambda: self._netlink.udp_socket(namespace, host.ip)))

    def sysctl(self, host: Host, key: str) -> str:
        """Return a kernel parameter: this machine's, for those that no namespace has."""
        return Path("/proc/sys", *key.split(".")).read_text(encoding="utf-8").strip()

    def ovs_environs(self) -> dict[str, dict[str, str]]:
        """Return the variables for Open vSwitch's tools, by host; none where it does not run."""
        return {
            host.name: ovs_environ(self._rundir, host) if self._ovs else {} for host in self.hosts
        }

    # ── facts ─────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, Any]:
        """Return what distinguishes this machine and its tools from others."""
        return fingerprint()

    def facts(self) -> dict[str, Any]:
        """Return the facts of this bed that a reader needs to judge its figures."""
        return {
            "bed": self.name,
            "nic": self.nic,
            "awake": awake(),
            "rootless": is_rootless(),
            "steered": steering.steered(),
            "cpus": {name: list(own) for name, own in self.cpus.items()},
            "one_core": cpus.one_core(chain(*self.cpus.values())),
            "quota": quota.allowed(quota.read()),
            "ovs_datapath": self.hosts[0].ovs_datapath if self._ovs else None,
            "offloads": {host.name: self._offloads(host) for host in self.hosts},
            "bridge_netfilter": {host.name: self._bridge_netfilter(host) for host in self.hosts},
            # What a hostnetwork beside the scheme runs on; its TCP keeps the window over a rest.
            "bare_nic": BARE_NIC if self._bare else None,
            "idle_restart": False if self._bare else None,
        }

    def _bridge_netfilter(self, host: Host) -> bool:
        """Return whether bridged packets pass a host's netfilter hooks, as in Kubernetes."""
        asked = ["sysctl", "-en", BRIDGE_NETFILTER[host.ip]]
        return run(self._appliers[host.name].enter(asked)) == "1\n"

    def _offloads(self, host: Host) -> dict[str, bool]:
        text = run(self._appliers[host.name].enter(["ethtool", "-k", host.nic]))
        pairs = (line.strip().split(": ") for line in text.splitlines()[1:] if ": " in line)
        states = {name: state.startswith("on") for name, state in pairs}
        shown = ("tcp-segmentation-offload", "generic-segmentation-offload",
                 "generic-receive-offload", "tx-checksumming",
                 "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")  # fmt: skip
        return {name: states[name] for name in shown if name in states}


def ovs_environ(rundir: Path, host: Host) -> dict[str, str]:
    """Return the variables that lead the Open vSwitch tools to a host's own daemons."""
    return ovs.environ(rundir / host.name)

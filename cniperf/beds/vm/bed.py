"""Two virtual machines with a full distribution kernel, which are wired by SSH as real hosts are.

::

    guest a                cniperf-ID-wire                guest b
    eth0 ───(tap)── port-a ─── br0 ─── port-b ──(tap)─── eth0
    mgmt0 ── QEMU's user network ── 127.0.0.1:2201 … 2202 of that namespace

The taps have vnet headers, so TCP segments cross in one piece, as between the guests of one
hypervisor; of a tunnel's they do not, as virtio_net has no tunnel segmentation. The namespace has
no way out, and QEMU's user network lets nothing of the guest out either (``restrict=on``).

Under software emulation Gbit/s mean little; there cniperf counts each guest's instructions.
"""

import os
import secrets
import shlex
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from cniperf import stop
from cniperf.beds import cpus, quota, reaper
from cniperf.beds.answer import Answer
from cniperf.beds.bed import Call
from cniperf.beds.bottle import plugin, qemu
from cniperf.beds.child import carried
from cniperf.beds.command import run
from cniperf.beds.cputime import TICKS, CpuTimes
from cniperf.beds.journal import NETNS_DIR, state_dir
from cniperf.beds.privilege import require_root
from cniperf.beds.ssh.process import Process
from cniperf.beds.ssh.reached import LINKS, Reached, macs
from cniperf.beds.ssh.sshd import make_keys, settings
from cniperf.errors import CniperfError
from cniperf.hosts import ARTICLE_HOSTS, Host
from cniperf.inventory import Machine

GRACE = 3600  # seconds: the guests go with this process
PORTS = {"a": 2201, "b": 2202}
QUEUE = 10_000  # packets in a tap's queue; with fewer VXLAN loses hundreds of them
SSHD_SETTINGS = settings(Path("/etc/ssh/key"), Path("/etc/ssh/authorized_keys"), {})


class VmBed(Reached):
    """Two guests on this machine. Use it as a context manager.

    Args:
        mtu: MTU of the wire in bytes.
        ovs, udpcsum, pairs, tools, congestion, devices, wakeful: as
            :class:`cniperf.beds.ssh.reached.Reached` has them.
    """

    name = "vm"
    wire: Sequence[str] = ("port-a", "port-b")
    pause = 1.0  # a look costs the guests nothing

    def __init__(
        self,
        *,
        mtu: int = 1500,
        ovs: bool = False,
        udpcsum: bool = False,
        pairs: int = 1,
        tools: Mapping[str, str] | None = None,
        congestion: str = "",
        devices: Collection[str] = (),
        wakeful: bool = False,
    ) -> None:
        self._folder_here = state_dir() / f"vm-{secrets.token_hex(2)}"
        self._wire_netns = f"cniperf-{self._folder_here.name}-wire"
        self._guests: dict[str, qemu.Guest] = {}
        super().__init__(
            (self._machine(ARTICLE_HOSTS[0]), self._machine(ARTICLE_HOSTS[1])), mtu=mtu, ovs=ovs,
            udpcsum=udpcsum, pairs=pairs, tools=tools, congestion=congestion,
            devices=devices, wakeful=wakeful, grace=GRACE,
        )  # fmt: skip

    def _machine(self, host: Host) -> Machine:
        enter = f"setsid nsenter --net={NETNS_DIR / self._wire_netns}"
        return Machine(
            name=host.name, ssh=host.name, user="root", key=self._folder_here / "user",
            known_hosts=self._folder_here / "known_hosts",
            proxy_command=f"{enter} socat - TCP:127.0.0.1:{PORTS[host.name]}",
            nic=host.nic, address=f"{host.address}/{host.prefixlen}", port=0,
        )  # fmt: skip

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        require_root()
        qemu.require()
        self._reaper = reaper.start(self.journal)
        self.journal.add_folder(self._folder_here)
        self._folder_here.mkdir(mode=0o700, parents=True)
        self.accelerator = qemu.accelerator(self.journal, self._folder_here / "hello")
        self._counter, self._uncounted = plugin.plugin() if self.accelerator == "tcg" else (
            None, "instructions are counted under software emulation only")  # fmt: skip
        self._lay_wire()
        make_keys(self._folder_here, PORTS)
        for host in ARTICLE_HOSTS:
            self._guests[host.name] = self._boot(host)
        for guest in self._guests.values():
            guest.says("ready")
        self._reach()
        self._claim()

    def _lay_wire(self) -> None:
        wire = self._wire_netns
        self.journal.add_namespace(wire)
        run(["ip", "netns", "add", wire])
        size = ["mtu", str(self._mtu)]
        commands = [["link", "set", "lo", "up"], ["link", "add", "br0", *size, "type", "bridge"],
                    ["link", "set", "br0", "up"]]  # fmt: skip
        for port in self.wire:
            commands += [
                ["tuntap", "add", "dev", port, "mode", "tap", "vnet_hdr"],
                ["link", "set", port, *size, "txqueuelen", str(QUEUE), "master", "br0", "up"],
            ]
        for words in commands:
            run(["ip", "-n", wire, *words])

    def _boot(self, host: Host) -> qemu.Guest:
        name, own = host.name, self._folder_here / f"guest-{host.name}"
        own.mkdir()
        macs = [f"52:54:00:0{nic}:00:0{1 + 'ab'.index(name)}" for nic in "ab"]
        conf = {
            "kind": "host", "address": f"{host.address}/{host.prefixlen}", "mtu": str(self._mtu),
            "mac": macs[0], "control": macs[1], "ovs": "yes" if self._ovs else "",
        }  # fmt: skip
        here = self._folder_here
        files = {
            "/etc/ssh/cniperf.conf": SSHD_SETTINGS,
            "/etc/ssh/key": (here / name).read_text(encoding="utf-8"),
            "/etc/ssh/authorized_keys": (here / "authorized_keys").read_text(encoding="utf-8"),
        }
        forward = f"hostfwd=tcp:127.0.0.1:{PORTS[name]}-:22"
        nic = "virtio-net-pci,romfile="
        cpu = {"kvm": ["-accel", "kvm", "-cpu", "host"],
               "tcg": ["-accel", "tcg,thread=multi", "-cpu", qemu.NO_FAST_COPY]}  # fmt: skip
        options = [
            *cpu[self.accelerator], "-name", f"guest-{name},debug-threads=on",
            "-netdev", f"tap,id=wire,ifname=port-{name},script=no,downscript=no",
            "-device", f"{nic},netdev=wire,mac={macs[0]},rx_queue_size=1024",
            "-netdev", f"user,id=control,restrict=on,{forward}",
            "-device", f"{nic},netdev=control,mac={macs[1]}",
        ]  # fmt: skip
        if self._counter:
            options += ["-plugin", f"{self._counter},count={own / 'count'}"]
        pinned = ["taskset", "-c", cpus.text(cpus.split()["ab".index(name)])]
        enter = ["nsenter", f"--net={NETNS_DIR / self._wire_netns}", "--", *pinned]
        return qemu.Guest(own, conf, files=files, options=options, enter=enter,
                          journal=self.journal)  # fmt: skip

    @stop.later()
    def close(self) -> None:
        """End the guests, and take back what they were wired to; safe to call twice."""
        for own in self._own.values():
            own.remote.close()
        for guest in self._guests.values():
            guest.end()
        self._guests.clear()
        self.journal.sweep()
        if hasattr(self, "_reaper"):
            reaper.dismiss(self._reaper)
            del self._reaper

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the guests; report a problem that came from a guest that had ended before as such."""
        gone = None
        try:
            for guest in self._guests.values():
                guest.raise_if_gone()
        except qemu.GuestFailed as found:
            gone = found
        self.close()
        if gone and isinstance(problem, CniperfError):
            raise gone from None

    def _raise_if_lost(self) -> None:
        for guest in self._guests.values():
            guest.raise_if_gone()

    # ── load ──────────────────────────────────────────────────────────────────────────────────

    def start(self, host: Host, netns: str | None, argv: Sequence[str], output: Path) -> Process:
        """Start a command in a guest; what the host carries is read at its tap."""
        process = super().start(host, netns, argv, output)
        process.meter = partial(self._carried, f"port-{host.name}")
        return process

    def _carried(self, port: str) -> int | None:
        """Return the bytes that a guest has sent and received so far, without asking it."""
        # The counters of a namespace's devices are under /proc of a process inside: QEMU is.
        guest = self._guests.get(port.removeprefix("port-"))
        with suppress(OSError):
            if guest is not None:
                return carried(Path(f"/proc/{guest.pid}/net/dev").read_text(encoding="utf-8"), port)
        return None

    def cpu_times(self) -> dict[str, CpuTimes]:
        """Return what each guest's virtual CPU has spent so far of the CPU that it is on.

        Raises:
            GuestFailed: one has ended; the load on the other would keep waiting for it.
        """
        self._raise_if_lost()
        return {name: _vcpu(guest.pid) for name, guest in self._guests.items()}

    def instructions(self) -> dict[str, int] | None:
        """Return how many instructions each guest has executed so far."""
        counts = {name: plugin.read(guest.folder / "count") for name, guest in self._guests.items()}
        found = {name: count for name, count in counts.items() if count is not None}
        return found if found and len(found) == len(counts) else None

    def quotas(self) -> dict[str, quota.Reading | None]:
        """Return the CPU quotas of this process's control groups, which also limit the guests."""
        return {"": quota.read()}

    # ── a look inside ─────────────────────────────────────────────────────────────────────────

    def namespace(self, place: str) -> str:
        """Return the namespace of a place; that of the wire is on this machine."""
        return self._wire_netns if place == "wire" else super().namespace(place)

    def command(self, place: str, argv: Sequence[str], text: str | None = None) -> str:
        """Run a command at a place, with a text to read, and return its output."""
        if place == "wire":
            return run(["nsenter", f"--net={NETNS_DIR / self._wire_netns}", "--", *argv], text=text)
        return super().command(place, argv, text)

    def commands(self, calls: Sequence[Call]) -> list[str]:
        """Run commands; those at the wire are run here."""
        there = iter(super().commands([call for call in calls if call.place != "wire"]))
        return [self.command(*call) if call.place == "wire" else next(there) for call in calls]

    def devices(self, places: Collection[str]) -> dict[str, dict[str, str]]:
        """Return by place its devices and their MAC addresses; none where there is no place."""
        found = super().devices([place for place in places if place != "wire"])
        if "wire" not in places:
            return found
        said = self.command("wire", LINKS)
        return {**found, "wire": macs(Answer("", shlex.join(LINKS), said))}

    # ── facts ─────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, Any]:
        """Return what distinguishes guest a and its tools, and under ``hosts`` both guests."""
        found = super().environment()
        return {**found, "versions": {**found["versions"], "qemu": qemu.version()}}

    def facts(self) -> dict[str, Any]:
        """Return the facts of this bed that a reader needs to judge its figures."""
        own = {name: list(numbers) for name, numbers in zip("ab", cpus.split(), strict=True)}
        return {
            **super().facts(),
            "nic": "virtio",
            "accelerator": self.accelerator,
            "meter": "instructions" if self._counter else "clock",
            "uncounted": self._uncounted,
            "cpus": own,
            "quota": quota.allowed(quota.read()),
            "memory": qemu.MEMORY,
        }


def _vcpu(pid: int) -> CpuTimes:
    """Return the CPU time of a guest's one virtual CPU, the rest being idle."""
    now, used = time.monotonic(), 0.0
    with suppress(OSError):
        for task in os.scandir(f"/proc/{pid}/task"):
            name, _, fields = (
                Path(task.path, "stat")
                .read_text(encoding="utf-8", errors="replace")
                .rpartition(")")
            )
            if "(CPU 0/" in name:
                used = sum(map(int, fields.split()[11:13])) / TICKS
    return CpuTimes(now, idle={0: int((now - used) * TICKS)}, stolen={0: 0})

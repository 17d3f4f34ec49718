"""``lab``: two hosts as network namespaces on this machine."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import which
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cniperf.beds.kind import Kind
from cniperf.errors import NotAble, ParameterError
from cniperf.modes import MODES
from cniperf.nics import NICS

if TYPE_CHECKING:
    from cniperf.beds.lab.bed import Lab
    from cniperf.hosts import Host
    from cniperf.params import Experiment

TOOLS = {
    "ip": "iproute2", "ethtool": "ethtool", "sysctl": "procps",
    "nft": "nftables", "nsenter": "util-linux", "taskset": "util-linux", "setpriv": "util-linux",
}  # fmt: skip


def missing_tools(generator: str = "iperf3", scheme: str = "hostnetwork") -> dict[str, str]:
    """Return the tools that a run needs and this machine lacks, with their packages."""
    from cniperf.generators import find as find_generator
    from cniperf.schemes import find as find_scheme

    needed = {**TOOLS, **find_generator(generator).package, **find_scheme(scheme).tools}
    return {tool: package for tool, package in needed.items() if which(tool) is None}


class LabKind(Kind):
    """See :class:`cniperf.beds.lab.bed.Lab`."""

    name = "lab"
    order = 1
    summary = "two namespaces here"
    building = "building the lab"
    here = namespaces = True
    # Noise of a block of turns is the same with slices of 10 and of 40 ms, so more of them give
    # more precision; within one machine 10 ms contain hundreds of round trips.
    turns = MappingProxyType({"slice": 0.01})
    completed_by = "counted"

    own = ("config", "cni_bin_dir")
    ips = (4, 6)
    nics = tuple(NICS)

    def carried(self) -> Sequence[str]:
        """Return the usual schemes; without an openvswitch module, those that need none."""
        from cniperf.beds.lab import ovs
        from cniperf.schemes import find

        there = ovs.datapath() == "system"
        return [name for name in self.usual if there or not find(name).ovs]

    def no_turns(self, asked: "Experiment") -> str:
        """Nothing is in the way: each host has a second NIC for hostnetwork."""
        return ""

    def check(self, asked: "Experiment") -> None:
        """Look for the right to make namespaces, the tools and the congestion control."""
        from cniperf.beds.privilege import is_root, is_rootless, require_namespaces
        from cniperf.environment import congestion_controls
        from cniperf.schemes import find as find_scheme

        require_namespaces()
        if find_scheme(asked.scheme).root and (not is_root() or is_rootless()):
            raise NotAble(f"{asked.scheme} needs root: only root may load its eBPF "
                          "programs")  # fmt: skip
        if asked.ip == 6 and not Path("/proc/net/if_inet6").exists():
            raise NotAble("ip=6 needs IPv6: this kernel lacks IPv6 or disables it "
                          "(ipv6.disable=1)")  # fmt: skip
        if missing := missing_tools(asked.generator, asked.scheme):
            packages = " ".join(sorted(set(missing.values())))
            raise NotAble(f"{', '.join(missing)} not found: apt-get install {packages}")
        plugins = asked.cni.programs if asked.cni else []
        if gone := [program for program in plugins if which(program) is None]:
            raise NotAble(
                f"CNI plugins not found: {', '.join(gone)}; apt-get install "
                "containernetworking-plugins, or give the folder they are in: --cni-bin-dir"
            )
        if asked.congestion not in congestion_controls():
            raise ParameterError(
                f"congestion={asked.congestion!r} is not allowed: this kernel has "
                f"{', '.join(congestion_controls())} (modprobe tcp_NAME may bring more)"
            )

    def environment(self) -> dict[str, Any]:
        """Return what distinguishes this machine and its tools from others."""
        from cniperf.environment import fingerprint

        return fingerprint()

    def foreseen(self, asked: "Experiment") -> dict[str, Any]:
        """Return whether CPUs are kept awake, and whether they receive for their own host."""
        from cniperf.beds.awake import awake, possible
        from cniperf.beds.lab.steering import steered

        return {"awake": awake() or (MODES[asked.mode].waits and possible()), "steered": steered()}

    def hosts(self, asked: "Experiment") -> "tuple[Host, Host]":
        """Return them with the datapath that Open vSwitch has here."""
        from cniperf.beds.lab import ovs

        a, b = super().hosts(asked)
        if asked.needs_ovs:
            a, b = (replace(host, ovs_datapath=ovs.datapath()) for host in (a, b))
        return a, b

    def open(self, asked: "Experiment") -> "Lab":
        """Return the lab, not yet built."""
        from cniperf.beds.lab.bed import Lab

        return Lab(
            nic=asked.nic,
            mtu=asked.mtu,
            gro=asked.gro,
            udpcsum=asked.udpcsum,
            ip=asked.ip,
            cni=asked.cni,
            ovs=asked.needs_ovs,
            pairs=asked.pairs,
            bare=asked.design == "interleaved",
            wakeful=MODES[asked.mode].waits,
        )


BED = LabKind()

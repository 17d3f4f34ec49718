"""What this machine can run, and what would mend what it cannot."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shutil import which

from cniperf.beds import ability, cpus, quota, shell
from cniperf.beds.answer import Answer
from cniperf.beds.bottle import qemu
from cniperf.beds.command import CommandFailed, run
from cniperf.beds.journal import journals
from cniperf.beds.lab import missing_tools, ovs
from cniperf.beds.lab.device_kinds import device_kinds
from cniperf.environment import congestion_controls
from cniperf.errors import NotAble
from cniperf.generators import all_generators
from cniperf.schemes import ARTICLE, all_schemes
from cniperf.schemes.scheme import Scheme

RAISE_QUOTA = (
    "docker run --cpus, Kubernetes' limits.cpu or systemd's CPUQuota: raise it, or have none"
)


def ask_here(questions: Mapping[str, str]) -> dict[str, Answer]:
    """Run lines of shell on this machine; see :meth:`cniperf.beds.ssh.remote.Remote.ask`."""
    return shell.answers(run(["sh", "-c", shell.ask(questions)], timeout=120), "", questions)


def runs(argv: Sequence[str]) -> bool:
    """Tell whether a command that is there can run at all: it may lack a library."""
    try:
        run(argv)
    except CommandFailed as problem:
        return "error while loading" not in problem.said and "cannot execute" not in problem.said
    return True


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Attributes:
        subject: a scheme or a part of the machine.
        ok: whether it will do.
        says: what was found.
        fix: the command or deed that mends it; empty where nothing is to be mended.
    """

    subject: str
    ok: bool
    says: str
    fix: str = ""


def examine() -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Return the findings about the machine, about each of the article's schemes, and the others.

    Kinds of device are tried in a network namespace of their own, which needs root; without it
    the schemes' findings say so.
    """
    machine = [
        _root(),
        *_tools(),
        *_abilities(),
        _generators(),
        _cpus(),
        _congestion(),
        _guests(),
        *_labs(),
    ]
    general = [finding for finding in machine if not finding.ok]
    if general:
        blocked = f"not before: {', '.join(finding.subject for finding in general)}"
        found = {name: Finding(name, False, blocked) for name in all_schemes()}
    else:
        lacking = lacking_kinds()
        found = {name: _scheme(scheme, lacking) for name, scheme in all_schemes().items()}
    further = [finding for name, finding in found.items() if name not in ARTICLE]
    return machine, [found[name] for name in ARTICLE], further


def lacking_kinds() -> dict[str, str]:
    """Return the kinds of device of any scheme that this kernel cannot make, and why."""
    schemes = all_schemes().values()
    return device_kinds({"veth", "bridge", *(kind for each in schemes for kind in each.devices)})


def _scheme(scheme: Scheme, lacking: dict[str, str]) -> Finding:
    needed = dict.fromkeys((*scheme.devices, "veth", "bridge"))  # the lab itself is veth and bridge
    gone = [f"{kind} ({lacking[kind]})" for kind in needed if kind in lacking]
    if gone:
        modules = " && ".join(f"modprobe {kind}" for kind in needed if kind in lacking)
        says = f"this kernel makes no {', '.join(gone)}"
        return Finding(
            scheme.name, False, says, f"{modules}; or --bed vm, which has another kernel"
        )
    if tools := {tool: package for tool, package in scheme.tools.items() if which(tool) is None}:
        return Finding(scheme.name, False, f"{', '.join(tools)} not found",
                       f"apt-get install {' '.join(tools.values())}")  # fmt: skip
    if scheme.ovs and (absent := ovs.missing()):
        return Finding(scheme.name, False, f"{', '.join(absent)} not found",
                       "apt-get install openvswitch-switch")  # fmt: skip
    if scheme.ovs and (why := ovs.trial()):
        return Finding(scheme.name, False, f"Open vSwitch is installed, but does not run: {why}",
                       "apt-get install --reinstall openvswitch-switch openvswitch-common; "
                       "or --bed vm")  # fmt: skip
    if scheme.ovs and ovs.datapath() == "netdev":
        says = (
            "on the userspace datapath, as this kernel has no openvswitch module: "
            "its figures compare with nothing else"
        )
        return Finding(scheme.name, True, says)
    return Finding(scheme.name, True, scheme.summary)


def _root() -> Finding:
    if os.geteuid() == 0:
        return Finding("privilege", True, "root")
    return Finding("privilege", False, "not root: the lab makes network namespaces",
                   "sudo cniperf doctor")  # fmt: skip


def _tools() -> list[Finding]:
    missing = missing_tools()
    if not missing:
        return [Finding("tools", True, "all there")]
    return [
        Finding(tool, False, "not found", f"apt-get install {package}")
        for tool, package in missing.items()
    ]


def _abilities() -> list[Finding]:
    """Try what a run will need; without root or the tools there is nothing to try it with."""
    if os.geteuid() != 0 or missing_tools() or which("unshare") is None:
        return []
    wanted = [*ability.needed(os.sched_getaffinity(0)), *ability.here()]
    if lacks := ability.lacking(wanted, ask_here):
        return [Finding(each.ability.name, False, each.reason, each.ability.mend)
                for each in lacks]  # fmt: skip
    return [Finding("abilities", True, ", ".join(each.name for each in wanted))]


def _generators() -> Finding:
    lacking = {
        name: {package for tool, package in each.package.items() if which(tool) is None}
        for name, each in all_generators().items()
    }
    broken = {name for name, each in all_generators().items() if not lacking[name]
              and not all(map(runs, each.versions.values()))}  # fmt: skip
    there = ", ".join(
        name for name, packages in lacking.items() if not packages and name not in broken
    )
    gone = [
        f"{name} is there, but does not run: apt-get install --reinstall "
        f"{' '.join(sorted(set(all_generators()[name].package.values())))}"
        for name in sorted(broken)
    ]
    gone += [
        f"no {name}: apt-get install {' '.join(sorted(packages))}"
        for name, packages in lacking.items() if packages
    ]  # fmt: skip
    return Finding("generators", True, "; ".join([there, *gone]))


def _cpus() -> Finding:
    try:
        count = len(set().union(*cpus.split()))
    except NotAble as problem:
        return Finding("CPUs", False, str(problem), "run it outside this container")
    says = (f"{count}: half for each host" if count > 1
            else "1: both hosts share it, so every figure is of the two together")  # fmt: skip
    if short := held_back(quota.read(), count):
        return Finding("CPUs", True, f"{says}; {short}", RAISE_QUOTA)
    return Finding("CPUs", True, says)


def held_back(reading: quota.Reading | None, count: int) -> str:
    """Return what a quota leaves of some CPUs, for people; empty where it leaves all."""
    limit = quota.allowed(reading)
    if reading is None or limit is None or limit >= count:
        return ""
    most = max(reading, key=lambda group: group["throttled"])
    return (
        f"but a quota allows the time of {limit:.2g} CPUs only ({most['throttled']} of "
        f"{most['periods']} periods throttled so far): loads will be flagged as throttled"
    )


def _congestion() -> Finding:
    found = congestion_controls()
    if "cubic" in found:
        return Finding("congestion", True, ", ".join(found))
    return Finding("congestion", False, f"only {', '.join(found)}", "modprobe tcp_cubic")


def _guests() -> Finding:
    if gone := qemu.missing():
        packages = " ".join(sorted(set(gone.values())))
        return Finding("guests", True, f"no {', '.join(gone)}: without it no bed vm, counted",
                       f"apt-get install {packages}")  # fmt: skip
    return Finding("guests", True, f"QEMU {qemu.version()}: beds vm and counted have their kernel")


def _labs() -> list[Finding]:
    dead = [journal.path.stem for journal in journals() if not journal.owner_lives()]
    if not dead:
        return []
    return [Finding("leftovers", True, f"labs {', '.join(dead)} lost their owner", "cniperf clean")]

"""What this machine can run, and how to fix what it cannot."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from shutil import which

from cniperf.beds import ability, cpus, quota, rootless, shell
from cniperf.beds.answer import Answer
from cniperf.beds.bottle import qemu
from cniperf.beds.command import CommandFailed, run
from cniperf.beds.journal import journals
from cniperf.beds.lab import missing_tools, ovs
from cniperf.beds.lab.device_kinds import device_kinds
from cniperf.beds.privilege import is_root, is_rootless
from cniperf.environment import congestion_controls
from cniperf.errors import NotAble
from cniperf.generators import all_generators
from cniperf.schemes import ARTICLE, all_schemes
from cniperf.schemes.scheme import Scheme

RAISE_QUOTA = (
    "raise or remove the limit: docker run --cpus, Kubernetes' limits.cpu, systemd's CPUQuota"
)


def ask_here(questions: Mapping[str, str]) -> dict[str, Answer]:
    """Run lines of shell on this machine; see :meth:`cniperf.beds.ssh.remote.Remote.ask`."""
    return shell.answers(run(["sh", "-c", shell.ask(questions)], timeout=120), "", questions)


def runs(argv: Sequence[str]) -> bool:
    """Return whether an installed command can start: it may lack a library."""
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
        ok: whether nothing stops a run.
        says: what was found.
        fixes: commands or deeds, each of which fixes it; none where nothing needs one.
    """

    subject: str
    ok: bool
    says: str
    fixes: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """How a reader sees it: ``ok``, ``warn`` (a run works without it) or ``NO``."""
        if not self.ok:
            return "NO"
        return "warn" if self.fixes else "ok"


def examine(
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Return the findings about the machine, about each of the article's schemes, and the others.

    It makes one device of each kind in a network namespace of its own. Where it may not make one,
    it does not check the schemes, and their findings report that.

    Args:
        tell: not used; see :func:`cniperf.beds.privilege.with_namespaces`.
    """
    machine = [
        _root(),
        *_tools(),
        *_abilities(),
        *_generators(),
        _cpus(),
        _congestion(),
        _guests(),
        *_labs(),
    ]
    general = [finding for finding in machine if not finding.ok]
    if general:
        blocked = f"not checked: first fix {', '.join(finding.subject for finding in general)}"
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
        says = f"this kernel cannot make {', '.join(gone)} devices"
        return Finding(scheme.name, False, says, (modules, _other_kernel(scheme)))
    if tools := {tool: package for tool, package in scheme.tools.items() if which(tool) is None}:
        return Finding(scheme.name, False, f"{', '.join(tools)} not found",
                       (f"apt-get install {' '.join(tools.values())}",))  # fmt: skip
    if scheme.ovs and (absent := ovs.missing()):
        return Finding(scheme.name, False, f"{', '.join(absent)} not found",
                       ("apt-get install openvswitch-switch",))  # fmt: skip
    if scheme.ovs and ovs.closed():
        return Finding(scheme.name, False, f"only root may open {ovs.TUN}",
                       (f"sudo chmod a+rw {ovs.TUN}", _other_kernel(scheme)))  # fmt: skip
    if scheme.ovs and (why := ovs.trial()):
        return Finding(scheme.name, False, f"Open vSwitch is installed, but does not run: {why}",
                       ("apt-get install --reinstall openvswitch-switch openvswitch-common",
                        _other_kernel(scheme)))  # fmt: skip
    if scheme.ovs and ovs.datapath() == "netdev":
        says = (
            "runs on the userspace datapath, because this kernel has no openvswitch module: "
            "do not compare its figures with others"
        )
        return Finding(scheme.name, True, says, (_other_kernel(scheme),))
    return Finding(scheme.name, True, scheme.summary)


def _other_kernel(scheme: Scheme) -> str:
    """Return the command that measures a scheme in guests, whose kernel supports every one."""
    return f"cniperf run {scheme.name} --bed vm"


def _root() -> Finding:
    if is_rootless():
        return Finding("privilege", True, "no root: labs lie in a user namespace")
    if is_root():
        return Finding("privilege", True, "root")
    refusal = rootless.refusal()
    assert refusal is not None  # or this would run in a user namespace
    return Finding("privilege", False, f"no root, and no user namespace ({refusal.reason})",
                   (*refusal.fixes[:-1], "sudo cniperf doctor"))  # fmt: skip


def _tools() -> list[Finding]:
    missing = missing_tools()
    if not missing:
        return [Finding("tools", True, "all installed")]
    return [
        Finding(tool, False, "not found", (f"apt-get install {package}",))
        for tool, package in missing.items()
    ]


def _abilities() -> list[Finding]:
    """Try what a run needs. Without root or the tools nothing can be tried."""
    if not is_root() or missing_tools() or which("unshare") is None:
        return []
    wanted = [*ability.needed(os.sched_getaffinity(0)), *ability.here()]
    if lacks := ability.lacking(wanted, ask_here):
        return [Finding(each.ability.name, False, each.reason, each.ability.fixes)
                for each in lacks]  # fmt: skip
    by = "packet sockets" if ability.lacking([ability.rules_count()], ask_here) else "rules of nft"
    return [Finding("abilities", True, ", ".join(each.name for each in wanted)),
            Finding("counting", True, f"{by} count the packets at devices")]  # fmt: skip


def _generators() -> list[Finding]:
    """Return the generators that run, in one finding, and each other in one of its own."""
    found: list[Finding] = []
    usable = []
    for name, each in all_generators().items():
        if gone := {package for tool, package in each.package.items() if which(tool) is None}:
            found.append(Finding(name, True, "not found, a generator of the load",
                                 (f"apt-get install {' '.join(sorted(gone))}",)))  # fmt: skip
        elif not all(map(runs, each.versions.values())):
            packages = " ".join(sorted(set(each.package.values())))
            found.append(Finding(name, True, "installed, but does not run",
                                 (f"apt-get install --reinstall {packages}",)))  # fmt: skip
        else:
            usable.append(name)
    return [Finding("generators", True, ", ".join(usable) or "none"), *found]


def _cpus() -> Finding:
    try:
        both = set().union(*cpus.split())
    except NotAble as problem:
        return Finding("CPUs", False, str(problem), ("run it outside this container",))
    count, cores = len(both), len(cpus.cores(both))
    says = f"{count}: half of the {'cores' if cores < count else 'CPUs'} for each host"
    if cores == 1:
        one = "1" if count == 1 else f"{count} threads of one core"
        says = f"{one}: both hosts share it, so every figure includes the work of both"
    if short := held_back(quota.read(), count):
        return Finding("CPUs", True, f"{says}; {short}", (RAISE_QUOTA,))
    return Finding("CPUs", True, says)


def held_back(reading: quota.Reading | None, count: int) -> str:
    """Return how a quota limits some CPUs, for people; empty where it does not."""
    limit = quota.allowed(reading)
    if reading is None or limit is None or limit >= count:
        return ""
    most = max(reading, key=lambda group: group["throttled"])
    return (
        f"but a quota allows the time of {limit:.2g} CPUs only ({most['throttled']} of "
        f"{most['periods']} periods throttled so far): runs get the flag throttled"
    )


def _congestion() -> Finding:
    found = congestion_controls()
    if "cubic" in found:
        return Finding("congestion", True, ", ".join(found))
    return Finding("congestion", False, f"only {', '.join(found)}", ("modprobe tcp_cubic",))


def _guests() -> Finding:
    if gone := qemu.missing():
        packages = " ".join(sorted(set(gone.values())))
        return Finding("guests", True, f"{', '.join(gone)} not found: beds vm and counted need it",
                       (f"apt-get install {packages}",))  # fmt: skip
    return Finding("guests", True, f"QEMU {qemu.version()}, for beds vm and counted")


def _labs() -> list[Finding]:
    dead = [journal.path.stem for journal in journals() if not journal.owner_lives()]
    if not dead:
        return []
    return [Finding("leftovers", True, f"killed runs left labs {', '.join(dead)}",
                    ("cniperf clean" if is_rootless() else "sudo cniperf clean",))]  # fmt: skip

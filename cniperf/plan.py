"""A plan: what is done to each of the two hosts, in order. Making one touches nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from cniperf.hosts import ARTICLE_HOSTS, Endpoint, Host
from cniperf.ip import Network
from cniperf.nics import NO_SEGMENTATION
from cniperf.schemes import find
from cniperf.schemes.scheme import Scheme
from cniperf.steps import (
    AddAddress,
    AddIpvlan,
    AddMacvlan,
    AddVeth,
    DelLink,
    MoveLink,
    SetFeatures,
    SetMaster,
    SetSegment,
    Step,
    created_devices,
)

if TYPE_CHECKING:
    from cniperf.params import Experiment


@dataclass(frozen=True)
class HostPlan:
    """The steps of one host, and the ends of the load that they make, one a pod."""

    host: Host
    steps: tuple[Step, ...]
    endpoints: tuple[Endpoint, ...]

    @property
    def endpoint(self) -> Endpoint:
        """The end of the load in the first pod."""
        return self.endpoints[0]

    def undo(self) -> tuple[Step, ...]:
        """Return the steps that take the host back to what it was, last change first."""
        return tuple(step for _, step in self.undo_each())

    def undo_each(self) -> tuple[tuple[int, Step], ...]:
        """Return the same, each with the number of the step that it undoes, counted from 1."""
        handed = {step.device: step.into for step in self.steps if isinstance(step, MoveLink)}
        back = [(number, step.undo()) for number, step in enumerate(self.steps, 1)]
        return tuple((n, _where_it_is(step, handed)) for n, step in reversed(back) if step)

    def script(self) -> str:
        """Return the shell commands that wire this host, one a line."""
        return _script(self, "wire", self.steps)

    def undo_script(self) -> str:
        """Return the shell commands that unwire this host, one a line."""
        return _script(self, "unwire", self.undo())


@dataclass(frozen=True)
class Plan:
    """One scheme between two hosts. ``str(plan)`` is the shell script of both."""

    scheme: str
    a: HostPlan
    b: HostPlan

    def __iter__(self) -> Iterator[HostPlan]:
        return iter((self.a, self.b))

    def networks(self) -> list[Network]:
        """Return the networks that the steps bring to the hosts, in order."""
        given = (step.cidr for side in self for step in side.steps if isinstance(step, AddAddress))
        found = {ip_interface(cidr).network for cidr in given}
        return sorted(found, key=lambda each: (each.version, int(each.network_address)))

    def __str__(self) -> str:
        return "\n".join(side.script() for side in self)


def make_plan(scheme: str | Scheme, a: Host | None = None, b: Host | None = None) -> Plan:
    """Plan a scheme between two hosts, the article's two by default.

    Raises:
        UnknownScheme: no scheme has this name.
    """
    chosen = find(scheme) if isinstance(scheme, str) else scheme
    here, there = a or ARTICLE_HOSTS[0], b or ARTICLE_HOSTS[1]

    def side(host: Host, peer: Host) -> HostPlan:
        steps = tuple(_with_offloads(host, chosen.wire(host, peer)))
        return HostPlan(host, steps, tuple(chosen.endpoint(host, pod) for pod in host.pods))

    return Plan(chosen.name, side(here, there), side(there, here))


def planned(experiment: "Experiment", hosts: tuple[Host, Host] | None = None) -> Plan:
    """Plan what a run of an experiment wires.

    Args:
        experiment: what is measured.
        hosts: those of its bed, once it is open; before that, what is known of them: they differ
            by the names of the pods' namespaces.
    """
    from cniperf.beds import find as find_bed

    return make_plan(experiment.scheme, *(hosts or find_bed(experiment.bed).hosts(experiment)))


def _where_it_is(step: Step, handed: Mapping[str, str]) -> Step:
    """Look for a device that is to be deleted in the pod that it was handed to.

    It would go with the pod's namespace anyway, but some time later.
    """
    if isinstance(step, DelLink) and step.name in handed:
        return replace(step, netns=handed[step.name])
    return step


def with_segments(host: Host, step: Step) -> Iterator[Step]:
    """Yield a step, and the ones that let its devices carry segments as large as the host's NIC.

    A bridge may carry what its ports do, so it comes after them. Drivers of tunnels carry 64 KiB at
    most.
    """
    yield step
    match step:
        case AddVeth() | AddMacvlan() | AddIpvlan() if host.segment:
            devices = created_devices(step)
        case SetMaster() if host.segment:
            devices = (step.bridge,)
        case _:
            return
    for device in devices:
        yield SetSegment(device, host.segment, netns=step.netns)


def _with_offloads(host: Host, steps: Iterable[Step]) -> Iterator[Step]:
    """Let the devices of a plan do what the host's NIC can: segments, and none on a plain host."""
    for step in steps:
        yield from with_segments(host, step)
        if host.plain:
            for device in created_devices(step):
                yield SetFeatures(device, NO_SEGMENTATION, on=False, netns=step.netns)


def _script(side: HostPlan, verb: str, steps: tuple[Step, ...]) -> str:
    host = side.host
    head = f"# host {host.name}: {verb} ({host.nic} has {host.address}/{host.prefixlen})"
    body = [str(step) for step in steps] or [": # nothing to do: the host's own stack is the path"]
    return "\n".join([head, *body, ""])

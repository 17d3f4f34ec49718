"""Which devices a step makes."""

from cniperf.steps.cni import AttachCni
from cniperf.steps.links import (
    AddBridge,
    AddIpip,
    AddIpvlan,
    AddMacvlan,
    AddVeth,
    AddVxlan,
    AddWireguard,
)
from cniperf.steps.ovs import AddOvsTunnel
from cniperf.steps.step import Step


def created_devices(step: Step) -> tuple[str, ...]:
    """Return the names of the devices that a step makes in the namespace that it acts in."""
    match step:
        case AddVeth():
            return (step.name, step.peer)
        case AddMacvlan() | AddIpvlan() | AddVxlan() | AddIpip() | AddWireguard() | AddBridge():
            return (step.name,)
        case AttachCni():  # and a host's end whose name the plugin draws
            return (step.device,)
        case AddOvsTunnel():
            return (step.device,)
        case _:
            return ()

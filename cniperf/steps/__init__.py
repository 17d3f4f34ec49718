"""The verbs a plan is made of: each is one change to one host, spelled two ways.

``argv()`` is the command a person would type on the host; ``apply()`` does the same through
netlink. What netlink cannot do (sysctl, ethtool, Open vSwitch) has the command alone.
Steps hold names, never interface indexes, and building one touches nothing. A step with
``netns`` acts inside that pod's network namespace, otherwise in the host's own.

``undo()`` gives the step that takes the change back, or None where the change goes with the
device it was made on.
"""

from cniperf.steps.links import (
    AddBridge,
    AddMacvlan,
    AddNetns,
    AddVeth,
    AddVxlan,
    DelLink,
    DelNetns,
    LinkUp,
    MoveLink,
    SetMaster,
    SetPromisc,
    created_devices,
)
from cniperf.steps.ovs import AddOvsBridge, AddOvsFlow, AddOvsPort, DelOvsBridge
from cniperf.steps.routes import AddAddress, AddFdb, AddNeighbour, AddRoute, DelRoute
from cniperf.steps.settings import SetFeatures, SetSysctl
from cniperf.steps.step import Applier, NetlinkStep, Step

__all__ = [
    "AddAddress",
    "AddBridge",
    "AddFdb",
    "AddMacvlan",
    "AddNeighbour",
    "AddNetns",
    "AddOvsBridge",
    "AddOvsFlow",
    "AddOvsPort",
    "AddRoute",
    "AddVeth",
    "AddVxlan",
    "Applier",
    "DelLink",
    "DelNetns",
    "DelOvsBridge",
    "DelRoute",
    "LinkUp",
    "MoveLink",
    "NetlinkStep",
    "SetFeatures",
    "SetMaster",
    "SetPromisc",
    "SetSysctl",
    "Step",
    "created_devices",
]

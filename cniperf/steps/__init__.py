"""The verbs a plan is made of: each is one change to one host, spelled two ways.

``argv()`` is the command in shell form; ``apply()`` does the same through netlink. What netlink
cannot do (ethtool, Open vSwitch), or only in its own protocol (nftables, WireGuard's keys), has
only the command.
Steps contain names, never interface indexes, and building one touches nothing. A step with
``netns`` acts inside that pod's network namespace, otherwise in the host's own.

``undo()`` gives the step that undoes the change, or None where the change ends with the
device it was made on.
"""

from cniperf.steps.cni import AttachCni, DetachCni
from cniperf.steps.created import created_devices
from cniperf.steps.iptables import AddIptablesDrops, DelIptablesChain
from cniperf.steps.links import (
    AddBridge,
    AddIpip,
    AddIpvlan,
    AddMacvlan,
    AddNetns,
    AddVeth,
    AddVxlan,
    AddWireguard,
    DelLink,
    DelNetns,
    IpvlanMode,
    LinkUp,
    MoveLink,
    SetMaster,
    SetPromisc,
    SetSegment,
)
from cniperf.steps.nftables import (
    AddNftChain,
    AddNftDrops,
    AddNftDropSet,
    AddNftRule,
    AddNftService,
    AddNftServices,
    AddNftTable,
    DelNftTable,
)
from cniperf.steps.ovs import (
    AddOvsBridge,
    AddOvsFlow,
    AddOvsPort,
    AddOvsTunnel,
    DelOvsBridge,
)
from cniperf.steps.redirects import AddClsact, DelClsact, Redirect
from cniperf.steps.routes import AddAddress, AddFdb, AddNeighbour, AddRoute, DelRoute
from cniperf.steps.settings import KEEP_WINDOW, SetFeatures, SetSysctl
from cniperf.steps.step import Applier, NetlinkStep, Step
from cniperf.steps.wireguard import SetWireguard

__all__ = [
    "KEEP_WINDOW",
    "AddAddress",
    "AddBridge",
    "AddClsact",
    "AddFdb",
    "AddIpip",
    "AddIptablesDrops",
    "AddIpvlan",
    "AddMacvlan",
    "AddNeighbour",
    "AddNetns",
    "AddNftChain",
    "AddNftDropSet",
    "AddNftDrops",
    "AddNftRule",
    "AddNftService",
    "AddNftServices",
    "AddNftTable",
    "AddOvsBridge",
    "AddOvsFlow",
    "AddOvsPort",
    "AddOvsTunnel",
    "AddRoute",
    "AddVeth",
    "AddVxlan",
    "AddWireguard",
    "Applier",
    "AttachCni",
    "DelClsact",
    "DelIptablesChain",
    "DelLink",
    "DelNetns",
    "DelNftTable",
    "DelOvsBridge",
    "DelRoute",
    "DetachCni",
    "IpvlanMode",
    "LinkUp",
    "MoveLink",
    "NetlinkStep",
    "Redirect",
    "SetFeatures",
    "SetMaster",
    "SetPromisc",
    "SetSegment",
    "SetSysctl",
    "SetWireguard",
    "Step",
    "created_devices",
]

"""What kinds of device this kernel can make, tried in its own namespace."""

import secrets
from typing import Any

from cniperf import stop
from cniperf.beds.lab import ovs
from cniperf.beds.lab.netlink import shared
from cniperf.beds.reaper import swept
from cniperf.errors import one_line

EXTRA: dict[str, dict[str, Any]] = {
    "veth": {"peer": {"ifname": "probe1"}},
    "macvlan": {"macvlan_mode": "bridge"},
    "ipvlan": {"ipvlan_mode": 0},
    "vxlan": {"vxlan_id": 1, "vxlan_port": 8472},
    "geneve": {"geneve_id": 1, "geneve_remote": "192.0.2.1"},
    "ipip": {"ipip_local": "192.0.2.1"},
}
ON_TOP = ("macvlan", "ipvlan")  # sit on another device


def device_kinds(kinds: set[str]) -> dict[str, str]:
    """Try to make a device of each kind; return why not, by kind, for those that failed."""
    name = f"cniperf-probe-{secrets.token_hex(2)}"
    netlink, tried = shared(), dict[str, str | None]()
    with swept(name) as journal:
        journal.add_namespace(name)
        try:
            netlink.do(lambda: netlink.add_netns(name))
            for kind in sorted(kinds):
                stop.look()
                tried[kind] = netlink.do(lambda kind=kind: _try(name, kind))  # type: ignore[misc]
        finally:
            netlink.do(lambda: netlink.del_netns(name))
    return {kind: reason for kind, reason in tried.items() if reason}


def _try(namespace: str, kind: str) -> str | None:
    from pyroute2.netlink.exceptions import NetlinkError

    if kind == "openvswitch":  # no netlink socket makes one: its datapath does
        return None if ovs.datapath() == "system" else "no such module"
    socket = shared().socket(namespace)
    extra = dict(EXTRA.get(kind, {}))
    if kind in ON_TOP:
        extra["link"] = _lower(socket)
    try:
        socket.link("add", ifname="probe0", kind=kind, **extra)
        socket.link("del", ifname="probe0")
    except NetlinkError as problem:
        return one_line(str(problem.args[-1]))
    return None


def _lower(socket: Any) -> int:  # noqa: ANN401
    """Return a device that others may sit on: a bridge, as lo will not do."""
    if not socket.link_lookup(ifname="lower0"):
        socket.link("add", ifname="lower0", kind="bridge")
    return int(socket.link_lookup(ifname="lower0")[0])

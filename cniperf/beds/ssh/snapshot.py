"""The state of a host, to prove later that it is unchanged."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cniperf.beds.answer import Answer
from cniperf.beds.ssh.remote import Remote
from cniperf.beds.ssh.survey import DEVICES, IPV6_ROUTES
from cniperf.steps import KEEP_WINDOW

# Open vSwitch's own statistics change all the time; what is a bridge, a port, a flow does not.
_OVS = "timeout 5 ovs-vsctl --timeout=4 --format=json --columns={columns} list {table}"

QUESTIONS = {
    "addr": "ip -j addr",
    "link": "ip -j -d link",
    "route": "ip -j -4 route show table all",
    "route6": IPV6_ROUTES,
    "neigh": "ip -j neigh show nud permanent",
    "netns": "ip netns list",
    "offloads": f'for d in $({DEVICES}); do echo "# $d"; ethtool -k "$d"; done',
    "sysctl": f"sysctl net.ipv4.ip_forward {KEEP_WINDOW} net.ipv4.conf net.ipv4.neigh",
    "nft": "nft list tables",
    "bridges": _OVS.format(columns="name,fail_mode,datapath_type,ports", table="Bridge"),
    "ports": _OVS.format(columns="name,interfaces", table="Port"),
}

# What changes by itself: counters, lifetimes, the state of a carrier, what a kernel learnt.
ALIVE = {"valid_life_time", "preferred_life_time", "expires", "tentative", "stats", "stats64",
         "age", "used",
         "ageing_time", "hello_timer", "gc_timer", "tcn_timer", "topology_change_timer",
         "operstate", "refcnt", "cache", "error", "users"}  # fmt: skip


MAY_FAIL = {"bridges", "ports"}  # hosts may have no Open vSwitch


def take(host: Remote) -> dict[str, Any]:
    """Return what a host looks like, by part and item.

    Raises:
        OddAnswer: it cannot be seen; an empty look would be like any other.
    """
    return {name: _items(name, answer) for name, answer in host.ask(QUESTIONS).items()}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what changed, for people: one short text each."""
    found = []
    for part, items in before.items():
        now = after.get(part, {})
        for key in sorted({*items, *now}):
            if key not in now:
                found.append(f"{part}: {key} is gone")
            elif key not in items:
                found.append(f"{part}: {key} is new")
            elif items[key] != now[key]:
                found.append(f"{part}: {key} {_changed(items[key], now[key])}")
    return found


def _changed(old: Any, new: Any) -> str:  # noqa: ANN401
    if isinstance(old, dict) and isinstance(new, dict):
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        return ", ".join(f"{name} was {old.get(name)} and is {new.get(name)}" for name in names)
    return f"was {old} and is {new}"


def _items(part: str, answer: Answer) -> dict[str, Any]:
    if part == "offloads":  # a device without any fails
        return _offloads(answer.text)
    if part in MAY_FAIL and answer.code:
        answer = replace(answer, text="", code=0)
    if part in ("addr", "link", "route", "route6", "neigh"):
        entries = [_still(entry) for entry in answer.entries()]
        return {_key(part, entry): entry for entry in entries}
    if part in ("bridges", "ports"):
        rows = answer.json()
        return {str(row[0]): row[1:] for row in rows["data"]} if rows else {}
    text = answer.given()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if part == "sysctl":
        return dict(line.partition(" = ")[::2] for line in lines)
    if part == "netns":
        lines = [line.split()[0] for line in lines]
    return dict.fromkeys(lines, "")


def _key(part: str, entry: Mapping[str, Any]) -> str:
    names = {"addr": ("ifname",), "link": ("ifname",), "neigh": ("dst", "dev")}
    keys = names.get(part, ("type", "dst", "gateway", "dev", "table", "metric"))
    return " ".join(str(entry[name]) for name in keys if name in entry)


def _still(entry: Any) -> Any:  # noqa: ANN401
    if isinstance(entry, dict):
        return {name: _still(value) for name, value in entry.items() if name not in ALIVE}
    return [_still(value) for value in entry] if isinstance(entry, list) else entry


def _offloads(text: str) -> dict[str, str]:
    found, device = {}, ""
    for line in text.splitlines():
        if line.startswith("# "):
            device = line[2:]
        elif line.partition(":")[2].strip():
            name, _, state = line.strip().partition(": ")
            found[f"{device} {name}"] = state
    return found

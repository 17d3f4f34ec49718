"""Which way each scheme's packets went, and what follows from it: control and independence."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cniperf.analysis.blocks import usable
from cniperf.analysis.loss import is_userspace
from cniperf.analysis.memo import once
from cniperf.ip import udp_headers
from cniperf.language import N_
from cniperf.runs import load_evidence

NIC_OF_B = ("b", "device", "all")  # the first such hop on the way there

Proof = Mapping[str, Any]

# What of a pod the underlay sees, and so must allow. The more it sees the less is free.
UNDERLAY = (N_("hosts only"), N_("pods' IPs"), N_("pods' MACs"))


def underlay(evidence: Proof) -> str:
    """Return what of the pods the network between the hosts sees: one of :data:`UNDERLAY`.

    ``pods' MACs``: frames carry MAC and IP addresses of pods, so a network that lets each port
    use one MAC only (most clouds) drops them. ``pods' IPs``: frames between the hosts' own MACs
    carry pod addresses, so a router between the hosts would need routes to the pods.
    """
    if evidence.get("counted_by") == "devices":  # they count, and do not show whose packets
        return "hosts only" if tunnel(evidence) else ""
    pods, hosts = set(evidence["pods"].values()), set(evidence["macs"].values())
    seen = [mac for mac, address in evidence["senders"] if address in pods]
    if any(mac not in hosts for mac in seen):
        return "pods' MACs"
    return "pods' IPs" if seen else "hosts only"


def policy(evidence: Proof) -> str:
    """Return whether a drop rule in the host's forward hook takes effect: that, no, or partly."""
    said = evidence["policy"]
    if said is None:
        return ""
    if said["arrived"] == said["sent"] and not said["dropped"]:
        return N_("no")
    if not said["arrived"] and said["dropped"] == said["sent"]:
        return N_("takes effect")
    return N_("partly")


def hop(evidence: Proof, place: str, name: str) -> dict[str, Any]:
    """Return what was counted at a hop, in the form that the scheme declares; empty if nothing."""
    hops = [h for h in evidence["hops"] if (h["place"], h["name"]) == (place, name)]
    return next((h for h in hops if h["wants"] != "none"), hops[0] if hops else {})


def encapsulation(hop: Mapping[str, Any]) -> str:
    """Return what the packets counted at a hop were inside of; empty for plain ones."""
    if not hop["wrapped"]:
        return ""
    return str(hop.get("encapsulation") or "VXLAN")  # once the only one


def tunnel(evidence: Proof) -> str:
    """Return what the packets crossed the underlay inside of; empty where as they were."""
    names = [encapsulation(hop) for hop in evidence["hops"] if hop["wants"] == "all"]
    return next(filter(None, names), "")


def overhead(evidence: Proof) -> int | None:
    """Return the bytes that a packet grew by on the wire, by what arrived at host b's NIC."""
    at_b = [h for h in evidence["hops"] if (h["place"], h["kind"], h["wants"]) == NIC_OF_B]
    size = at_b[0].get("size") if at_b else None
    sent = evidence["payload"] + udp_headers(evidence.get("ip", 4))
    return None if size is None else int(size) - sent


def evidence_text(evidence: Proof) -> str:
    """Lay the evidence of one run out as lines for people."""
    lines = [f"{evidence['scheme']}: {evidence['packets']} packets of {evidence['payload']} B "
             "each way", f"  {'place':<6}  {'hop':<18} {'there':>6} {'back':>6}"]  # fmt: skip
    quiet = [h for h in evidence["hops"] if h["wants"] == "none" and not (h["there"] or h["back"])]
    for each in evidence["hops"]:
        if each in quiet:
            continue
        seen = ["none" if each[way] is None else str(each[way]) for way in ("there", "back")]
        line = f"  {each['place']:<6}  {_name(each):<18} {seen[0]:>6} {seen[1]:>6}  {_note(each)}"
        lines.append(line.rstrip())
    names = [f"{h['place']}:{_name(h)}" for h in quiet]
    lines += textwrap.wrap(f"  must see none and saw none: {', '.join(names)}", 78,
                           subsequent_indent="    ")  # fmt: skip
    if evidence["problem"]:
        return "\n".join([*lines, f"  NOT proven: {evidence['problem']}"])
    said = evidence["policy"]
    if evidence.get("counted_by") == "devices":
        verdict = f"  a policy that lets nothing in: {policy(evidence) or 'not tried'}"
        return "\n".join([*lines, verdict, f"  {overhead(evidence)} B more a packet on the wire"])
    return "\n".join(
        [
            *lines,
            f"  a drop rule in host a's forward hook: {policy(evidence)} "
            f"({said['dropped']} of {said['sent']} packets dropped, {said['arrived']} arrived)",
            f"  the underlay sees {underlay(evidence)}; {overhead(evidence)} B more a packet there",
        ]
    )


def _name(hop: Mapping[str, Any]) -> str:
    inside = encapsulation(hop)
    return f"{hop['name']} ({inside})" if inside else str(hop["name"])


def _note(hop: Mapping[str, Any]) -> str:
    """Return what a hop is beside a device that all packets must pass."""
    wants = {"none": "must not pass", "any": "may pass", "there": "one way only",
             "back": "one way only"}  # fmt: skip
    translated = {"back": "translated on the way back", "both": "translated"}
    notes = [
        f"host {hop['place']}'s stack" if hop["kind"] == "hook" else "",
        wants.get(hop["wants"], ""),
        translated.get(hop.get("translated", ""), ""),
    ]
    return ", ".join(filter(None, notes))


@once
def control_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return for each scheme what a drop rule on the host does, and what the underlay must allow.

    Args:
        runs: runs of one condition, as :func:`cniperf.load_runs` gives them.

    Returns:
        A DataFrame indexed by ``scheme``, in the order of charts, of the schemes whose runs have
        evidence: ``runs`` (with evidence), ``policy`` (``takes effect``, ``no``, ``partly``; commas
        between where runs disagree), ``dropped`` of ``sent`` packets (in the last run),
        ``forward`` (packets that host a's forward hook counted) of ``packets``, ``underlay`` (see
        :func:`underlay`), ``overhead`` (bytes a packet more on the wire), ``pod_mtu`` (bytes) and
        ``userspace`` (Open vSwitch's).
    """
    rows = []
    for (_, scheme), group in usable(runs).groupby(["order", "scheme"], sort=True):
        found = [each for path in group["path"]
                 if (each := load_evidence(path)) and each["policy"]]  # fmt: skip
        if not found:
            continue
        last = found[-1]
        rows.append(
            {
                "scheme": scheme,
                "runs": len(found),
                "policy": _agreed(policy(each) for each in found),
                "dropped": last["policy"]["dropped"],
                "sent": last["policy"]["sent"],
                "forward": hop(last, "a", "forward").get("there"),
                "packets": last["packets"],
                "underlay": _agreed(underlay(each) for each in found),
                "overhead": overhead(last),
                "pod_mtu": group["pod_mtu"].iloc[-1],
                "userspace": bool(is_userspace(group).any()),
            }
        )
    columns = ["scheme", "runs", "policy", "dropped", "sent", "forward", "packets", "underlay",
               "overhead", "pod_mtu", "userspace"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("scheme")


@once
def last_evidence(runs: pd.DataFrame) -> dict[str, Proof]:
    """Return the newest evidence of each scheme, failed runs included, in the order of charts."""
    found: dict[str, Proof] = {}
    for (_, scheme), group in runs.groupby(["order", "scheme"], sort=True):
        for path in group.sort_values(["started", "run"])["path"][::-1]:
            if each := load_evidence(Path(path)):
                found[str(scheme)] = each
                break
    return found


def parts(runs: pd.DataFrame, schemes: int = 4) -> Iterator[pd.DataFrame]:
    """Yield the runs of so many schemes with evidence at a time, in the order of charts.

    A picture of all would fill a page by itself, and leave the one before it half empty.
    """
    names = list(last_evidence(runs))
    for first in range(0, len(names), schemes):
        yield runs[runs["scheme"].isin(names[first : first + schemes])]


class Ways:
    """The ways that were shown already, so that a report of many conditions shows each once."""

    def __init__(self) -> None:
        self._shown: set[tuple[object, ...]] = set()

    def fresh(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Return the runs of the schemes whose way was not shown yet, and take it as shown.

        Args:
            runs: runs of one condition; a scheme without evidence is left out.
        """
        said = ["policy", "underlay", "overhead", "pod_mtu", "userspace"]
        told = control_table(runs)[said].astype(str)
        ways = {scheme: (scheme, *told[told.index == scheme].to_numpy().ravel(), *_drawn(evidence))
                for scheme, evidence in last_evidence(runs).items()}  # fmt: skip
        new = [scheme for scheme, way in ways.items() if way not in self._shown]
        self._shown |= set(ways.values())
        return runs[runs["scheme"].isin(new)]


def _drawn(evidence: Proof) -> Iterator[object]:
    """Iterate over all that is drawn of a path but how many packets were counted on it."""
    yield evidence["problem"]
    yield overhead(evidence)
    for each in evidence["hops"]:
        crossed = bool(each["there"] or each["back"])
        yield each["place"], each["name"], each["wants"], encapsulation(each), crossed


def _agreed(words: Any) -> str:  # noqa: ANN401
    return ", ".join(dict.fromkeys(words))

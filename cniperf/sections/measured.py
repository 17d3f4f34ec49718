"""What was measured: the title, and under which conditions the runs of a section were made."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from cniperf.analysis.completed import completing
from cniperf.analysis.loss import conditions
from cniperf.language import N_, _, listed, plural
from cniperf.modes import MODES
from cniperf.page import TITLE
from cniperf.record import BedFacts
from cniperf.runs import read_run
from cniperf.sections.html import Html, records
from cniperf.sections.trust import placed

QUESTION = N_(
    "How much of the host's own throughput is left between two pods on two hosts, by scheme?"
)

NICS = {
    "virtio": N_("NICs without tunnel segmentation (virtio)"),
    "offload": N_("NICs with every offload"),
    "plain": N_("NICs without TSO, GSO and GRO (plain)"),
    "big-128k": N_("NICs with every offload and segments of 128 KiB (BIG TCP)"),
    "big-192k": N_("NICs with every offload and segments of 192 KiB (BIG TCP)"),
    "own": N_("The hosts' own NICs"),
}

# What a heading adds for a load that is no stream.
LOADS = {
    "rr": N_("{nic}: requests and responses"),
    "crr": N_("{nic}: a connection for each request"),
    "udp": N_("{nic}: datagrams"),
}

# What a heading says of a bed that is neither this machine nor one that is named.
BEDS = {
    "vm": N_("Two guests: {nic}"),
    "counted": N_("Counted in one guest: {nic}"),
    "k8s": N_("The cluster's own network"),
}

# Where the two hosts are, on the first page.
HOSTS = {
    "lab": N_("two network namespaces on one machine"),
    "ssh": N_("two machines, reached over SSH"),
    "vm": N_("two guests on one machine"),
    "counted": N_("two network namespaces in a guest"),
    "k8s": N_("two nodes of a Kubernetes cluster"),
}

MADE_BY = {
    "instructions": N_("Instructions were counted, not seconds."),
    "tcg": N_("Software emulates the CPUs."),
    "kvm": N_("The guests run on the machine's own CPUs (KVM)."),
}


def title(runs: pd.DataFrame) -> Html:
    """Say what this is, when it was measured, and on which machine."""
    if runs.empty:
        none = _("There is no run here yet: <code>cniperf suite</code>.")
        return Html(f"<h1>{_(TITLE)}</h1><p>{none}</p>")
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in runs["started"].agg(["min", "max"]))
    said = _("{runs} runs of {schemes} schemes, measured {first} to {last} UTC").format(
        runs=len(runs), schemes=runs["scheme"].nunique(), first=first,
        last=last[11:] if last[:10] == first[:10] else last,
    )  # fmt: skip
    own = runs[~completing(runs)]
    first_of = next(iter(conditions(own)))[0]
    how = []
    if own["bed"].nunique() == 1:  # several stand side by side, with what sets them apart
        how.append(_("Hosts: {hosts}.").format(hosts=_(HOSTS[str(first_of["bed"])])))
        if own["mode"].nunique() == 1:
            how.append(_("Load: {load}.").format(load=_load(first_of)))
    machines = records(own[["cpu", "cpus", "kernel"]].drop_duplicates())
    where = _("; ").join(
        _("{cpu}, {cpus} CPUs, Linux {kernel}").format(**machine) for machine in machines
    )
    return Html(
        f"<h1>{_(TITLE)}</h1><p>{_(QUESTION)}</p><p class='meta'>{said}<br>{escape(where)}"
        f"{'<br>' if how else ''}{escape(' '.join(how))}</p>"
    )


def heading(condition: Mapping[str, Any]) -> Html:
    """Name a section by what most sets it apart: bed, NIC, load and hosts."""
    nic = _(NICS.get(str(condition["nic"]), f"NIC {condition['nic']}"))
    if condition["erms"]:
        nic = _("{nic}, ERMS").format(nic=nic)
    if condition["ip"] == 6:
        nic = _("{nic}, IPv6").format(nic=nic)
    nic = _(BEDS.get(str(condition["bed"]), "{nic}")).format(nic=nic)
    if condition["mode"] in LOADS:
        nic = _(LOADS[str(condition["mode"])]).format(nic=nic)
    if condition["label"]:
        nic = _("{label}: {nic}").format(label=condition["label"], nic=nic)
    if condition["between"]:
        nic = _("{nic}, {a} to {b}").format(nic=nic, **_two(str(condition["between"])))
    return Html(f"<h2>{escape(nic)}</h2>")


def completed(condition: Mapping[str, Any], group: pd.DataFrame) -> Html:
    """Head what a suite has from a guest, and say under which conditions that was.

    Args:
        condition: of these runs.
        group: they, see :mod:`cniperf.analysis.completed`.
    """
    title = _("Open vSwitch, counted in a guest")
    why = _(
        "This machine's kernel has no Open vSwitch. A guest counts what this kernel cannot carry. "
        "A loss here is the share of hostnetwork's bytes that the same instructions do not carry: "
        "you may set it beside a loss of goodput, but it is not one."
    )
    how = measured_how(condition, group)
    return Html(f"<h3>{title}</h3><p>{why}</p>{how}")


def measured_how(condition: Mapping[str, Any], group: pd.DataFrame) -> Html:
    """Say under which conditions the runs of a section were made, and on which CPUs."""
    bed = read_run(Path(group.iloc[-1]["path"])).bed
    owned = bed.cpus or {}
    cpus = _("; ").join(
        _("host {name} has CPU {numbers}").format(name=name, numbers=listed([*map(str, own)]))
        for name, own in owned.items()
    )
    version = "–" if pd.isna(condition["version"]) else condition["version"]
    text = _(
        "Bed {bed}, MTU {mtu} B, {load}, {duration} s a run after {omit} s not counted, "
        "{generator} {version}."
    ).format(**{**condition, "load": _load(condition), "version": version})
    text += _(" {cpus}.").format(cpus=cpus + placed(group)) if cpus else ""
    text += f" {_cluster(bed)}" if bed.cluster else ""
    for fact in (condition["meter"], condition["accelerator"]):
        text += f" {_(MADE_BY[fact])}" if fact in MADE_BY else ""
    if condition["ip"] == 6:
        text += " " + _("Hosts and pods speak IPv6.")
    if bed.one_core:
        text += " " + _("Both hosts share one core, so each figure includes the work of both.")
    if bed.rootless:
        text += " " + _("An ordinary user made the lab, in a user namespace.")
    if condition["awake"]:
        text += " " + _("The CPUs were kept out of sleep states.")
    if not condition["steered"]:
        text += " " + _("Each host's packets were received on the sender's CPU, not on its own.")
    if condition["erms"]:
        text += " " + _("The kernel copies a byte an instruction (ERMS).")
    return Html(f"<p class='meta'>{escape(text)}{_suite(condition)}</p>")


def _cluster(bed: BedFacts) -> str:
    """Say which network a cluster has, and what runs it."""
    assert bed.cluster
    own = bed.cluster
    mode = listed([f"{name} {value}" for name, value in own.mode.items()])
    versions = {(node.kubelet, node.runtime) for node in (bed.nodes or {}).values()}
    parts = [
        _("Its plugin: {plugin}").format(plugin=" ".join(filter(None, (own.plugin, own.version)))),
        mode,
        _("kube-proxy {mode}").format(mode=own.kube_proxy or _("not readable")),
        _("Kubernetes {server}").format(server=own.server),
        *(_("kubelet {kubelet} with {runtime}").format(kubelet=kubelet, runtime=runtime)
          for kubelet, runtime in sorted(versions)),
    ]  # fmt: skip
    text = _("{facts}.").format(facts=listed([*filter(None, parts)]))
    if bed.without_base:
        text += " " + _("There is no baseline: {why}.").format(why=bed.without_base)
    return text


def _suite(condition: Mapping[str, Any]) -> str:
    """Say which suite a section is of, where it is of one."""
    name = escape(str(condition.get("suite") or ""))
    return " " + _("Suite {name}.").format(name=f"<code>{name}</code>") if name else ""


def _two(between: str) -> dict[str, str]:
    return dict(zip("ab", between.split(","), strict=True))


def _load(condition: Mapping[str, Any]) -> str:
    """Say what the pods were loaded with."""
    size = condition["length"] or MODES[condition["mode"]].size
    words = {
        "rr": _("requests and responses of {size} B over one TCP connection"),
        "crr": _("requests with a response of {size} B, each over a TCP connection of its own"),
        "udp": _("datagrams of {size} B at the highest rate that loses {max_loss:g} % at most"),
    }.get(condition["mode"]) or _streams(condition)
    load = words.format(**{**condition, "size": size})
    if condition["pairs"] == 1:
        return load
    words = _("{pairs} pairs of pods at once, each with {load}")
    return words.format(pairs=condition["pairs"], load=load)


def _streams(condition: Mapping[str, Any]) -> str:
    """Return the words for TCP streams, for a condition to be filled in."""
    n, way = condition["streams"], condition["direction"]
    streams = {
        "forward": plural("one TCP stream", "{streams} TCP streams", n),
        "reverse": plural("one TCP stream from b to a", "{streams} TCP streams from b to a", n),
        "both": plural("one TCP stream each way", "{streams} TCP streams each way", n),
    }[way]
    more = {
        "window": _("window {window}"),
        "length": _("writes of {length} B"),
        "rate": _("{rate:g} Gbit/s offered"),
    }
    return listed(
        [streams, "{congestion}", *(words for name, words in more.items() if condition[name])]
    )

"""Which network a cluster has: named by what the API and the nodes' devices both show.

An object of the API alone proves little: a DaemonSet may be left over, and a mode such as
CrossSubnet or DirectRouting depends on the two nodes. So a name is given where the API's objects
and the devices of node a agree, and ``unknown`` where they do not.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cniperf.beds.k8s.resources import KINDS, Resource

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster
    from cniperf.beds.k8s.nodes import Node

UNKNOWN = "unknown"

# Devices that a plugin makes on its nodes (its own documentation and sources name them).
DEVICES = {
    "calico": r"cali[0-9a-f]+|tunl0|vxlan\.calico|wireguard\.cali",
    "cilium": r"cilium_(host|net|vxlan|geneve)|lxc[0-9a-z]+",
    "flannel": r"flannel\.\d+|flannel-wg|cni0",
    "antrea": r"antrea-gw0|antrea-tun0",
    "ovn-kubernetes": r"ovn-k8s-mp0|br-int",
    "kube-ovn": r"ovn0",
    "kube-router": r"kube-bridge|tun-[0-9a-f]+",
    "weave": r"weave|vethwe-.*",
    "kindnet": r"veth[0-9a-f]+",
}

# Their agents: what a DaemonSet's name begins with.
AGENTS = {
    "calico": "calico-node", "cilium": "cilium", "flannel": "kube-flannel",
    "antrea": "antrea-agent", "ovn-kubernetes": "ovnkube-node", "kube-ovn": "kube-ovn-cni",
    "kube-router": "kube-router", "weave": "weave-net", "kindnet": "kindnet",
    "aws-vpc-cni": "aws-node", "azure-cni": "azure-cns", "gke-dataplane-v2": "anetd",
}  # fmt: skip

# Kinds of device that wrap packets, as the kernel names them.
TUNNELS = ("vxlan", "geneve", "ipip", "wireguard", "gre", "sit")


@dataclass(frozen=True)
class Evidence:
    """What points to a plugin.

    Attributes:
        agents: DaemonSets by plugin, each with its image's tag.
        settings: the mode in its own objects, by plugin; only what could be read.
        devices: plugins whose devices node a has.
        tunnels: devices of node a that wrap packets, with their kinds.
    """

    agents: Mapping[str, str]
    settings: Mapping[str, Mapping[str, str]]
    devices: Sequence[str]
    tunnels: Mapping[str, str]


def identify(
    cluster: "Cluster", nodes: "Sequence[Node]", kinds: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the network of a cluster is, by evidence.

    Args:
        cluster: which it is.
        nodes: between which it is measured.
        kinds: the devices of node a, and the kind of each; none where they cannot be seen.

    Returns:
        ``plugin`` (its name, or ``unknown``), ``version``, ``mode`` (its settings, by name),
        ``tunnels`` (devices that wrap packets, and their kinds), ``kube_proxy`` (its mode),
        ``why`` (what points to the plugin, or why none is named).
    """
    found = Evidence(
        agents=_agents(cluster),
        settings={name: said for name, ask in SETTINGS.items() if (said := ask(cluster, nodes))},
        devices=[name for name, pattern in DEVICES.items()
                 if any(re.fullmatch(pattern, device) for device in kinds)],
        tunnels={name: kind for name, kind in kinds.items() if kind in TUNNELS},
    )  # fmt: skip
    name, why = named(found, seen=bool(kinds))
    return {
        "plugin": name, "version": found.agents.get(name, ""),
        "mode": dict(found.settings.get(name, {})), "tunnels": dict(found.tunnels),
        "kube_proxy": _kube_proxy(cluster), "why": why,
    }  # fmt: skip


def named(found: Evidence, *, seen: bool) -> tuple[str, str]:
    """Return the plugin's name, and what points to it, or why none is named.

    Args:
        found: what was found.
        seen: whether the node's devices could be seen at all.
    """
    claimed = sorted({*found.agents, *found.settings})
    both = [name for name in claimed if name in found.devices]
    if {"calico", "flannel"} <= set(both):
        return "canal", "agents and devices of calico and of flannel"
    if len(both) == 1:
        return both[0], f"its agent or its objects, and its devices on node a ({both[0]})"
    if not seen and len(claimed) == 1:
        return claimed[0], "its agent or its objects; the node's devices could not be seen"
    if not claimed:
        devices = ", ".join(found.devices) or "none known"
        return UNKNOWN, f"no agent of a known plugin; devices like those of: {devices}"
    return UNKNOWN, f"the API names {', '.join(claimed)}, node a's devices are no proof of one"


def _agents(cluster: "Cluster") -> dict[str, str]:
    """Return the tag of each plugin's agent, where DaemonSets may be read."""
    found = {}
    for each in _items(cluster, KINDS["DaemonSet"]):
        name = each["metadata"]["name"]
        for plugin, begin in AGENTS.items():
            if name == begin or name.startswith(f"{begin}-"):
                image = each["spec"]["template"]["spec"]["containers"][0]["image"]
                found[plugin] = image.partition("@")[0].rpartition(":")[2]
    return found


CALICO = "crd.projectcalico.org"
Read = Callable[["Cluster", "Sequence[Node]"], dict[str, str]]


def _calico(cluster: "Cluster", nodes: "Sequence[Node]") -> dict[str, str]:
    found = {}
    for pool in _items(cluster, Resource(CALICO, "v1", "ippools", namespaced=False)):
        spec = pool.get("spec", {})
        for name in ("ipipMode", "vxlanMode"):
            if spec.get(name, "Never") != "Never":
                found[name] = spec[name]
        found.setdefault("natOutgoing", str(spec.get("natOutgoing", False)).lower())
    for each in _items(cluster, Resource(CALICO, "v1", "felixconfigurations", namespaced=False)):
        for name in ("bpfEnabled", "wireguardEnabled", "nftablesMode"):
            if name in each.get("spec", {}):
                found[name] = str(each["spec"][name])
    return found


CILIUM = ("routing-mode", "tunnel", "tunnel-protocol", "kube-proxy-replacement",
          "enable-host-legacy-routing", "datapath-mode", "enable-ipv4-big-tcp",
          "enable-wireguard", "enable-ipsec", "mtu")  # fmt: skip


def _cilium(cluster: "Cluster", nodes: "Sequence[Node]") -> dict[str, str]:
    data = _config_map(cluster, "kube-system", "cilium-config")
    return {name: data[name] for name in CILIUM if data.get(name)}


def _flannel(cluster: "Cluster", nodes: "Sequence[Node]") -> dict[str, str]:
    kinds = {node.annotations.get("flannel.alpha.coreos.com/backend-type", "") for node in nodes}
    return {"backend": kinds.pop()} if len(kinds) == 1 and any(kinds) else {}


def _antrea(cluster: "Cluster", nodes: "Sequence[Node]") -> dict[str, str]:
    text = _config_map(cluster, "kube-system", "antrea-config").get("antrea-agent.conf", "")
    return dict(re.findall(r"^(trafficEncapMode|tunnelType|trafficEncryptionMode): *\"?(\w+)", text,
                           re.MULTILINE))  # fmt: skip


SETTINGS: Mapping[str, Read] = {
    "calico": _calico, "cilium": _cilium, "flannel": _flannel, "antrea": _antrea,
}  # fmt: skip


def _kube_proxy(cluster: "Cluster") -> str:
    """Return kube-proxy's mode, as its settings have it; empty where they cannot be read."""
    text = _config_map(cluster, "kube-system", "kube-proxy").get("config.conf", "")
    if not text:
        return ""
    found = re.search(r"^mode: *\"?(\w*)", text, re.MULTILINE)
    return (found[1] if found else "") or "iptables"


def _config_map(cluster: "Cluster", namespace: str, name: str) -> Mapping[str, str]:
    found = cluster.read(KINDS["ConfigMap"], name, namespace)
    data: Mapping[str, str] = found.get("data") or {} if isinstance(found, dict) else {}
    return data


def _items(cluster: "Cluster", resource: Resource) -> list[dict[str, Any]]:
    """Return the objects of a kind; none where they may not be read, or there is no such kind."""
    found = cluster.read(resource)
    return found.get("items") or [] if isinstance(found, dict) else []

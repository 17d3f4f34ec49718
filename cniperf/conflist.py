"""A CNI network configuration: the chain of plugins that a runtime calls for each pod.

The format is that of the CNI specification 1.0, section 1 (network configuration format).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")  # those before have another result
CHECKS = ("0.4.0", "1.0.0", "1.1.0")  # those that have the verb CHECK
BIN = "/usr/lib/cni"  # of Debian's package; most others have /opt/cni/bin
MASTERED = ("macvlan", "ipvlan")  # their devices sit on the host's NIC


@dataclass(frozen=True)
class Conflist:
    """A network, as its JSON text has it. Make one with :func:`read`.

    Attributes:
        text: the conflist, as compact JSON.
        folder: where its plugins' programs are.
    """

    text: str
    folder: str = BIN

    @cached_property
    def _whole(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.text)
        return found

    @property
    def name(self) -> str:
        """The network's name."""
        return str(self._whole["name"])

    @property
    def plugins(self) -> Sequence[Mapping[str, Any]]:
        """The configuration of each plugin, in the order in which ADD calls them."""
        found: Sequence[Mapping[str, Any]] = self._whole["plugins"]
        return found

    @property
    def kind(self) -> str:
        """The type of the first plugin, which makes the pod's interface."""
        return str(self.plugins[0]["type"])

    @property
    def flat(self) -> bool:
        """True where the pods of both hosts share a subnet, because no host routes between them."""
        mode = self.plugins[0].get("mode", "l2")
        return self.kind == "macvlan" or (self.kind == "ipvlan" and mode == "l2")

    @property
    def bridge(self) -> str:
        """The bridge that the pods are ports of; empty where there is none."""
        return str(self.plugins[0].get("bridge", "cni0")) if self.kind == "bridge" else ""

    @property
    def masquerades(self) -> bool:
        """True where what a pod sends leaves with its host's address."""
        return bool(self.plugins[0].get("ipMasq"))

    @property
    def verbs(self) -> str:
        """What each plugin gets when a pod is attached."""
        checks = self._whole["cniVersion"] in CHECKS and not self._whole.get("disableCheck")
        return "ADD CHECK" if checks else "ADD"

    def mtu(self, underlay: int) -> int:
        """Return the MTU of the pod's interface, in bytes.

        Args:
            underlay: MTU of the host's NIC. macvlan and ipvlan take it over; a veth has 1500.
        """
        return int(self.plugins[0].get("mtu") or (underlay if self.kind in MASTERED else 1500))

    def calls(self, nic: str, address: str, gateway: str) -> Iterator[tuple[str, str]]:
        """Yield each plugin's type with the JSON text that it reads, for one pod.

        The lab sets what differs from host to host. A ``master`` is the host's NIC. The addresses
        are the lab's, so that the two hosts' pods differ: ``ipam`` becomes the plugin ``static``.

        Args:
            nic: the host's NIC.
            address: the pod's, with its prefix length.
            gateway: of the pod's subnet; empty where it has none.
        """
        head = {"cniVersion": self._whole["cniVersion"], "name": self.name}
        for plugin in self.plugins:
            own = dict(plugin)
            if "master" in own or own["type"] in MASTERED:
                own["master"] = nic
            if "ipam" in own:
                own["ipam"] = _static(own["ipam"], address, gateway)
            yield str(own["type"]), _compact({**head, **own})

    @property
    def programs(self) -> list[str]:
        """The programs that its calls need."""
        types = [str(plugin["type"]) for plugin in self.plugins]
        static = ["static"] if any("ipam" in plugin for plugin in self.plugins) else []
        return [f"{self.folder}/{name}" for name in dict.fromkeys([*types, *static])]

    def __str__(self) -> str:
        types = ", ".join(str(plugin["type"]) for plugin in self.plugins)
        return f"{self.name} ({types}) {digest(self.text)}"


def digest(text: str) -> str:
    """Return eight digits that identify a configuration."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _static(ipam: Mapping[str, Any], address: str, gateway: str) -> dict[str, Any]:
    given = {"address": address, **({"gateway": gateway} if gateway else {})}
    routes = ipam.get("routes", [{"dst": "0.0.0.0/0"}] if gateway else [])
    return {"type": "static", "addresses": [given], **({"routes": routes} if routes else {})}


def _compact(whole: Mapping[str, Any]) -> str:
    return json.dumps(whole, separators=(",", ":"))


def network(name: str, plugin: Mapping[str, Any]) -> Conflist:
    """Return a network of one plugin."""
    return Conflist(_compact({"cniVersion": "1.0.0", "name": name, "plugins": [plugin]}))


def read(text: str) -> Conflist:
    """Read a conflist, or the configuration of a single plugin.

    Raises:
        ValueError: it is none; the text gives the cause, and what is allowed.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"no JSON ({problem})") from None
    if isinstance(whole, dict) and "type" in whole and "plugins" not in whole:
        whole = {
            **{key: whole.pop(key) for key in ("cniVersion", "name") if key in whole},
            "plugins": [whole],
        }
    _hold(whole)
    return Conflist(_compact(whole))


def _hold(whole: Any) -> None:  # noqa: ANN401
    """Reject what is no network configuration."""
    if not isinstance(whole, dict):
        raise ValueError("no JSON object")
    if not isinstance(whole.get("name"), str) or not whole["name"]:
        raise ValueError('"name" is missing: the name of the network')
    if whole.get("cniVersion") not in VERSIONS:
        raise ValueError(f'"cniVersion" must be one of {", ".join(VERSIONS)}')
    plugins = whole.get("plugins")
    if not isinstance(plugins, list) or not plugins:
        raise ValueError('"plugins" is missing: a list of at least one plugin')
    for number, plugin in enumerate(plugins, 1):
        kind = plugin.get("type") if isinstance(plugin, dict) else None
        if not isinstance(kind, str) or not kind or "/" in kind or kind.startswith("."):
            raise ValueError(f'plugin {number} has no "type": the name of its program')
        if not isinstance(plugin.get("ipam", {}), dict):
            raise ValueError(f'plugin {number}: "ipam" must be an object')
        for key, type_ in (("mtu", int), ("bridge", str), ("mode", str)):
            if not isinstance(plugin.get(key, type_()), type_):
                what = "a number" if type_ is int else "a word"
                raise ValueError(f'plugin {number}: "{key}" must be {what}')

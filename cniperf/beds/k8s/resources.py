"""Where the API keeps each kind of object."""

from typing import NamedTuple
from urllib.parse import quote


class Resource(NamedTuple):
    """A kind of object, as the API's paths name it.

    Attributes:
        group: API group; empty for the core group.
        version: of that group, such as ``v1``.
        plural: the kind in a path, such as ``pods``.
        namespaced: whether each object belongs to a namespace.
    """

    group: str
    version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of one object, or of all; without a namespace it is all namespaces'."""
        root = ["apis", self.group] if self.group else ["api"]
        within = ["namespaces", namespace] if self.namespaced and namespace else []
        parts = [*root, self.version, *within, self.plural, name, subresource]
        return "/" + "/".join(quote(part, safe="") for part in parts if part)


KINDS = {
    "ConfigMap": Resource("", "v1", "configmaps"),
    "DaemonSet": Resource("apps", "v1", "daemonsets"),
    "Event": Resource("", "v1", "events"),
    "Namespace": Resource("", "v1", "namespaces", namespaced=False),
    "NetworkPolicy": Resource("networking.k8s.io", "v1", "networkpolicies"),
    "Node": Resource("", "v1", "nodes", namespaced=False),
    "Pod": Resource("", "v1", "pods"),
    "ResourceQuota": Resource("", "v1", "resourcequotas"),
    "Service": Resource("", "v1", "services"),
}

"""The cluster as the bed sees it: a few verbs on plain objects, as the API's JSON has them."""

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cniperf import stop
from cniperf.beds.k8s import remote_command
from cniperf.beds.k8s.api import PATIENCE, Api
from cniperf.beds.k8s.remote_command import SECONDS, Said
from cniperf.beds.k8s.resources import KINDS, Resource
from cniperf.beds.k8s.trouble import ClusterLost, Refused, TooLate
from cniperf.errors import NotAble, one_line

Object = dict[str, Any]
Objects = list[Object]
Labels = Mapping[str, str]

GLANCE = 3.0  # seconds that a read which nothing depends on may be tried
POLL, LONGEST_POLL = 0.2, 1.0  # seconds between two looks
MOST_LOG = 4 << 20  # bytes of a log


class Unread(Enum):
    """Why something that was looked for is not known; false where truth is asked."""

    MISSING = "not there"
    DENIED = "not readable"
    FAILED = "no answer"

    def __bool__(self) -> bool:
        return False


class Cluster:
    """A Kubernetes cluster, as one context of a kubeconfig reaches it.

    Every wait reacts to signals. Requests are tried again while the server is away or busy, for
    ``patience`` seconds at most; each error is one line.

    Attributes:
        name: the context's name.
        server: address of the API server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.name, self.server = api.name, api.server

    @classmethod
    def connect(
        cls, kubeconfig: Path | None = None, context: str = "", *, patience: float = PATIENCE
    ) -> "Cluster":
        """Return the cluster of a context; nothing is sent yet.

        Args:
            kubeconfig: the file; None for what kubectl would take.
            context: its name; empty for the current one.
            patience: seconds that the server may be away in the middle of the work.

        Raises:
            NotAble: lightkube is not installed, or there is no kubeconfig that can be used.
            ParameterError: the kubeconfig has no such context; the text lists those there are.
        """
        if find_spec("lightkube") is None:
            raise NotAble("bed='k8s' needs lightkube: pip install 'cniperf[k8s]'")
        from cniperf.beds.k8s.kubeconfig import access

        return cls(Api(access(kubeconfig, context), patience))

    def close(self) -> None:
        """End the connections."""
        self._api.close()

    # ── asking ────────────────────────────────────────────────────────────────────────────────

    def version(self) -> str:
        """Return the server's version, such as ``v1.36.3``.

        Raises:
            ClusterLost: it cannot be reached, is not trusted, or is no API server.
            Refused: it does not accept the login.
            NotAble: logging in failed.
        """
        what = "report its version"
        found = self._api.object(what, self._api.ask(what, "GET", "/version"))
        if not isinstance(found.get("gitVersion"), str):
            raise ClusterLost(f"{self._api.who} is no Kubernetes: it reports no version")
        return str(found["gitVersion"])

    def may(
        self, verb: str, resource: str, group: str = "", namespace: str = "", subresource: str = ""
    ) -> bool:
        """Return whether this login may do something, as the server sees it.

        Args:
            verb: such as ``create``.
            resource: plural, such as ``pods``.
            group: its API group.
            namespace: where; empty for everywhere.
            subresource: such as ``exec``.
        """
        wanted = {"verb": verb, "resource": resource, "group": group, "namespace": namespace,
                  "subresource": subresource}  # fmt: skip
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: each for key, each in wanted.items() if each}},
        }
        what = f"report the permission to {verb} {resource}"
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._api.object(what, self._api.ask(what, "POST", path, body=review))
        return bool((answer.get("status") or {}).get("allowed"))

    def nodes(self) -> Objects:
        """Return the nodes."""
        return self.list("Node")

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object; None where there is none.

        Raises:
            Refused: this login may not read it.
            ClusterLost: the server stays away.
        """
        return self._get(kind, name, namespace, None)

    def _get(self, kind: str, name: str, namespace: str, patience: float | None) -> Object | None:
        what = f"read {_named(kind, name, namespace)}"
        path = KINDS[kind].path(namespace, name)
        reply = self._api.ask(what, "GET", path, patience=patience)
        if reply.code == 404 and reply.failure:
            return None
        return self._api.object(what, reply)

    def read(self, resource: Resource, name: str = "", namespace: str = "") -> Object | Unread:
        """Return an object, or the list of all (its ``items``), that nothing depends on.

        Args:
            resource: any, such as ``Resource("crd.projectcalico.org", "v1", "ippools", False)``.
            name: the object's; empty for all.
            namespace: its namespace; empty for all.

        Returns:
            It, or why it is not known; no error is raised.
        """
        what = f"read {resource.plural} {name}".strip()
        try:
            reply = self._api.ask(
                what, "GET", resource.path(namespace, name), patience=GLANCE
            )  # fmt: skip
            if reply.code == 404:
                return Unread.MISSING
            return self._api.object(what, reply)
        except Refused as problem:
            return Unread.DENIED if problem.code in (401, 403) else Unread.FAILED
        except ClusterLost:
            return Unread.FAILED

    def logs(self, namespace: str, pod: str, container: str = "") -> str:
        """Return what a pod's container printed; the last 4 MiB of it.

        Raises:
            Refused: there is no such pod, or it has not started.
        """
        what = f"read the log of pod {namespace}/{pod}"
        query = {"container": container} if container else {}
        path = KINDS["Pod"].path(namespace, pod, "log")
        reply = self._api.ask(what, "GET", path, query=query)
        if reply.code >= 400:
            raise self._api.refused(what, reply)
        return reply.content[-MOST_LOG:].decode(errors="replace")

    def events(self, namespace: str, pod: str) -> list[str]:
        """Return what the cluster reports about a pod, the newest last; each is one line."""
        what = f"read the events of pod {namespace}/{pod}"
        query = {"fieldSelector": f"involvedObject.name={pod}"}
        reply = self._api.ask(what, "GET", KINDS["Event"].path(namespace), query=query)
        found = self._api.object(what, reply).get("items") or []
        found.sort(key=_when)
        return [one_line(f"{each.get('reason') or ''}: {each.get('message') or ''}").lstrip(": ")
                for each in found]  # fmt: skip

    def wait(
        self, kind: str, name: str, namespace: str, until: Callable[[Object | None], bool],
        seconds: float,
    ) -> Object | None:  # fmt: skip
        """Wait until an object is as requested, over a server that is away for a while.

        Args:
            kind: of the object.
            name: its name.
            namespace: its namespace; empty for what has none.
            until: reports whether it is as requested; it is given None where there is no object.
            seconds: how long at most.

        Returns:
            The object as requested; None where its absence was requested.

        Raises:
            TooLate: it did not become so in time.
            ClusterLost: time is up while the server is away.
            Refused: this login may not read it.
        """
        end, pause = time.monotonic() + seconds, POLL
        while True:
            found = self._get(kind, name, namespace, max(end - time.monotonic(), 0.0))
            if until(found):
                return found
            if time.monotonic() + pause > end:
                raise TooLate(
                    f"cluster {self.name}: {_named(kind, name, namespace)} is not as requested "
                    f"after {seconds:.0f} s{_state(found)}",
                    found,
                )
            stop.sleep(pause)
            pause = min(1.5 * pause, LONGEST_POLL)

    # ── changing ──────────────────────────────────────────────────────────────────────────────

    def create(self, manifest: Mapping[str, Any]) -> Object:
        """Create an object and return it as the server made it.

        Where an answer was lost and the object stands with this manifest's labels, it is ours.

        Raises:
            Refused: the server does not create it: rights, quota, PodSecurity, its name is taken.
            ClusterLost: the server stays away.
        """
        kind, meta = manifest["kind"], manifest["metadata"]
        name, namespace = meta["name"], meta.get("namespace", "")
        what = f"create {_named(kind, name, namespace)}"
        reply = self._api.ask(what, "POST", KINDS[kind].path(namespace), body=manifest)
        if reply.lost and reply.code in (403, 409):  # it may count in a quota already
            found = self.get(kind, name, namespace)
            if found and _ours(found, meta.get("labels") or {}):
                return found
        return self._api.object(what, reply)

    def delete(self, kind: str, name: str, namespace: str = "", grace: int | None = None) -> bool:
        """Let an object, and what belongs to it, be deleted; this does not wait for its end.

        Args:
            kind: of the object.
            name: its name.
            namespace: its namespace; empty for what has none.
            grace: seconds that its processes have to end; the object's own if not given.

        Returns:
            Whether it was there.

        Raises:
            Refused: the server does not delete it.
            ClusterLost: the server stays away.
        """
        what = f"delete {_named(kind, name, namespace)}"
        query = {"propagationPolicy": "Background"}
        query |= {} if grace is None else {"gracePeriodSeconds": str(grace)}
        reply = self._api.ask(what, "DELETE", KINDS[kind].path(namespace, name), query=query)
        if reply.code == 404 and reply.failure:
            return reply.lost  # by a try of ours
        if reply.code == 409:  # as of a namespace that is on its way
            found = self.get(kind, name, namespace)
            if not found or found["metadata"].get("deletionTimestamp"):
                return True
        self._api.object(what, reply)
        return True

    # ── in a pod ──────────────────────────────────────────────────────────────────────────────

    def exec(
        self, namespace: str, pod: str, argv: Sequence[str], *,
        container: str = "", seconds: float = SECONDS,
    ) -> Said:  # fmt: skip
        """Run a short command in a pod; see :func:`cniperf.beds.k8s.remote_command.run`."""
        return remote_command.run(
            self._api, namespace, pod, argv, container=container, seconds=seconds
        )

    def fetch(
        self, namespace: str, pod: str, file: str, *, container: str = "", seconds: float = SECONDS
    ) -> bytes:
        """Return a file of a pod, whole; see :func:`cniperf.beds.k8s.remote_command.fetch`."""
        return remote_command.fetch(
            self._api, namespace, pod, file, container=container, seconds=seconds
        )

    def list(self, kind: str, namespace: str = "", labels: Labels = {}) -> Objects:  # noqa: B006
        """Return the objects of a kind.

        Args:
            kind: theirs.
            namespace: theirs; empty for all.
            labels: that they have.

        Raises:
            Refused: this login may not read them.
            ClusterLost: the server stays away.
        """
        what = f"list {KINDS[kind].plural}"
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        query = {"labelSelector": selector} if selector else {}
        reply = self._api.ask(what, "GET", KINDS[kind].path(namespace), query=query)
        return self._api.object(what, reply).get("items") or []


def _named(kind: str, name: str, namespace: str) -> str:
    return f"{kind.lower()} {namespace}/{name}" if namespace else f"{kind.lower()} {name}"


def _ours(found: Object, labels: Labels) -> bool:
    """Whether an object, not on its way out, has these labels, of which there are some."""
    meta = found["metadata"]
    has = meta.get("labels") or {}
    return (
        bool(labels)
        and not meta.get("deletionTimestamp")
        and all(has.get(key) == value for key, value in labels.items())
    )


def _state(found: Object | None) -> str:
    """Return in a message how an object was seen last."""
    if found is None:
        return ": it is not there"
    if found.get("metadata", {}).get("deletionTimestamp"):
        return ": it is being deleted"
    status = found.get("status") or {}
    words = [str(status[key]) for key in ("phase", "reason", "message") if status.get(key)]
    return f": it is {', '.join(words)}" if words else ""


def _when(event: Object) -> str:
    """Return when an event came last, in a form that sorts."""
    meta = event.get("metadata") or {}
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"),
             meta.get("creationTimestamp"))  # fmt: skip
    return str(next((each for each in times if each), ""))

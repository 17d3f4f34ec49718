"""Which cluster, and which user: what kubectl would use, read and checked before the first request.

As kubectl does, this takes the named file, else those of ``KUBECONFIG`` (of several, the first that
has an entry counts), else ``~/.kube/config``, else the service account of the pod it runs in.
lightkube does the logging in. What it lacks is made up for here, or refused in one line.
"""

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from cniperf.errors import NotAble, ParameterError, one_line, unknown
from cniperf.foreign import Foreign
from cniperf.places import expanded

if TYPE_CHECKING:
    from httpx2 import Client
    from lightkube.config.kubeconfig import SingleConfig

IN_CLUSTER = "in-cluster"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")  # of a pod
NONE = "no kubeconfig: {tried}: set KUBECONFIG, or write ~/.kube/config{sudo}"
FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}


class _Cluster(Foreign):
    name: str
    cluster: dict[str, Any]


class _Context(Foreign):
    name: str
    context: dict[str, Any]


class _User(Foreign):
    name: str
    user: dict[str, Any] | None = None


class _File(Foreign):
    clusters: list[_Cluster] | None = None
    contexts: list[_Context] | None = None
    users: list[_User] | None = None


class Access(NamedTuple):
    """One context of a kubeconfig, ready to be used.

    Attributes:
        name: the context's.
        config: it, as lightkube has it.
        kubectl: how kubectl is called for this context.
        proxy: address of the proxy that the kubeconfig names, or None.
        tls_name: the name that the server's certificate is for, where it is not its address.
    """

    name: str
    config: "SingleConfig"
    kubectl: str
    proxy: str | None = None
    tls_name: str = ""

    def client(self, seconds: float) -> "Client":
        """Return an HTTP client that logs in; nothing is sent yet.

        Args:
            seconds: that a connection, or a piece of an answer, may take.

        Raises:
            NotAble: an address, a certificate or a key cannot be used.
        """
        from httpx2 import InvalidURL, Timeout
        from lightkube.config.client_adapter import Client, ConnectionParams
        from lightkube.core.exceptions import ConfigError

        try:
            # A proxy of the environment is not for this machine itself; httpx would use it.
            environment = not _loopback(self.config.cluster.server)
            how = ConnectionParams(Timeout(seconds), trust_env=environment, proxy=self.proxy)
            return Client(self.config, how)
        except (ConfigError, InvalidURL, ImportError, OSError, ValueError, TypeError) as problem:
            raise NotAble(
                f"context {self.name}: its server, proxy, certificate or key cannot be used "
                f"({one_line(str(problem))}): log in again, or create the kubeconfig again"
            ) from None


def access(kubeconfig: Path | None, context: str = "") -> Access:
    """Return what a kubeconfig has of a context.

    Args:
        kubeconfig: the file; None for what kubectl would take.
        context: its name; empty for the current one.

    Raises:
        NotAble: there is no kubeconfig, or it is not usable.
        ParameterError: it has no such context.
    """
    given = _files(kubeconfig)
    if not given:
        return _in_cluster(context)
    clusters: dict[str, dict[str, Any]] = {}
    contexts: dict[str, dict[str, Any]] = {}
    users: dict[str, dict[str, Any]] = {}
    current = ""
    for path in given:
        data = _read(path)
        current = current or str(data.get("current-context") or "")
        try:
            file = _File.of(data)
        except ValueError as problem:
            raise NotAble(f"{path} is no kubeconfig: {problem}") from None
        for cluster in file.clusters or ():
            clusters.setdefault(cluster.name, _absolute(cluster.cluster, "cluster", path))
        for each in file.contexts or ():
            contexts.setdefault(each.name, each.context)
        for user in file.users or ():
            users.setdefault(user.name, _absolute(user.user or {}, "user", path))
    name, place = context or current, " + ".join(map(str, given))
    if not name:
        if not contexts:
            raise ParameterError(f"{place} has no context: log in with your provider's tool")
        raise ParameterError(f"{place} has no current context: give one of {', '.join(contexts)}")
    if name not in contexts:
        raise ParameterError(f"{place}: {unknown('context', name, contexts)}")
    wanted = contexts[name]
    cluster_name, user_name = wanted.get("cluster"), wanted.get("user")
    for kind, one, known in (("cluster", cluster_name, clusters), ("user", user_name, users)):
        if one not in known and (one or kind == "cluster"):  # kubectl also asks without a user
            raise NotAble(f"{place}: context {name} names a {kind} that is not there: {one!r}")
    found = _made(name, wanted, clusters[str(cluster_name)], users.get(str(user_name), {}))
    named = ["--kubeconfig", str(kubeconfig)] if kubeconfig else []
    return found._replace(kubectl=shlex.join(["kubectl", *named, "--context", name]))


def _files(kubeconfig: Path | None) -> list[Path]:
    """Return the files to read; none where only the pod's service account is left."""
    if kubeconfig is not None:
        file = expanded(kubeconfig)
        if not file.is_file():
            raise NotAble(f"there is no kubeconfig {kubeconfig}")
        return [file]
    names = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    tried = [Path(name) for name in names] or _usual()
    found = [path for path in tried if path.is_file()]
    if not found and (names or not (ACCOUNT / "token").is_file()):
        words = (
            "KUBECONFIG names {}, which does not exist"
            if names
            else "KUBECONFIG is not set, and {} does not exist"
        )
        sudo = "" if "SUDO_USER" not in os.environ else " (sudo drops both: use `sudo -E`)"
        raise NotAble(NONE.format(tried=words.format(", ".join(map(str, tried))), sudo=sudo))
    return found


def _usual() -> list[Path]:
    """Return the user's own file; none for a pod whose user has no home."""
    try:
        return [expanded("~/.kube/config", "KUBECONFIG")]
    except NotAble:
        if (ACCOUNT / "token").is_file():
            return []
        raise


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as problem:
        raise NotAble(f"{path} cannot be read: {one_line(str(problem))}") from None
    if not isinstance(data, dict):
        raise NotAble(f"{path} is no kubeconfig: it has no contexts")
    return data


def _absolute(entry: Mapping[str, Any], kind: str, path: Path) -> dict[str, Any]:
    """Return an entry of a file with paths that no longer depend on where that file is."""
    found = dict(entry)
    for field in FILES[kind]:
        if found.get(field):
            found[field] = str(path.absolute().parent / str(found[field]))
    login = found.get("exec")
    if isinstance(login, Mapping) and os.sep in str(login.get("command", "")):
        found["exec"] = {**login, "command": str(path.absolute().parent / login["command"])}
    return found


def _made(
    name: str, context: Mapping[str, Any], cluster: dict[str, Any], user: dict[str, Any]
) -> Access:
    for entry, fields in ((cluster, FILES["cluster"]), (user, FILES["user"])):
        for field in fields:
            if entry.get(f"{field}-data"):  # as kubectl does, what is written out goes first
                entry.pop(field, None)
            elif entry.get(field) and not Path(entry[field]).is_file():
                raise NotAble(
                    f"context {name}: its {field} {entry[field]} is not there: "
                    "log in again, or create the kubeconfig again"
                )
    if not cluster.get("server"):
        raise NotAble(f"context {name}: its cluster has no server")
    for one, other in (("client-certificate", "client-key"), ("client-key", "client-certificate")):
        if any(user.get(one + end) for end in ("", "-data")) and not any(
            user.get(other + end) for end in ("", "-data")
        ):
            raise NotAble(f"context {name}: its user has a {one} but no {other}")
    if "auth-provider" in user:
        raise NotAble(
            f"context {name} logs in by an auth-provider, which kubectl 1.26 removed: "
            "create the kubeconfig again with your provider's tool"
        )
    if any(field.startswith("as") for field in user):
        raise NotAble(f"context {name} acts as another user (`as`), which is not supported")
    if login := user.pop("exec", None):
        user["exec"] = _login(name, login, cluster)
    proxy, tls_name = cluster.pop("proxy-url", None), cluster.pop("tls-server-name", "")
    config = _config(name, {**context, "cluster": name, "user": name}, cluster, user)
    return Access(name, config, "kubectl", proxy or None, tls_name or "")


def _config(
    name: str, context: Mapping[str, Any], cluster: Mapping[str, Any], user: Mapping[str, Any]
) -> "SingleConfig":
    """Return lightkube's view of one context."""
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.core.exceptions import ConfigError

    try:
        found = KubeConfig.from_dict({
            "clusters": [{"name": name, "cluster": cluster}],
            "contexts": [{"name": name, "context": context}],
            "users": [{"name": name, "user": user}],
        }).get(name)  # fmt: skip
    except (ConfigError, ValueError, KeyError, TypeError) as problem:
        raise NotAble(
            f"context {name} of the kubeconfig is not valid: {one_line(str(problem))}"
        ) from None
    assert found is not None
    return found


def _login(name: str, login: Any, cluster: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Return the command that a user logs in by, with the variable that the newer ones demand.

    lightkube (1.0) runs those of versions v1alpha1 and v1beta1, whose answers v1 shares, and passes
    them nothing.
    """
    if not isinstance(login, Mapping) or not isinstance(login.get("command"), str):
        raise NotAble(f"context {name}: its login names no command")
    if not shutil.which(login["command"]):
        hint = one_line(str(login.get("installHint") or "install it, or log in another way"))
        raise NotAble(f"context {name} logs in by {login['command']}, which is not here: {hint}")
    version = str(login.get("apiVersion", "")).rpartition("/")[2]
    spec: dict[str, Any] = {"interactive": False}
    if login.get("provideClusterInfo"):
        spec["cluster"] = {key: cluster[key] for key in ("server", "certificate-authority-data")
                           if cluster.get(key)}  # fmt: skip
    info = {"kind": "ExecCredential", "apiVersion": login.get("apiVersion"), "spec": spec}
    environment = [*(login.get("env") or ()),
                   {"name": "KUBERNETES_EXEC_INFO", "value": json.dumps(info)}]  # fmt: skip
    taken = "v1beta1" if version == "v1" else version
    return {**login, "env": environment, "apiVersion": f"client.authentication.k8s.io/{taken}"}


def _in_cluster(context: str) -> Access:
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.core.exceptions import ConfigError

    if context not in ("", IN_CLUSTER):  # the name by which the run's reaper connects again
        raise ParameterError(f"there is no context {context!r} in a pod: leave it out")
    try:
        config = KubeConfig.from_service_account(ACCOUNT).get()
    except (ConfigError, KeyError, OSError) as problem:
        raise NotAble(f"the pod's service account cannot be used: {problem}") from None
    assert config is not None
    return Access(IN_CLUSTER, config, "kubectl")


def _loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

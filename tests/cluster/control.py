"""The control plane of the cluster, in the namespace of a lab's wire, and the way to it."""

import base64
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cniperf.beds.child import LocalChild, ends_with_us
from cniperf.beds.command import run
from cniperf.beds.journal import NETNS_DIR
from cniperf.beds.lab.bed import Lab
from cniperf.errors import NotAble, cause

PORT = 6443
LOOPBACK = "127.0.0.1"
SERVICES = "10.96.0.0/16"
RELAY = Path(__file__).with_name("relay.py")
PATIENCE = 60.0  # seconds
TOOLS = ("etcd", "openssl")

# The users by name, and their groups. Without RBAC each may do everything.
USERS = {"admin": "system:masters", "cniperf": "", "nobody": ""}

# What the pods of a test need: nobody replaces them, moves them, or gives them an account.
CONTROLLERS = "endpoint,endpointslice,namespace,garbagecollector,podgc"
NOT_ADMITTED = "ServiceAccount,TaintNodesByCondition"  # both wait for controllers that are not here


class ControlPlane:
    """etcd, API server, controller manager and scheduler.

    Args:
        lab: the lab.
        programs: the folder of Kubernetes' programs.
        folder: for settings, logs and data.
        address: where the nodes reach the API server.
        rbac: users may only do what roles allow them.
    """

    def __init__(self, lab: Lab, programs: Path, folder: Path, address: str, rbac: bool) -> None:
        self.lab, self.programs, self.folder = lab, programs, folder
        self.address, self._rbac = address, rbac
        self.children: dict[str, LocalChild] = {}

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Start etcd, the API server and the relay to it."""
        self.folder.mkdir()
        self._make_keys()
        lines = (f"{name},{name},{name},{group}" for name, group in USERS.items())
        (self.folder / "tokens.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._listen()
        self._start("etcd", [
            "etcd", f"--data-dir={self.folder / 'etcd-data'}",
            f"--listen-client-urls=http://{LOOPBACK}:2379", f"--advertise-client-urls=http://{LOOPBACK}:2379",
            f"--listen-peer-urls=http://{LOOPBACK}:2380",
        ])  # fmt: skip
        self.start_api_server()

    def start_api_server(self) -> None:
        """Start the API server; :meth:`wait` for it."""
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        self._start("kube-apiserver", [
            self.programs / "kube-apiserver", f"--etcd-servers=http://{LOOPBACK}:2379",
            f"--bind-address={self.address}", f"--advertise-address={self.address}",
            f"--secure-port={PORT}",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={key}", f"--service-account-key-file={certificate}",
            f"--service-cluster-ip-range={SERVICES}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            f"--authorization-mode={'RBAC' if self._rbac else 'AlwaysAllow'}",
            f"--disable-admission-plugins={NOT_ADMITTED}", "--allow-privileged",
            "--kubelet-preferred-address-types=InternalIP",
        ])  # fmt: skip

    def wait(self) -> None:
        """Wait until the API server is ready.

        Raises:
            NotAble: it has ended, or takes too long.
        """
        end = time.monotonic() + PATIENCE
        while not self._ready():
            self.look("kube-apiserver", end)

    def begin_controllers(self) -> None:
        """Start what acts on the API server's objects."""
        kubeconfig = f"--kubeconfig={self.inner}"
        self._start("kube-controller-manager", [
            self.programs / "kube-controller-manager", kubeconfig, "--leader-elect=false",
            f"--bind-address={LOOPBACK}", f"--controllers={CONTROLLERS}",
            f"--cert-dir={self.folder / 'manager'}",
        ])  # fmt: skip
        self._start("kube-scheduler", [
            self.programs / "kube-scheduler", kubeconfig, "--leader-elect=false",
            f"--bind-address={LOOPBACK}", f"--cert-dir={self.folder / 'scheduler'}",
        ])  # fmt: skip

    def look(self, name: str, end: float) -> None:
        """Wait a moment.

        Raises:
            NotAble: one of its programs has ended, or time is up.
        """
        if self.children[name].poll() is not None or time.monotonic() > end:
            said = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
            raise NotAble(f"{name} does not come up: {cause(said[-2000:])}")
        time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            return self.call("GET", "/readyz") == "ok"
        except OSError:
            return False

    def _start(self, name: str, argv: Sequence[str | Path], **more: Any) -> LocalChild:
        """Start a program in the wire's namespace; it ends with this process."""
        namespace = f"--net={NETNS_DIR / self.lab.namespace('wire')}"
        with (self.folder / f"{name}.log").open("ab") as log:
            child = LocalChild(
                ends_with_us(["nsenter", namespace, "--", *map(str, argv)]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.folder, **more,
            )  # fmt: skip
        self.lab.journal.add_process(child.pid)
        self.children[name] = child
        return child

    def end(self) -> None:
        """End all at once: nothing of it is needed again."""
        for child in self.children.values():
            child.kill()
        for child in self.children.values():
            child.wait()

    # ── bad days ──────────────────────────────────────────────────────────────────────────────

    def pause_api_server(self) -> None:
        """Stop the API server where it is: connections stay, and nobody answers."""
        self.children["kube-apiserver"].send_signal(signal.SIGSTOP)

    def resume_api_server(self) -> None:
        """Let the API server go on."""
        self.children["kube-apiserver"].send_signal(signal.SIGCONT)

    def kill_api_server(self) -> None:
        """Kill the API server: connections break, and new ones end at once."""
        self.children["kube-apiserver"].kill()
        self.children["kube-apiserver"].wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the whole control plane meanwhile: it then takes no CPU time."""
        for child in self.children.values():
            child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for child in reversed(self.children.values()):
                child.send_signal(signal.SIGCONT)

    # ── the way in ────────────────────────────────────────────────────────────────────────────

    def _listen(self) -> None:
        """Open a port of loopback, and relay from there."""
        with socket.create_server((LOOPBACK, 0)) as listening:
            self.url = f"https://{LOOPBACK}:{listening.getsockname()[1]}"
            words = [sys.executable, "-SE", RELAY, str(listening.fileno()), self.address, str(PORT)]
            self._start("relay", words, pass_fds=[listening.fileno()])
        self.inner = self._write_kubeconfig("inner", "admin", f"https://{self.address}:{PORT}")
        for user in USERS:
            self._write_kubeconfig(user, user, self.url)

    def kubeconfig(self, user: str = "admin") -> Path:
        """Return the settings with which a client reaches the API server as one of the users."""
        return self.folder / f"{user}.kubeconfig"

    def _write_kubeconfig(self, name: str, user: str, url: str) -> Path:
        authority = base64.b64encode((self.folder / "certificate.pem").read_bytes()).decode()
        cluster = {"server": url, "certificate-authority-data": authority}
        settings = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "rig", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": user}}],
            "contexts": [{"name": user, "context": {"cluster": "rig", "user": user}}],
            "current-context": user,
        }
        file = self.folder / f"{name}.kubeconfig"
        file.write_text(json.dumps(settings, indent=1), encoding="utf-8")  # JSON is YAML
        return file

    def _make_keys(self) -> None:
        names = f"subjectAltName=IP:{LOOPBACK},IP:{self.address}"
        usage = "keyUsage=critical,digitalSignature,keyCertSign"
        run(["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-days", "1", "-subj", "/CN=rig", "-addext", names, "-addext", usage,
             "-keyout", "key.pem", "-out", "certificate.pem"], folder=self.folder)  # fmt: skip
        self._trust = ssl.create_default_context(cafile=str(self.folder / "certificate.pem"))

    # ── requests ──────────────────────────────────────────────────────────────────────────────

    def call(
        self, method: str, path: str, body: object = None, user: str = "admin", timeout: float = 10
    ) -> Any:
        """Send one request to the API server and return what it answers.

        Raises:
            OSError: it does not answer, or with an error.
        """
        merge = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {user}", "Content-Type": merge},
        )  # fmt: skip
        direct = urllib.request.ProxyHandler({})  # whatever the environment says
        opener = urllib.request.build_opener(
            direct, urllib.request.HTTPSHandler(context=self._trust)
        )
        with opener.open(request, timeout=timeout) as answer:
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers["Content-Type"] else text

    def create(self, item: Mapping[str, Any]) -> Any:
        """Create an object, as a manifest has it."""
        version, place = item["apiVersion"], item["metadata"].get("namespace")
        base = "/api/v1" if version == "v1" else f"/apis/{version}"
        inside = f"/namespaces/{place}" if place else ""
        return self.call("POST", f"{base}{inside}/{item['kind'].lower()}s", item)

    def grant(self, role: Mapping[str, Any], user: str = "cniperf") -> None:
        """Create a Role or a ClusterRole, and bind a user to it."""
        self.create(role)
        kind, name = role["kind"], role["metadata"]["name"]
        api = "rbac.authorization.k8s.io"
        self.create({
            "apiVersion": role["apiVersion"], "kind": f"{kind}Binding", "metadata": role["metadata"],
            "roleRef": {"apiGroup": api, "kind": kind, "name": name},
            "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
        })  # fmt: skip


def require() -> None:
    """Check that this machine has what a control plane consists of.

    Raises:
        NotAble: with what is missing.
    """
    if missing := [name for name in TOOLS if not shutil.which(name)]:
        raise NotAble(f"a control plane cannot be made: {', '.join(missing)} not installed")

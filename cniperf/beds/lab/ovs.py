"""One Open vSwitch a lab host: its own database server and switch daemon in its namespace."""

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from shutil import which

from cniperf import stop
from cniperf.beds.child import ends_with_us
from cniperf.beds.command import CommandFailed, run
from cniperf.beds.reaper import swept
from cniperf.errors import NotAble, cause

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
TUN = "/dev/net/tun"  # of which the userspace datapath makes its internal ports
TOOLS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl")

Start = Callable[[Sequence[str], Path], object]
Run = Callable[[Sequence[str]], object]


@cache
def datapath() -> str:
    """Return ``system`` where this kernel has the openvswitch module, else ``netdev``."""
    if Path("/sys/module/openvswitch").exists():
        return "system"
    found = which("modprobe") and subprocess.run(
        ["modprobe", "--dry-run", "--quiet", "openvswitch"], check=False
    )
    return "system" if found and found.returncode == 0 else "netdev"


def missing() -> list[str]:
    """Return the Open vSwitch tools that are not installed."""
    return [tool for tool in TOOLS if which(tool) is None]


def closed() -> bool:
    """Return whether the userspace datapath runs here, but may not make devices."""
    return datapath() == "netdev" and not os.access(TUN, os.R_OK | os.W_OK)


def require() -> None:
    """Fail where Open vSwitch is not installed, or may not make its devices.

    Raises:
        NotAble: with the command that helps.
    """
    if gone := missing():
        raise NotAble(
            f"Open vSwitch is not installed ({', '.join(gone)} not found): "
            "apt-get install openvswitch-switch"
        )
    if closed():
        raise NotAble(
            f"Open vSwitch in userspace needs {TUN}, which only root may open here: "
            f"sudo chmod a+rw {TUN}, or put sudo before it"
        )


@cache
def trial() -> str:
    """Run Open vSwitch for a moment, as a lab does; return why that fails, or an empty text."""
    with swept(f"ovs-{secrets.token_hex(2)}") as journal:
        folder = journal.made_folder()
        environs = {**os.environ, **environ(folder)}
        running: list[subprocess.Popen[bytes]] = []

        def begin(argv: Sequence[str], log: Path) -> None:
            words = ends_with_us(["unshare", "--net", "--", *argv])
            with log.open("wb") as file:
                running.append(subprocess.Popen(words, env=environs, stdout=file, stderr=file,
                                                start_new_session=True))  # fmt: skip

        try:
            start(folder, begin, lambda argv: run(argv, environ=environs))
            kind = f"datapath_type={datapath()}"
            vsctl = ["ovs-vsctl", "--timeout=10"]
            run([*vsctl, "add-br", "try0", "--", "set", "Bridge", "try0", kind], environ=environs)
            said = run([*vsctl, "get", "Interface", "try0", "error"], environ=environs).strip()
            return "" if said == "[]" else said
        except (CommandFailed, NotAble, OSError) as problem:
            return cause(str(problem))
        finally:
            for child in running:
                child.terminate()
            for child in running:
                child.wait()


def environ(rundir: Path) -> dict[str, str]:
    """Return the variables that connect the Open vSwitch tools to the daemons in a folder."""
    folders = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
    return {folder: str(rundir) for folder in folders}


def start(rundir: Path, start: Start, run: Run) -> None:
    """Start the two daemons of one host.

    Args:
        rundir: the host's own run folder, which exists; keep its path short, as a socket's
            name has 108 bytes at most.
        start: starts a command on the host, its output going to a file.
        run: runs a command on the host to its end.
    """
    database = rundir / "conf.db"
    run(["ovsdb-tool", "create", str(database), str(SCHEMA)])
    socket = rundir / "db.sock"
    start(["ovsdb-server", str(database), f"--remote=punix:{socket}", "--pidfile"],
          rundir / "ovsdb-server.log")  # fmt: skip
    _wait_for(socket)  # `ovs-vsctl --retry` would do, but waits a second between tries
    run(["ovs-vsctl", "--no-wait", "init"])  # the switch daemon is not there yet
    start(["ovs-vswitchd", f"unix:{socket}", "--pidfile"], rundir / "ovs-vswitchd.log")
    # That daemon may take its time: the first `ovs-vsctl add-br` waits until it has done its work.


def _wait_for(file: Path, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not file.exists():
        if time.monotonic() > deadline:
            log = file.parent / "ovsdb-server.log"
            said = cause(log.read_text(encoding="utf-8", errors="replace")) or "no word of it"
            raise NotAble(f"Open vSwitch is installed, but its database does not start: {said}")
        stop.sleep(0.005)

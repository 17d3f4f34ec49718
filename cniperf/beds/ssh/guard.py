"""The dead man's switch: a host undoes its changes when contact ends.

Before anything is changed on a host a folder is made there (it is also the lock: one load at a
time), with the script that undoes everything, a *lease*, and a process of the host's own that
watches it. The controller renews the lease. When this stops, because a cable was cut, a connection
dropped or the controller died, the process runs the script and removes the folder.

Times are the host's uptime, which no clock adjustment moves.
"""

import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress

from cniperf.beds import shell
from cniperf.beds.command import CommandFailed
from cniperf.beds.ssh.connection import HostLost
from cniperf.beds.ssh.remote import BEGAN, Remote
from cniperf.errors import Busy

NOW = "cut -d. -f1 /proc/uptime"
# A reader of the lease finds the old one or the new, never an empty file.
RENEW = f'{NOW} >"$d/lease.$$" && mv "$d/lease.$$" "$d/lease"'
SLACK = 10  # seconds after the grace time that a living switch needs at most to have undone all

# A host is its network namespace: two of them on one machine have a folder each. It is there whole
# or not at all, so that only one of two simultaneous claims gets it.
FOLDER = "/run/cniperf-host-"
CLAIM = f"""d={FOLDER}$(stat -Lc %i /proc/self/ns/net); new=$d.$$
publish() {{{{ mv -T "$new" "$d" 2>/dev/null; }}}}
mkdir -m 755 "$new" "$new/files" || exit 4
cat >"$new/switch.sh"; : >"$new/pids"
echo {{owner}} >"$new/owner"; echo {{grace}} >"$new/grace"; {NOW} >"$new/lease"
if ! publish; then
  number() {{{{ case $1 in ''|*[!0-9]*) return 1;; esac; }}}}
  read_both() {{{{ lease=$(cat "$d/lease" 2>/dev/null); grace=$(cat "$d/grace" 2>/dev/null); }}}}
  read_both
  number "$lease" && number "$grace" || {{{{ sleep 1; read_both; }}}}  # it may end just now
  if [ -e "$d" ] && ! {{{{ number "$lease" && number "$grace"; }}}}; then
    rm -rf "$new"; echo "$d" >&2; exit 5
  fi
  lease=${{{{lease:-0}}}}; grace=${{{{grace:-0}}}}
  age=$(($({NOW}) - lease))
  if [ "$age" -le $((grace + {SLACK})) ]; then rm -rf "$new"; echo "$age" >&2; exit 3; fi
  # Its switch was also killed: do its work.
  sh "$d/undo.sh"; rm -rf "$d"; publish || {{{{ rm -rf "$new"; exit 4; }}}}
fi
echo "$d"
"""

# What was started here and still runs is ended.
SWEEP = f"""{BEGAN}while read -r p start; do
  [ "$(began "$p")" = "$start" ] || continue
  kill "$p"; sleep 0.1; [ "$(began "$p")" = "$start" ] && kill -9 "$p"
done <"$d/pids" 2>/dev/null
"""

# The folder may be another run's by now, which has its own switch.
SWITCH = f"""d=$1; grace=$2; owner=$3; lease=$({NOW})
while sleep 1; do
  [ "$(cat "$d/owner" 2>/dev/null)" = "$owner" ] || exit 0
  now=$(cat "$d/lease" 2>/dev/null)
  case $now in ''|*[!0-9]*) ;; *) lease=$now;; esac  # one that cannot be read renews nothing
  [ $(($({NOW}) - lease)) -le "$grace" ] && continue
  exec sh "$d/undo.sh"
done
"""

# systemd keeps it through the end of the session where it would end all of one's processes.
START = """if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
  ovs=$(env | sed -n 's/^OVS_/--setenv=OVS_/p')
  systemd-run --quiet --collect --unit="cniperf-${{d##*-}}-$$" $ovs \\
    sh "$d/switch.sh" "$d" {grace} {owner} >/dev/null 2>&1
else
  setsid sh "$d/switch.sh" "$d" {grace} {owner} </dev/null >/dev/null 2>&1 &
fi
"""


class Guard:
    """The switch on one host.

    Args:
        host: it must be connected.
        grace: seconds after the last renewal at which the host undoes its changes.
    """

    def __init__(self, host: Remote, grace: int) -> None:
        self.host, self.grace, self.folder = host, grace, ""
        self._owner = secrets.token_hex(4)

    def claim(self) -> None:
        """Take the host for one load.

        Raises:
            Busy: another user has it.
        """
        claim = CLAIM.format(grace=self.grace, owner=self._owner)
        try:
            self.folder = self.host.run(claim, SWITCH).strip()
        except CommandFailed as problem:
            if problem.reason.startswith(FOLDER):
                raise Busy(
                    f"host {self.host.machine.name} has {problem.reason} of another run, whose "
                    "last contact is unknown: wait for that run, or, if no run is active, run "
                    f"`sh {problem.reason}/undo.sh` and remove the folder"
                ) from None
            if not problem.reason.isdigit():  # not another's, but no folder could be made
                raise
            raise Busy(
                f"host {self.host.machine.name} is taken by another run (last contact "
                f"{problem.reason} s ago): wait until it ends"
            ) from None

    def arm(self, undo: str) -> None:
        """Install what undoes everything, then the process that watches; may be called again.

        Args:
            undo: lines of shell.
        """
        d = f"d={shell.line([self.folder])}\n"
        head = f"{d}PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH\n"
        script = head + SWEEP + undo + 'rm -rf "$d"\n'
        self.host.put(f"{self.folder}/undo.new", script)
        start = START.format(grace=self.grace, owner=self._owner)
        self.host.run(
            f'{d}mv "$d/undo.new" "$d/undo.sh"; {RENEW}\n'
            f'[ -e "$d/armed" ] || {{ : >"$d/armed"; {start} }}'
        )

    def renew(self) -> None:
        """Ask the host to wait another grace time.

        Raises:
            HostLost: it has taken itself back, or the connection is gone.
        """
        try:
            self.host.run(f'd={shell.line([self.folder])}; [ -d "$d" ] && {RENEW}')
        except CommandFailed:
            raise HostLost(
                f"host {self.host.machine.name} undid the wiring, because it had no contact for "
                f"more than {self.grace} s: check the connection, or raise grace (--grace)"
            ) from None

    def release(self) -> None:
        """Undo everything now, and let the switch end."""
        if self.folder:
            d = shell.line([self.folder])
            self.host.run(f'd={d}; if [ -e "$d/undo.sh" ]; then sh "$d/undo.sh"; fi; rm -rf "$d"')
            self.folder = ""


class Renewal:
    """Renews the leases of some hosts, on its own thread, until it is stopped."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards, self._stop = guards, threading.Event()
        self.problem: HostLost | None = None
        self._thread = threading.Thread(target=self._run, name="cniperf-renewal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing."""
        self._stop.set()
        with suppress(RuntimeError):
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(max(1.0, min(guard.grace for guard in self._guards) / 4)):
            try:
                for guard in self._guards:
                    guard.renew()
            except HostLost as problem:
                self.problem = problem
                return

"""A pod of ours, and its processes: each command is short, and no stream stays open during a load.

Output through a stream that stays open may be cut, with exit code 0 even (kubernetes/kubernetes
124571, 73056). So a process starts detached, under ``timeout``, and what it prints goes to a file
of the pod, which is fetched with its size and checksum.
"""

import base64
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from cniperf import stop
from cniperf.beds.child import carried, listeners, sleeping_shell
from cniperf.beds.command import CommandFailed
from cniperf.beds.k8s.manifests import CONTAINER, WORK, variable
from cniperf.beds.k8s.trouble import ExecCut
from cniperf.errors import CannotWrite, CniperfError, MeasurementFailed, one_line

if TYPE_CHECKING:
    from cniperf.beds.k8s.client import Cluster
    from cniperf.beds.k8s.remote_command import Said

PATIENCE = 20.0  # seconds of a short command
LOOK = 4.0  # seconds that one command waits for a process's end at most

# Starts a command detached: $1 is its output, $2 what its pid and exit code are filed under, $3 the
# seconds after which it is ended, the rest the command. Run again, it starts nothing more.
START = """
out=$1 own=$2 limit=$3; shift 3; mkdir -p "${out%/*}"
if mkdir "$own" 2>/dev/null; then
  ( timeout -s KILL "$limit" sh -c 'echo $$ >"$0/pid"; exec "$@"' "$own" "$@" </dev/null \\
      >"$out" 2>&1
    echo $? >"$own/part"; mv "$own/part" "$own/code" ) </dev/null >/dev/null 2>&1 &
fi
while [ ! -s "$own/pid" ]; do sleep 0.01; done; cat "$own/pid"
"""

# Prints the exit code that is filed under $1, once there is one, after $2 seconds at most.
AWAIT = """
p=$(cat "$1/pid")
[ -e "$1/code" ] || timeout "$2" tail -s 0.05 -f /dev/null --pid="$p" || true
while [ ! -e "$1/code" ] && ! kill -0 "$p" 2>/dev/null; do sleep 0.01; done
cat "$1/code" 2>/dev/null || true
"""

# Prints the files of a folder as JSON: by name, the checksum and what a command may print of it.
PACK = """
import base64, hashlib, json, os, sys
found = {}
for each in os.scandir(sys.argv[1]):
    if each.is_file(follow_symlinks=False):
        with open(each.path, "rb") as file:
            text = file.read()
        part = base64.b64encode(text[:262144]).decode()
        found[each.name] = (hashlib.sha256(text).hexdigest(), part)
print(json.dumps(found))
"""

TRIES = 3  # of a command


class RunningPod:
    """A pod that runs.

    Args:
        cluster: which has it.
        namespace, name: where it is.
        seconds: after which a process in it is ended, whatever becomes of us.
    """

    def __init__(self, cluster: "Cluster", namespace: str, name: str, seconds: int) -> None:
        self._cluster, self.namespace, self.name = cluster, namespace, name
        self._seconds = seconds
        self._pushed: set[str] = set()
        self._written: set[str] = set()
        self._numbers = count(1)

    def command(self, argv: Sequence[str], seconds: float = PATIENCE) -> str:
        """Run a short command to its end; return its standard output.

        Raises:
            CommandFailed: it ended with another code than 0.
            ClusterLost: the cluster did not answer.
        """
        done = self._exec(list(argv), seconds)
        if done.code:
            error = done.stderr.decode(errors="replace").strip()
            words = error or done.text.strip() or f"exit code {done.code}"
            raise CommandFailed(argv, words, f"pod {self.name}")
        return done.text

    def _exec(self, argv: list[str], seconds: float) -> "Said":
        """Run a command; one whose end was cut off is run again: all of ours may be."""
        for _ in range(TRIES - 1):
            with suppress(ExecCut):
                return self._cluster.exec(self.namespace, self.name, argv, container=CONTAINER,
                                          seconds=seconds)  # fmt: skip
        return self._cluster.exec(self.namespace, self.name, argv, container=CONTAINER,
                                  seconds=seconds)  # fmt: skip

    def shell(self, script: str, *words: str, seconds: float = PATIENCE) -> str:
        """Run a short shell script with some words; return its standard output."""
        return self.command(["sh", "-c", script, "cniperf", *words], seconds)

    def start(self, argv: Sequence[str], output: Path) -> "PodProcess":
        """Start a command detached; words that name the output's folder mean its twin."""
        folder = output.parent
        self._written.add(self.twin(folder, folder))
        if any(str(folder) in word for word in argv):
            self._push(folder)
        own = f"{WORK}/process-{next(self._numbers)}"
        pid = self.shell(START, self.twin(output, folder), own, str(self._seconds),
                         *(self.twin(word, folder) for word in argv))  # fmt: skip
        if not pid.strip().isdigit():
            raise MeasurementFailed(f"pod {self.name} did not start {argv[0]}: {one_line(pid)}")
        return PodProcess(self, int(pid), own)

    def start_python(self, program: Path, word: str, output: Path) -> "PodProcess":
        """Start one of cniperf's programs, which the pod has in a variable."""
        line = f'exec python3 -SE -c "${variable(program.name)}" "$1"'
        return self.start(["sh", "-c", line, "cniperf", word], output)

    @staticmethod
    def twin(text: str | Path, folder: Path) -> str:
        """Return a text that names a folder of this machine as one that names its twin."""
        return str(text).replace(str(folder), f"{WORK}/{folder.name}")

    def _push(self, folder: Path) -> None:
        """Bring what a generator has written for its processes to the folder's twin."""
        for file in folder.iterdir():
            if file.is_file() and file.name not in self._pushed:
                with suppress(UnicodeDecodeError):
                    text = self.twin(file.read_text(encoding="utf-8"), folder)
                    packed = base64.b64encode(text.encode()).decode()  # a word has no null byte
                    self.shell('mkdir -p "${1%/*}"; echo "$2" | base64 -d >"$1"',
                               self.twin(file, folder), packed)  # fmt: skip
                    self._pushed.add(file.name)

    def fetch(self, folder: Path) -> None:
        """Bring here what processes have left in the folder's twin.

        Raises:
            CannotWrite: there is no place for it.
        """
        twin = self.twin(folder, folder)
        if twin not in self._written:
            return
        found = json.loads(self.command(["python3", "-SE", "-c", PACK, twin]))
        for name, (checksum, packed) in found.items():
            if name in self._pushed:
                continue
            content = base64.b64decode(packed)
            if sha256(content).hexdigest() != checksum:  # larger than what is sent along, or cut
                content = self._cluster.fetch(self.namespace, self.name, f"{twin}/{name}",
                                              container=CONTAINER)  # fmt: skip
            try:
                (folder / name).write_bytes(content)
            except OSError as problem:
                raise CannotWrite(f"{folder.parent}: {problem.strerror}") from None


class PodProcess:
    """A process in a pod; a :class:`cniperf.beds.child.Child`."""

    def __init__(self, pod: RunningPod, pid: int, own: str) -> None:
        self._pod, self.pid, self._own = pod, pid, own
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._look("0.001")

    def ended(self, within: float) -> bool:
        """Wait for its end by commands that wait in the pod, none of them for long."""
        limit = time.monotonic() + within
        while self.returncode is None:
            self._look(f"{min(max(limit - time.monotonic(), 0.001), LOOK):.3f}")
            if time.monotonic() >= limit:
                break
        return self.returncode is not None

    def _look(self, seconds: str) -> int | None:
        if self.returncode is None:
            stop.look()
            said = self._pod.shell(AWAIT, self._own, seconds).strip()
            self.returncode = int(said) if said.isdigit() else None
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end; a stopped one must continue to receive that."""
        self._signal("TERM")
        self._look("0.3")

    def rest(self) -> None:
        """Stop it until it gets the signal to continue."""
        self._signal("STOP")

    def kill(self) -> None:
        """End it; it is not asked."""
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        with suppress(CniperfError):  # the pod has gone, and so has the process
            on = "" if name == "STOP" else f"; kill -CONT {self.pid}"
            self._pod.shell(f"kill -{name} {self.pid}{on}; true")

    def wait(self) -> int:
        """Wait until it has ended; return the exit code."""
        while not self.ended(within=10):
            pass
        return self.returncode or 0

    def listens(self, address: str, port: int) -> bool:
        """Report whether it, and no other process there, listens on a TCP port."""
        said = self._read(f"cat /proc/{self.pid}/net/tcp; echo; ls -l /proc/{self.pid}/fd")
        table, _, files = said.partition("\n\n")
        return any(end in files for end in listeners(table, address, port))

    def bytes_carried(self, device: str) -> int | None:
        """Return the bytes that a device in its network namespace has received and sent."""
        return carried(self._read("cat /proc/net/dev"), device)

    def sleeps_in_shell(self) -> bool:
        """Report whether it is a shell still, and one that waits for something."""
        return sleeping_shell(self._read(f"cat /proc/{self.pid}/stat").strip() or "0 () X")

    def _read(self, script: str) -> str:
        return self._pod.shell(f"{{ {script}; }} 2>/dev/null; true")

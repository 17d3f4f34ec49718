"""A guest: QEMU as a child of this process, in a network namespace that leads nowhere."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cniperf import stop
from cniperf.beds.bottle.image import archive, image
from cniperf.beds.bottle.kernel import Kernel, kernel
from cniperf.beds.child import ends_with_us
from cniperf.beds.command import run
from cniperf.beds.journal import Journal, state_dir
from cniperf.errors import CniperfError, NotAble, one_line

QEMU = "qemu-system-x86_64"
PACKAGES = {QEMU: "qemu-system-x86", "cpio": "cpio", "depmod": "kmod", "socat": "socat"}

BEGIN = 1_767_225_600  # 2026-01-01, when the clock of a guest that counts begins
MEMORY = 1024  # MiB of a guest: the archive, what is unpacked of it, and a load's buffers
BOOTS_WITHIN = 90.0  # seconds; a loaded machine takes ten times what an idle one does
HELLO_WITHIN = 15.0  # seconds for KVM, with which a guest is there in one

# The kernel copies a byte an instruction where the CPU claims ERMS or FSRM, else eight.
NO_FAST_COPY = "max,-erms,-fsrm"

# mitigations=off: they cost what an emulated CPU need not pay. no_timer_check: that check takes a
# second. The rest: the same boot each time.
CMDLINE = ("console=ttyS0 quiet panic=-1 mitigations=off nokaslr "
           "no_timer_check random.trust_cpu=on random.trust_bootloader=on")  # fmt: skip


CHATTER = ("[", "cniperf: ")  # of the kernel, and of init.sh


class GuestFailed(CniperfError):
    """A guest did not boot, or ended before it should."""


def missing() -> dict[str, str]:
    """Return the commands that guests need and this machine lacks, with their packages."""
    return {name: package for name, package in PACKAGES.items() if shutil.which(name) is None}


def require() -> None:
    """Fail where no guest can be made.

    Raises:
        NotAble: with the command that installs what is missing.
    """
    if gone := missing():
        packages = " ".join(sorted(set(gone.values())))
        raise NotAble(f"{', '.join(gone)} not found, which guests need: apt-get install {packages}")


def version() -> str:
    """Return QEMU's version."""
    found = re.search(r"\d+(\.\d+)+", run([QEMU, "--version"]))
    return found[0] if found else ""


class Guest:
    """One virtual machine. It ends with this process, and is recorded for the sweep after it.

    Args:
        folder: of the guest's own files, which exists: its console is ``console`` there.
        settings: what ``init.sh`` reads as ``/boot.conf``.
        files: further files of the guest, by their absolute names.
        options: QEMU's, beside those of every guest.
        cmdline: the kernel's, beside that of every guest.
        enter: words before the command, that bring it into its network namespace.
        journal: where its pid is recorded.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *,
        files: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        cmdline: str = "",
        enter: Sequence[str] = (),
        journal: Journal,
    ) -> None:
        self.folder, self.console = folder, folder / "console"
        made = kernel()
        self.console.touch()
        argv = [
            *enter, QEMU, "-machine", "q35", "-m", str(MEMORY), "-smp", "1", "-no-reboot",
            "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", str(made.image), "-initrd", str(self._initrd(made, settings, files or {})),
            "-append", f"{CMDLINE} {cmdline}", "-serial", f"file:{self.console}", *options,
        ]  # fmt: skip
        self._log = folder / "qemu"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ends_with_us(argv),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        journal.add_process(self._process.pid)

    def _initrd(self, made: Kernel, settings: Mapping[str, str], files: Mapping[str, str]) -> Path:
        """Write the archive of every guest with this one's own files behind it."""
        own, whole = self.folder / "own", self.folder / "initrd"
        conf = "".join(f"{name}='{value}'\n" for name, value in settings.items())
        for name, text in {"/boot.conf": conf, **files}.items():
            file = own / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            file.chmod(0o600)
        for path in (own, *own.rglob("*")):  # to read another date takes other instructions
            os.utime(path, (BEGIN, BEGIN))
        archive(own, self.folder / "own.cpio")
        with whole.open("wb") as out:
            for part in (image(made), self.folder / "own.cpio"):
                with part.open("rb") as source:
                    shutil.copyfileobj(source, out, 1 << 20)
        return whole

    @property
    def pid(self) -> int:
        """QEMU's process."""
        return self._process.pid

    def says(self, word: str, within: float = BOOTS_WITHIN) -> None:
        """Wait until the console has a line ``cniperf: WORD``.

        Raises:
            GuestFailed: it ended, or did not report it in time.
        """
        deadline = time.monotonic() + within
        while True:
            ended = self._process.poll() is not None  # its last output is there by now
            if f"cniperf: {word}" in self.console.read_text(errors="replace", encoding="utf-8"):
                break
            if ended:
                raise GuestFailed(f"a guest ended with code {self._process.returncode}: "
                                  f"{self.last_words()}")  # fmt: skip
            if time.monotonic() > deadline:
                raise GuestFailed(f"a guest did not get ready within {within:.0f} s: "
                                  f"{self.last_words()}")  # fmt: skip
            stop.sleep(0.02)
        (self.folder / "initrd").unlink(missing_ok=True)

    def raise_if_gone(self) -> None:
        """Report a guest that ended by itself.

        Raises:
            GuestFailed: it did.
        """
        if self._process.poll() is not None:
            raise GuestFailed(f"a guest ended in the middle of a run, with code "
                              f"{self._process.returncode}: {self.last_words()}")  # fmt: skip

    def wait(self, within: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until it has ended by itself.

        Raises:
            GuestFailed: it did not within so many seconds.
        """
        deadline = time.monotonic() + within
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                raise GuestFailed(f"a guest did not end within {within:.0f} s: {self.last_words()}")
            meanwhile()
            stop.sleep(0.05)

    def last_words(self) -> str:
        """Return the last line that QEMU printed, or of the guest's console; for people."""
        for file in (self._log, self.console):
            said = file.read_text(errors="replace", encoding="utf-8").splitlines()
            own = [line for line in said if line.strip() and not line.startswith(CHATTER)]
            if own:
                return one_line(own[-1])[-200:]
        return "it printed nothing"

    def end(self) -> None:
        """End it at once; safe to call twice."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def accelerator(journal: Journal, folder: Path) -> str:
    """Return ``kvm`` where KVM boots a guest, else ``tcg`` (software emulation).

    A ``/dev/kvm`` that is there proves nothing: under another hypervisor a guest may hang. So one
    is booted, once until the machine restarts.
    """
    known = state_dir() / "accelerator"
    if not known.exists():
        folder.mkdir(parents=True)
        known.write_text("kvm" if _kvm_boots(journal, folder) else "tcg", encoding="utf-8")
    return known.read_text(encoding="utf-8")


def _kvm_boots(journal: Journal, folder: Path) -> bool:
    if not Path("/dev/kvm").exists():
        return False
    guest = Guest(folder, {"kind": "hello"}, options=["-accel", "kvm", "-cpu", "host"],
                  journal=journal)  # fmt: skip
    try:
        guest.says("hello", within=HELLO_WITHIN)
    except GuestFailed:
        return False
    finally:
        guest.end()
    return True
